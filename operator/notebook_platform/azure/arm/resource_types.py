"""Resource types: where Resource Manager lists and reads the resources of a type, and by which keys the cache finds them.

The api-versions are those of the SDK's clients, which write these resources: what is read can be compared with what was written.
The cache reads JSON with them instead of building the SDK's models.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Wire = dict[str, Any]
"""A resource in the JSON form of Resource Manager or Microsoft Graph."""

REGISTRY_API = "2023-07-01"
REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"
COLLECTION_API = "2022-06-01"
COLLECTION_TYPE = "Microsoft.Insights/dataCollectionRules"
MONITOR_API = "2023-04-03"
MONITOR_TYPE = "Microsoft.Monitor/accounts"
ENDPOINT_TYPE = "Microsoft.Insights/dataCollectionEndpoints"
RULE_GROUP_API = "2023-03-01"
RULE_GROUP_TYPE = "Microsoft.AlertsManagement/prometheusRuleGroups"
APPLICATION_TAG = "notebook-platform"


def wire(model: Any) -> Wire:
    """Return an SDK model as JSON, with unknown members where the SDK keeps them."""
    if isinstance(model, Mapping) and not hasattr(model, "as_dict"):
        return dict(model)
    return dict(model.serialize(keep_readonly=True) if hasattr(model, "serialize") else model.as_dict())


def group_of(item: Wire) -> str:
    """Return the resource group in an item's id, in lower case; "" when the id has none."""
    parts = str(item.get("id", "")).lower().split("/")
    return parts[4] if len(parts) > 4 and parts[3] == "resourcegroups" else ""


@dataclass(frozen=True)
class ResourceType:
    """A type of Resource Manager, as `Microsoft.Network/virtualNetworks`; the empty name means resource groups.

    `keys`: what `ResourceCache.find` finds an item by. `page`: the items that a page of the list of a subscription is asked to hold; 0: the
    service has no parameter for it.
    """

    name: str
    api_version: str
    keys: Callable[[Wire], Iterable[object]] = lambda item: (group_of(item),)
    page: int = 0

    def listing(self, subscription_id: str, group: str = "") -> str:
        """Return the path that lists all resources of a subscription, or of one of its groups."""
        place = f"/subscriptions/{subscription_id}" + (f"/resourceGroups/{group}" if group else "")
        return f"{place}/providers/{self.name}" if self.name else f"{place}/resourcegroups"

    def path(self, subscription_id: str, group: str, name: str) -> str:
        """Return the path of one resource. That of a resource group is the same whatever `group` is: it lies in none."""
        return f"{self.listing(subscription_id, group if self.name else '')}/{name}"


@dataclass(frozen=True)
class DirectoryType:
    """A type of Microsoft Graph, as `applications`: those with the operator's tag."""

    name: str
    keys: Callable[[Wire], Iterable[object]]


def _assignment_keys(item: Wire) -> Iterable[object]:
    properties = item.get("properties") or {}
    return properties.get("principalId"), properties.get("description")


GROUPS = ResourceType("", "2025-04-01", page=1000)
"""https://learn.microsoft.com/rest/api/resources/resource-groups/list. If a limit of 1,000 were one of the list and not of its pages, a
group beyond it would cost one read of its own in each drift check. Azure allows 980 groups in a subscription."""
NETWORKS = ResourceType("Microsoft.Network/virtualNetworks", "2026-03-01")
IDENTITIES = ResourceType("Microsoft.ManagedIdentity/userAssignedIdentities", "2024-11-30")
CLUSTERS = ResourceType("Microsoft.ContainerService/managedClusters", "2026-08-01")
SCALE_SETS = ResourceType("Microsoft.Compute/virtualMachineScaleSets", "2026-04-01")
AUTOSCALE_SETTINGS = ResourceType("Microsoft.Insights/autoscalesettings", "2022-10-01")
REGISTRIES = ResourceType(REGISTRY_TYPE, REGISTRY_API)
COLLECTION_RULES = ResourceType(COLLECTION_TYPE, COLLECTION_API)
COLLECTION_ENDPOINTS = ResourceType(ENDPOINT_TYPE, COLLECTION_API)
MONITOR_WORKSPACES = ResourceType(MONITOR_TYPE, MONITOR_API)
RULE_GROUPS = ResourceType(RULE_GROUP_TYPE, RULE_GROUP_API)
ROLE_ASSIGNMENTS = ResourceType("Microsoft.Authorization/roleAssignments", "2022-04-01", _assignment_keys)
"""By principal, and by the description, which names the owner."""

APPLICATIONS = DirectoryType("applications", lambda item: (item.get("uniqueName"),))
PRINCIPALS = DirectoryType("servicePrincipals", lambda item: (item.get("appId"),))
