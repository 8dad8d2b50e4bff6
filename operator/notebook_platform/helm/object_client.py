"""The live objects of a manifest: any kind, found through the API server's own discovery."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.discovery import LazyDiscoverer
from kubernetes.aio.dynamic.exceptions import DynamicApiError, ResourceNotFoundError

from notebook_platform.bounded.documents import Budget, DocumentRefused
from notebook_platform.kube.metadata_only import METADATA_OF_ONE
from notebook_platform.workload.client import TIMEOUT_SECONDS
from notebook_platform.workload.response import json_of

ERRORS = (DynamicApiError, ApiException)
"""What a call through `Live` raises; both have a `status`."""

Object = Mapping[str, Any]

METADATA = f"{METADATA_OF_ONE},application/json"
"""The whole object where a server does not know how to return its metadata alone."""
BUDGET = Budget(bytes=2 * 1024 * 1024, nodes=50_000, depth=50)
NOT_SERVED_SO = frozenset({404, 406})


class Served(NamedTuple):
    """How a server serves a kind: the plural in the path of its objects, and whether they are in namespaces."""

    plural: str
    namespaced: bool


class Live:
    """One cluster's objects. `namespace` is the namespace of objects that name none. What the server serves is requested once, when a kind is
    searched."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._api = api
        self._opened: Any = None
        self._namespace = namespace
        self._kinds: dict[tuple[str, str], Any] = {}  # the library searches all that the server serves, for each object
        self._one_search = asyncio.Lock()

    async def _dynamic(self) -> Any:
        """Return the library's client. It requests what the server serves when it is created."""
        if self._opened is None:
            self._opened = await DynamicClient(self._api, cache_file=NO_FILE, discoverer=UnsavedDiscovery)
        return self._opened

    async def metadata(self, manifest: Object, served: Served) -> Object | None:
        """Return the metadata of the live object, as {"metadata": ...}, with one request where its kind was served before; None: `get` has to
        find it. Raises ApiException."""
        name, namespace = (quote(manifest["metadata"].get(key) or self._namespace, safe="") for key in ("name", "namespace"))
        space = f"namespaces/{namespace}/" if served.namespaced else ""
        path = f"/{_prefix(manifest['apiVersion'])}/{manifest['apiVersion']}/{space}{served.plural}/{name}"
        request = await self._api.param_serialize("GET", path, header_params={"Accept": METADATA}, auth_settings=["BearerToken"])
        response = await self._api.call_api(*request, _request_timeout=TIMEOUT_SECONDS)
        try:
            found = await json_of(response.response, BUDGET)
        except DocumentRefused:
            return None
        except ApiException as error:
            if error.status in NOT_SERVED_SO:
                return None
            raise
        return found if isinstance(found, dict) and isinstance(found.get("metadata"), dict) else None

    async def served(self, manifest: Object) -> Served | None:
        """Return where the object's kind is served; None: nowhere. Raises ERRORS."""
        resource = await self._resource(manifest["apiVersion"], manifest["kind"])
        return None if resource is None else Served(str(resource.name), bool(resource.namespaced))

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
                dynamic = await self._dynamic()
                try:
                    found = await dynamic.resources.get(prefix=_prefix(api_version), api_version=api_version, kind=kind)
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
            found: dict[str, Any] = (await self._opened.get(placed[0], **placed[1])).to_dict()
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
            await self._opened.server_side_apply(
                placed[0], body=dict(manifest), field_manager=manager, dry_run="All", force_conflicts=True, **placed[1]
            )
        ).to_dict()
        return applied

    async def create(self, manifest: Object) -> None:
        """Create the object. Raises ERRORS."""
        placed = await self.place(manifest)
        assert placed is not None
        await self._opened.create(placed[0], body=dict(manifest), **{k: v for k, v in placed[1].items() if k == "namespace"})

    async def replace(self, manifest: Object) -> None:
        """Replace the live object, unless its resourceVersion has changed (409). Raises ERRORS."""
        placed = await self.place(manifest)
        assert placed is not None
        await self._opened.replace(placed[0], body=dict(manifest), **placed[1])

    async def delete(self, manifest: Object) -> None:
        """Delete the object and its dependents, if it exists. Raises ERRORS."""
        placed = await self.place(manifest)
        if placed is None:
            return
        try:
            await self._opened.delete(placed[0], body={"propagationPolicy": "Background"}, **placed[1])
        except ERRORS as error:
            if error.status != 404:
                raise


def _prefix(api_version: str) -> str:
    """Return how the path of an API begins. Without it the library reads `v1` of each group that has a v1."""
    return "apis" if "/" in api_version else "api"


class UnsavedDiscovery(LazyDiscoverer):  # type: ignore[misc]  # the library has no types
    """Discovery that stays in memory. The library writes all that it knows into a file after each request, through Python's own JSON
    encoder: about 25 ms in the event loop for each write, ten times in a reconcile."""

    def _write_cache(self) -> None:
        """Write nothing."""


NO_FILE = f"{os.devnull}/resources.json"
"""A path at which no file can exist, so that no file of another user is read as the cache."""
