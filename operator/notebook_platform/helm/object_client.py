"""The live objects of a manifest: any kind, found through the API server's own discovery."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.discovery import LazyDiscoverer
from kubernetes.aio.dynamic.exceptions import DynamicApiError, ResourceNotFoundError

ERRORS = (DynamicApiError, ApiException)
"""What a call through `Live` raises; both have a `status`."""

Object = Mapping[str, Any]


class Live:
    """One cluster's objects. `namespace` is the namespace of objects that name none."""

    def __init__(self, dynamic: Any, namespace: str) -> None:
        self._dynamic = dynamic
        self._namespace = namespace
        self._kinds: dict[tuple[str, str], Any] = {}  # the library searches all that the server serves, for each object
        self._one_search = asyncio.Lock()

    async def place(self, manifest: Object) -> tuple[Any, dict[str, str]] | None:
        """Return (resource, name and namespace) of an object; None when the server does not serve its kind."""
        resource = await self._resource(manifest["apiVersion"], manifest["kind"])
        if resource is None:
            return None
        metadata = manifest["metadata"]
        where = {"namespace": metadata.get("namespace") or self._namespace} if resource.namespaced else {}
        return resource, {"name": metadata["name"], **where}

    async def _resource(self, api_version: str, kind: str) -> Any:
        """Return where a kind is served; None: nowhere. The library asks for a group again in each search that runs beside the first."""
        async with self._one_search:
            if (api_version, kind) not in self._kinds:
                try:
                    prefix = "apis" if "/" in api_version else "api"  # without it, `v1` is read of each group that has a v1
                    found = await self._dynamic.resources.get(prefix=prefix, api_version=api_version, kind=kind)
                except (ResourceNotFoundError, KeyError):  # KeyError: the group does not have the version
                    found = None
                self._kinds[api_version, kind] = found
            return self._kinds[api_version, kind]

    async def get(self, manifest: Object) -> dict[str, Any] | None:
        """Return the live object; None when it, or its kind, does not exist. Raises ERRORS."""
        placed = await self.place(manifest)
        if placed is None:
            return None
        try:
            found: dict[str, Any] = (await self._dynamic.get(placed[0], **placed[1])).to_dict()
        except ERRORS as error:
            if error.status == 404:
                return None
            raise
        return found

    async def as_applied(self, manifest: Object, manager: str) -> dict[str, Any]:
        """Return the object after a server-side apply of these members, in dry run. Raises ERRORS."""
        placed = await self.place(manifest)
        assert placed is not None
        applied: dict[str, Any] = (
            await self._dynamic.server_side_apply(
                placed[0], body=dict(manifest), field_manager=manager, dry_run="All", force_conflicts=True, **placed[1]
            )
        ).to_dict()
        return applied

    async def create(self, manifest: Object) -> None:
        """Create the object. Raises ERRORS."""
        placed = await self.place(manifest)
        assert placed is not None
        await self._dynamic.create(placed[0], body=dict(manifest), **{k: v for k, v in placed[1].items() if k == "namespace"})

    async def replace(self, manifest: Object) -> None:
        """Replace the live object, unless its resourceVersion has changed (409). Raises ERRORS."""
        placed = await self.place(manifest)
        assert placed is not None
        await self._dynamic.replace(placed[0], body=dict(manifest), **placed[1])

    async def delete(self, manifest: Object) -> None:
        """Delete the object and its dependents, if it exists. Raises ERRORS."""
        placed = await self.place(manifest)
        if placed is None:
            return
        try:
            await self._dynamic.delete(placed[0], body={"propagationPolicy": "Background"}, **placed[1])
        except ERRORS as error:
            if error.status != 404:
                raise


class UnsavedDiscovery(LazyDiscoverer):  # type: ignore[misc]  # the library has no types
    """Discovery that stays in memory. The library writes all that it knows into a file after each request, through Python's own JSON
    encoder: about 25 ms in the event loop for each write, ten times in a reconcile."""

    def _write_cache(self) -> None:
        """Write nothing."""


NO_FILE = f"{os.devnull}/resources.json"
"""A path at which no file can exist, so that no file of another user is read as the cache."""


@asynccontextmanager
async def live(api: client.ApiClient, namespace: str) -> AsyncIterator[Live]:
    """Open a client for as long as the block lasts: discovery is requested once."""
    yield Live(await DynamicClient(api, cache_file=NO_FILE, discoverer=UnsavedDiscovery), namespace)
