"""Cache the resources of a subscription for all platforms: one LIST for each resource type, shared for a limited time.

A cached read serves to see that nothing has changed. Before a write the resource itself is read (`fresh`), and also for a
caller who may not list a subscription: Azure refuses that to a principal whose roles are on a resource group only.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure.arm.errors import is_missing
from notebook_platform.azure.arm.paths import literal

if TYPE_CHECKING:
    from notebook_platform.azure.arm.session import AzureSession

Wire = dict[str, Any]

ROLE_API = "2022-04-01"
REGISTRY_API = "2023-07-01"
COLLECTION_API = "2022-06-01"
COLLECTION_TYPE = "Microsoft.Insights/dataCollectionRules"
REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"
FORBIDDEN = 403


def wire(model: Any) -> Wire:
    """Return an SDK model as JSON, with unknown members where the SDK keeps them."""
    if isinstance(model, Mapping) and not hasattr(model, "as_dict"):
        return dict(model)
    return dict(model.serialize(keep_readonly=True) if hasattr(model, "serialize") else model.as_dict())


@dataclass(frozen=True)
class ResourceType:
    """A resource type: how to list all resources of a subscription, and how to read one by (group, name)."""

    name: str
    list_subscription: "Callable[[AzureSession], AsyncIterator[Any]]"
    get: "Callable[[AzureSession, str, str], Awaitable[Any]] | None" = None
    list_group: "Callable[[AzureSession, str], AsyncIterator[Any]] | None" = None
    """All in one resource group."""


async def _paged(session: "AzureSession", path: str, version: str = ROLE_API) -> AsyncIterator[Wire]:
    url: str | None = path
    while url:
        cached_call = (await session.send("GET", url, api_version=version if url is path else None)).json()
        for item in cached_call.get("value", ()):
            yield item
        url = cached_call.get("nextLink")


async def _registry(session: "AzureSession", group: str, name: str) -> Wire:
    path = f"/subscriptions/{session.subscription_id}/resourceGroups/{group}/providers/{REGISTRY_TYPE}/{name}"
    found: Wire = (await session.send("GET", path, api_version=REGISTRY_API)).json()
    return found


async def _collection_rule(session: "AzureSession", group: str, name: str) -> Wire:
    path = f"/subscriptions/{session.subscription_id}/resourceGroups/{group}/providers/{COLLECTION_TYPE}/{name}"
    found: Wire = (await session.send("GET", path, api_version=COLLECTION_API)).json()
    return found


async def _tagged(session: "AzureSession", path: str) -> AsyncIterator[Wire]:
    """Yield the applications that the operator has created in the directory."""
    url, params = path, {"$filter": f"tags/any(t:t eq {literal(APPLICATION_TAG)})"}
    while url:
        cached_call = await session.graph("GET", url, params=params)
        params = {}
        for item in cached_call.get("value", ()):
            yield item
        url = cached_call.get("@odata.nextLink")


GROUPS = ResourceType(
    "groups", lambda s: s.resources.resource_groups.list(), lambda s, _, name: s.resources.resource_groups.get(name)
)
NETWORKS = ResourceType(
    "networks", lambda s: s.network.virtual_networks.list_all(), lambda s, g, n: s.network.virtual_networks.get(g, n)
)
IDENTITIES = ResourceType(
    "identities",
    lambda s: s.identities.user_assigned_identities.list_by_subscription(),
    lambda s, g, n: s.identities.user_assigned_identities.get(g, n),
)
CLUSTERS = ResourceType(
    "clusters",
    lambda s: s.container_service.managed_clusters.list(),
    lambda s, g, n: s.container_service.managed_clusters.get(g, n),
)
SCALE_SETS = ResourceType(
    "scale sets",
    lambda s: s.compute.virtual_machine_scale_sets.list_all(),
    list_group=lambda s, group: s.compute.virtual_machine_scale_sets.list(group),
)
AUTOSCALE_SETTINGS = ResourceType(
    "autoscale settings",
    lambda s: s.monitor.autoscale_settings.list_by_subscription(),
    list_group=lambda s, group: s.monitor.autoscale_settings.list_by_resource_group(group),
)
ROLE_ASSIGNMENTS = ResourceType(
    "role assignments",
    lambda s: _paged(s, f"/subscriptions/{s.subscription_id}/providers/Microsoft.Authorization/roleAssignments"),
)
REGISTRIES = ResourceType(
    "registries",
    lambda s: _paged(s, f"/subscriptions/{s.subscription_id}/providers/{REGISTRY_TYPE}", REGISTRY_API),
    _registry,
)
COLLECTION_RULES = ResourceType(
    "data collection rules",
    lambda s: _paged(s, f"/subscriptions/{s.subscription_id}/providers/{COLLECTION_TYPE}", COLLECTION_API),
    _collection_rule,
)
APPLICATION_TAG = "notebook-platform"
APPLICATIONS = ResourceType("applications", lambda s: _tagged(s, "/applications"))
PRINCIPALS = ResourceType("principals", lambda s: _tagged(s, "/servicePrincipals"))


@dataclass
class _Shelf:
    """The last LIST of a resource type."""

    at: float = float("-inf")
    items: list[Wire] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    forbidden: bool = False


@dataclass
class _Answer:
    """The last response of a cached call."""

    at: float = float("-inf")
    answer: Any = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ResourceCache:
    """The cached reads of one session. Ages are in seconds of real time, from the start of a read.

    A caller who arrives during a read waits for it: an operator that starts reads once, not once for each platform.
    """

    def __init__(self, session: "AzureSession") -> None:
        self._session = session
        self._shelves: dict[str, _Shelf] = {}
        self._answers: dict[str, _Answer] = {}
        self._expired = float("-inf")

    def expire(self) -> None:
        """Invalidate every read that began before now, because the operator has changed a resource."""
        self._expired = time.monotonic()

    async def list_subscription(self, kind: ResourceType, max_age: float) -> list[Wire] | None:
        """Return all resources of a type in the subscription, at most `max_age` old. None: the caller may not list them."""
        shelf, oldest = self._shelves.setdefault(kind.name, _Shelf()), time.monotonic() - max_age
        async with shelf.lock:
            if not shelf.forbidden and shelf.at < max(oldest, self._expired):
                began = time.monotonic()
                try:
                    shelf.items = [wire(item) async for item in kind.list_subscription(self._session)]
                except HttpResponseError as error:
                    if error.status_code != FORBIDDEN:
                        raise
                    shelf.forbidden = True
                shelf.at = began
        return None if shelf.forbidden else shelf.items

    async def get(self, kind: ResourceType, group: str, name: str, *, max_age: float, fresh: bool) -> Wire | None:
        """Return one resource by name; None when it does not exist. Raises HttpResponseError."""
        assert kind.get is not None
        if not fresh and (items := await self.list_subscription(kind, max_age)) is not None:
            return next((i for i in items if _is(i, group, name)), None)
        try:
            return wire(await kind.get(self._session, group, name))
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise

    async def list_group(self, kind: ResourceType, group: str, *, max_age: float, fresh: bool) -> list[Wire] | None:
        """Return all resources of a type in one group; None when the group does not exist. Raises HttpResponseError."""
        assert kind.list_group is not None
        if not fresh and (items := await self.list_subscription(kind, max_age)) is not None:
            return [item for item in items if _group_of(item) == group.lower()]
        try:
            return [wire(item) async for item in kind.list_group(self._session, group)]
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise

    async def cached_call(self, key: str, ask: Callable[[], Awaitable[Any]], *, max_age: float, fresh: bool) -> Any:
        """Return the response of a call that many platforms share (a provider's state), at most `max_age` old.

        `fresh`: one that was requested after this call.
        """
        kept, oldest = self._answers.setdefault(key, _Answer()), time.monotonic() - (0 if fresh else max_age)
        async with kept.lock:
            if kept.at < oldest:
                began = time.monotonic()
                kept.answer, kept.at = await ask(), began
        return kept.answer


def _group_of(item: Wire) -> str:
    parts = str(item.get("id", "")).lower().split("/")
    return parts[4] if len(parts) > 4 and parts[3] == "resourcegroups" else ""


def _is(item: Wire, group: str, name: str) -> bool:
    return str(item.get("name", "")).lower() == name.lower() and (not group or _group_of(item) == group.lower())
