"""Cache the resources of a subscription for all platforms: one LIST for each resource type, shared for a limited time.

A cached read serves to see that nothing has changed. Before a write the resource itself is read (`fresh`), and also for a
caller who may not list a subscription: Azure refuses that to a principal whose roles are on a resource group only. After a write of
the operator only what was written is read again (`written.py`), and what a fresh read returns replaces the item of the list.
Lists can hold items that are not complete (`answer.complete`); `get` reads such a one from its own address.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure.arm.answer import document_of, is_complete, resource_of
from notebook_platform.azure.arm.errors import is_missing
from notebook_platform.azure.arm.paging import list_objects, list_resources
from notebook_platform.azure.arm.paths import literal
from notebook_platform.azure.arm.resource_types import APPLICATION_TAG, GROUPS, DirectoryType, ResourceType, Wire
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.azure.arm.shelf import Shelf
from notebook_platform.azure.arm.written import WrittenPaths
from notebook_platform.engine.observation import note_read, read_here
from notebook_platform.engine.time_limit import in_turn
from notebook_platform.engine.trace import Read, note, note_request

FORBIDDEN = 403

SLICE = 20
"""Items of a list that are indexed before the event loop runs other tasks."""

UNUSED_SECONDS = 86_400.0
MOST_CALLS = 1000
"""Responses beyond this number are dropped that no caller has used for UNUSED_SECONDS."""


@dataclass
class _CachedCall:
    """The last response of a call that is no list."""

    at: float = float("-inf")
    used: float = 0.0
    times: float = 1.0
    response: Any = None
    digest: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ResourceCache:
    """The cached reads of one session. Ages are in seconds of real time, from the start of a read.

    A caller who arrives during a read waits for it: an operator that starts reads once, not once for each platform.
    """

    def __init__(self, session: AzureSession, written: WrittenPaths) -> None:
        self._session = session
        self._written = written
        self._shelves: dict[str, Shelf] = {}
        self._kinds: dict[str, ResourceType | DirectoryType] = {}
        self._calls: dict[str, _CachedCall] = {}

    def invalidate(self, path: str) -> None:
        """Have a resource, what it lies in and what lies below it read again, because an operation on it has ended."""
        self._written.record(path)

    def put(self, kind: ResourceType | DirectoryType, item: Wire, began: float) -> None:
        """Replace an item by what a fresh read returned. `began`: when the read began, on the monotonic clock."""
        self._shelf(kind).put(str(item["id"]), item, began)

    def keep(self, kind: ResourceType, path: str, response: Any) -> Wire | None:
        """Keep what the response to a write that took effect at once says of the resource at `path`, so that it need not be read for that.
        Returns it; None: the response is not the whole resource."""
        item, now = dict(document_of(response)), time.monotonic()
        if str(item.get("id", "")).lower() != path.lower() or not is_complete(item):
            return None
        self.put(kind, item, now)
        return item

    async def list_subscription(self, kind: ResourceType, max_age: float) -> list[Wire] | None:
        """Return all resources of a type in the subscription, at most `max_age` old. None: the caller may not list them."""
        note_request()
        shelf = await self._listed(kind, max_age)
        return None if shelf is None else [item async for item in self._current(kind, shelf, shelf.ids())]

    async def find(self, kind: ResourceType | DirectoryType, key: str, max_age: float) -> list[Wire] | None:
        """Return the items with a key of their type, at most `max_age` old. None: the caller may not list the type."""
        shelf = await self._listed(kind, max_age)
        if shelf is None:
            return None
        ids = shelf.having(key)
        note("find", kind.name, key, digest=shelf.digest(ids))
        if isinstance(kind, DirectoryType):
            return shelf.items(ids)
        return [item async for item in self._current(kind, shelf, ids)]

    async def get(self, kind: ResourceType, group: str, name: str, *, max_age: float, fresh: bool) -> Wire | None:
        """Return one resource by name; None when it does not exist. Raises HttpResponseError."""
        path = kind.path(self._session.subscription_id, group, name)
        shelf = self._shelf(kind)
        if fresh and read_here(path) == shelf.read_at(path) and not self._is_outdated(kind, shelf, path):
            return shelf.item(path)[1]
        listed = None if fresh else await self._listed(kind, max_age)
        if listed is not None and not self._is_outdated(kind, listed, path):
            item = listed.item(path)[1]
            if item is None or is_complete(item):
                note("get", kind.name, path, digest=listed.digest([path]))
                return item
        return await self._read(kind, path)

    async def look(self, kind: ResourceType, group: str, name: str, *, max_age: float) -> Wire | None:
        """Return one resource as the list of its type has it, which is at most `max_age` old, whatever was written since. None: it is not
        there, or the caller may not list the type. Raises HttpResponseError."""
        listed = await self._listed(kind, max_age)
        return listed.item(kind.path(self._session.subscription_id, group, name))[1] if listed else None

    async def list_group(self, kind: ResourceType, group: str, *, max_age: float, fresh: bool) -> list[Wire] | None:
        """Return all resources of a type in one group; None when the group does not exist. Raises HttpResponseError."""
        path = kind.listing(self._session.subscription_id, group)
        shelf = self._shelf(kind)
        if fresh and read_here(path) == shelf.group_at(group) and not self._is_group_outdated(kind, shelf, group):
            return shelf.items(shelf.having(group))
        listed = None if fresh else await self._listed(kind, max_age)
        if listed is not None and not self._is_group_outdated(kind, listed, group):
            ids = listed.having(group)
            note("group", kind.name, group, digest=listed.digest(ids))
            return listed.items(ids)
        began = time.monotonic()
        try:
            items = [item async for item in list_resources(self._session, path, api_version=kind.api_version)]
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise
        shelf.put_group(group, {str(item["id"]): item for item in items}, began)
        note_read(path, began)
        return items

    async def cached_call(
        self, key: str, ask: Callable[[], Awaitable[Any]], *, max_age: float, fresh: bool, times: float = 1.0
    ) -> Any:
        """Return the response of a call that many platforms share (a provider's state), at most `max_age` old, or so many `times` as old
        where it seldom changes.

        `fresh`: one that was requested after this call.
        """
        now = time.monotonic()
        call, oldest = self._calls.setdefault(key, _CachedCall()), now - (0 if fresh else times * max_age)
        call.used, call.times = now, times
        if len(self._calls) > MOST_CALLS:
            self._calls = {key: one for key, one in self._calls.items() if one.used > now - UNUSED_SECONDS}
        async with in_turn(call.lock):
            if call.at < oldest:
                began = time.monotonic()
                call.response, call.at = await ask(), began
                call.digest = hash(repr(call.response))
        if not fresh:
            note("call", key, digest=call.digest)
        return call.response

    async def verify(self, read: Read, max_age: float) -> bool:
        """Return whether a read of this cache would give the same answer now, from an answer that is at most `max_age` old. Lists are read
        again for that, single resources and calls are not. Raises HttpResponseError."""
        if read.source == "call":
            call = self._calls.get(read.key[0])
            return call is not None and call.digest == read.digest and call.at >= time.monotonic() - call.times * max_age
        name, key = read.key
        if (kind := self._kinds.get(name)) is None or (shelf := await self._listed(kind, max_age)) is None:
            return False  # another session has read it, or the caller may not list the type
        ids = [key] if read.source == "get" else shelf.having(key)
        if shelf.digest(ids) != read.digest:
            return False
        if isinstance(kind, DirectoryType):
            return True
        if read.source == "group":
            return not self._is_group_outdated(kind, shelf, key)
        return not any(self._is_outdated(kind, shelf, id_) for id_ in ids)

    def _is_outdated(self, kind: ResourceType, shelf: Shelf, id_: str) -> bool:
        """Return whether the operator has written an item since it was read."""
        return self._written.last(id_, parts=kind is not GROUPS) >= shelf.read_at(id_)

    def _is_group_outdated(self, kind: ResourceType, shelf: Shelf, group: str) -> bool:
        """Return whether the operator has written a resource of the type in a group, or the group, since its items were listed."""
        path = kind.listing(self._session.subscription_id, group)
        return self._written.last(path, parts=True) >= shelf.group_at(group)

    def _shelf(self, kind: ResourceType | DirectoryType) -> Shelf:
        if kind.name not in self._shelves:
            self._shelves[kind.name], self._kinds[kind.name] = Shelf(kind.keys), kind
        return self._shelves[kind.name]

    async def _listed(self, kind: ResourceType | DirectoryType, max_age: float) -> Shelf | None:
        """Return the list of a type, at most `max_age` old. None: the caller may not list it."""
        shelf, oldest = self._shelf(kind), time.monotonic() - max_age
        if shelf.at >= oldest and not shelf.forbidden:
            return shelf  # also while another platform, which needs a younger one, reads the list
        async with in_turn(shelf.lock):
            if not shelf.forbidden and shelf.at < oldest:
                began = time.monotonic()
                try:
                    await self._fill(shelf, kind, began)
                except HttpResponseError as error:
                    if error.status_code != FORBIDDEN:
                        raise
                    shelf.forbidden = True
        return None if shelf.forbidden else shelf

    async def _fill(self, shelf: Shelf, kind: ResourceType | DirectoryType, began: float) -> None:
        if isinstance(kind, DirectoryType):
            tagged = {"$filter": f"tags/any(t:t eq {literal(APPLICATION_TAG)})"}
            items = list_objects(self._session, f"/{kind.name}", tagged)
        else:
            path, params = kind.listing(self._session.subscription_id), {"$top": str(kind.page)} if kind.page else {}
            items = list_resources(self._session, path, api_version=kind.api_version, params=params)
        listed, number = shelf.empty_copy(), 0
        async for item in items:
            listed.put(str(item["id"]), item, began)
            if (number := number + 1) % SLICE == 0:
                await asyncio.sleep(0)
        shelf.replace(listed, began)

    async def _current(self, kind: ResourceType, shelf: Shelf, ids: list[str]) -> AsyncIterator[Wire]:
        """Yield the items; those that were written since they were read are read again."""
        for id_ in ids:
            item = await self._read(kind, id_) if self._is_outdated(kind, shelf, id_) else shelf.item(id_)[1]
            if item is not None:
                yield item

    async def _read(self, kind: ResourceType, path: str) -> Wire | None:
        """Read one resource from its own address, and keep it. None: it does not exist."""
        began = time.monotonic()
        try:
            item: Wire | None = resource_of(await self._session.send("GET", path, api_version=kind.api_version))
        except HttpResponseError as error:
            if not is_missing(error):
                raise
            item = None
        self._shelf(kind).put(path, item, began)
        note_read(path, began)
        return item
