"""The state of the simulated Azure, shared by its resource providers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.azure.backend import ClusterBackend
from sandbox.azure.core.catalog import Catalog
from sandbox.azure.core.clock import Clock
from sandbox.azure.core.errors import ArmError, not_found
from sandbox.azure.core.faults import Faults
from sandbox.azure.core.journal import Journal
from sandbox.azure.core.operations import Operations
from sandbox.azure.core.routing import Call
from sandbox.azure.core.store import Resource, Store
from sandbox.azure.core.throttle import Throttle

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
CLIENT_ID = "22222222-2222-2222-2222-222222222222"
CLIENT_SECRET = "sandbox-client-secret-3d1b"
REGIONS = ("eastus", "eastus2", "westus2", "westeurope", "northeurope", "uksouth", "westindia")

REGISTERED_FROM_THE_START = (
    "Microsoft.Resources",
    "Microsoft.Authorization",
    "Microsoft.Features",
    "Microsoft.Compute",
    "Microsoft.ContainerService",  # as after a first visit to the portal; `az aks create` does not register it
)
PROVIDERS = (
    "Microsoft.Resources",
    "Microsoft.Authorization",
    "Microsoft.Features",
    "Microsoft.Compute",
    "Microsoft.ContainerService",
    "Microsoft.Network",
    "Microsoft.ManagedIdentity",
    "Microsoft.ContainerRegistry",
    "Microsoft.OperationalInsights",
    "microsoft.insights",
    "Microsoft.Monitor",
    "Microsoft.AlertsManagement",
)

KNOWN_FEATURES = ("Microsoft.ContainerService/VMSSPreview", "Microsoft.ContainerService/AKSNetworkModePreview")


@dataclass
class World:
    """Everything there is, and the means to change it."""

    clock: Clock
    backend: ClusterBackend
    catalog: Catalog
    journal: Journal
    base: Callable[[], str]
    state_dir: Path
    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=Faults)
    subscriptions: dict[str, str] = field(default_factory=lambda: {SUBSCRIPTION: "Enabled"})
    tenants: dict[str, str] = field(default_factory=lambda: {SUBSCRIPTION: TENANT})
    """The tenant of each subscription."""
    owners: set[str] = field(default_factory=lambda: {CLIENT_ID})
    """Applications that are Owner of everything in their tenant."""
    providers: dict[str, str] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    applications: dict[str, dict[str, Any]] = field(default_factory=dict)
    principals: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, tuple[str, datetime]]] = field(default_factory=dict)
    born: dict[str, datetime] = field(default_factory=dict)
    registrations: list[tuple[str, datetime]] = field(default_factory=list)
    """The registrations of providers and features, and when each began."""
    series: dict[tuple[str, str], list[tuple[datetime, float]]] = field(default_factory=dict)
    page_size: int = 100

    def __post_init__(self) -> None:
        self.operations = Operations(self.clock, self.base)
        self.throttle = Throttle(self.clock)
        for name in PROVIDERS:
            self.providers[name] = "Registered" if name in REGISTERED_FROM_THE_START else "NotRegistered"
        self.features.update(dict.fromkeys(KNOWN_FEATURES, "NotRegistered"))

    def require_provider(self, namespace: str) -> None:
        """Raises MissingSubscriptionRegistration unless the provider is Registered."""
        for name, state in self.providers.items():
            if name.lower() == namespace.lower() and state != "Registered":
                message = (
                    f"The subscription is not registered to use namespace '{name}'. "
                    "See https://aka.ms/rps-not-found for how to register subscriptions."
                )
                raise ArmError(409, "MissingSubscriptionRegistration", message)

    def group(self, call: Call, *, writing: bool = False) -> Resource:
        """The resource group of a call. Raises ResourceGroupNotFound, ResourceGroupBeingDeleted."""
        return self.group_of(call["sub"], call["rg"], writing=writing)

    def group_of(self, subscription: str, name: str, *, writing: bool = False) -> Resource:
        """A resource group by name."""
        group = self.store.get(f"/subscriptions/{subscription}/resourceGroups/{name}")
        if group is None:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        if writing and group.body["properties"]["provisioningState"] == "Deleting":
            message = f"The resource group '{name}' is in deprovisioning state and cannot perform this operation."
            raise ArmError(409, "ResourceGroupBeingDeleted", message)
        return group

    def listed(self, call: Call) -> list[dict[str, Any]]:
        """The resources of a type, in the subscription or the group of a call's path."""
        scope, kind = call.path.lower().split("/providers/")
        return [found.body for found in self.store.under(scope, kind)]

    def resource(self, id_: str) -> Resource:
        """A resource by id. Raises ResourceNotFound."""
        found = self.store.get(id_)
        if found is None:
            parts = id_.split("/")
            group = parts[4] if len(parts) > 4 else None
            raise not_found("/".join(id_.split("/providers/")[-1].split("/")), group)
        return found

    def principal_by_app(self, app_id: str) -> dict[str, Any] | None:
        """The service principal of an application."""
        return next((p for p in self.principals.values() if p["appId"].lower() == app_id.lower()), None)

    def age(self, object_id: str) -> float:
        """Simulated seconds since a directory object was made."""
        return (self.clock.now() - self.born[object_id]).total_seconds()
