"""An address on loopback for a LoadBalancer or an ingress, and what answers there for a hub or a binder: health and API, as far as
the workloads are available. Probes and user counts are thereby real requests."""

import base64
import errno
import itertools
import logging
from typing import Any

from aiohttp import web
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

log = logging.getLogger(__name__)


class Addresses:
    """127.0.1.N, each given once, over all clusters of the sandbox."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def take(self) -> str:
        """The next address."""
        number = next(self._numbers)
        return f"127.0.{1 + number // 250}.{1 + number % 250}"


REGISTRY, HUB = "sandbox.notebookplatform.io/registry", "sandbox.notebookplatform.io/hub"
"""Annotations of a namespace: `down` lets the binder there say that it cannot reach its registry, or its hub."""


ILL = "sandbox.notebookplatform.io/ill"
"""Annotation of a namespace whose hub runs and says that it is not well."""

COUNTER = "notebook-platform"
"""The service that may ask whose servers run."""

UNHEARD = "sandbox.notebookplatform.io/unheard"
"""Annotation of a single-user pod of which the hub has not heard that it is ready."""


def _user(pod: Any) -> dict[str, Any]:
    marks = pod.metadata.annotations or {}
    name = marks.get("hub.jupyter.org/username") or pod.metadata.name.removeprefix("jupyter-")
    ready = pod.status.phase == "Running" and UNHEARD not in marks
    server = {"name": "", "ready": ready, "pending": None if ready else "spawn", "url": f"/user/{name}/"}
    return {"name": name, "kind": "user", "server": server["url"], "servers": {"": server}}


class HubStandIn:
    """Answers as the hub in a namespace would, and as the binder, with 503 while their workloads are not available.

    `doors`: which of the two the address leads to; an ingress leads to both, each below its own path.
    """

    def __init__(self, api: client.ApiClient, namespace: str, address: str, doors: tuple[str, ...] = ("hub", "binder")) -> None:
        self._doors = doors
        self._apps = client.AppsV1Api(api)
        self._core = client.CoreV1Api(api)
        self._namespace = namespace
        self.address = address
        self._runner: web.AppRunner | None = None

    async def start(self, ports: list[int], addresses: Addresses) -> None:
        """Listen on the Service's ports; one that is not to be had (no right to port 80) is logged and left out. An address that another
        sandbox of this machine has is given up for the next."""
        app, below = web.Application(), "/{base:(?:.*/)?}"
        hub = {"hub/health": self._health, "hub/api/": self._version, "hub/api/users": self._users}
        binder = {"health": self._binder_health, "versions": self._binder_versions, "api/repoproviders": self._providers}
        for door, paths in (("hub", hub), ("binder", binder)):
            if door in self._doors:
                app.add_routes([web.get(f"{below}{path}", handler) for path, handler in paths.items()])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        if ports:
            while await self._listen(ports[0]) == errno.EADDRINUSE:
                self.address = addresses.take()
        for port in ports[1:]:
            await self._listen(port)

    async def _listen(self, port: int) -> int | None:
        """The error's number when it cannot be."""
        assert self._runner is not None
        try:
            await web.TCPSite(self._runner, self.address, port).start()
        except OSError as error:
            log.warning("nothing listens on %s:%s: %s", self.address, port, error)
            return error.errno
        return None

    async def _available(self, *deployments: str) -> bool:
        try:
            for name in deployments or ("hub", "proxy"):
                found = await self._apps.read_namespaced_deployment(name, self._namespace)
                if not found.status.available_replicas:
                    return False
        except ApiException:
            return False
        return True

    async def _health(self, _: web.Request) -> web.Response:
        well = await self._available() and await self._mark(ILL) is None
        return web.Response() if well else web.Response(status=503, text="Service Unavailable")

    async def _mark(self, name: str) -> str | None:
        """An annotation of the namespace."""
        namespace = await self._core.read_namespace(self._namespace)
        marks: dict[str, str] = namespace.metadata.annotations or {}
        return marks.get(name)

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "5.5.0"}) if await self._available() else web.Response(status=503)

    async def _users(self, request: web.Request) -> web.Response:
        """For the service that may ask: a user for each single-user pod, as JupyterHub tells them. A server is ready with its pod,
        unless an annotation of the pod says that the hub has not heard of it."""
        if not await self._available():
            return web.Response(status=503)
        if request.headers.get("Authorization", "").removeprefix("token ") not in await self._tokens():
            return web.json_response({"status": 403, "message": "Forbidden"}, status=403)
        pods = await self._core.list_namespaced_pod(self._namespace, label_selector="component=singleuser-server")
        return web.json_response({"items": [_user(pod) for pod in pods.items], "_pagination": {"next": None}})

    async def _tokens(self) -> set[str]:
        """Tokens of the operator's service, as either generation of the chart keeps them."""
        found = set()
        for name, key in (("hub", f"hub.services.{COUNTER}.apiToken"), ("hub-secret", f"services.token.{COUNTER}")):
            try:
                secret = await self._core.read_namespaced_secret(name, self._namespace)
            except ApiException:
                continue
            if key in (secret.data or {}):
                found.add(base64.b64decode(secret.data[key]).decode())
        return found

    async def _binder_health(self, _: web.Request) -> web.Response:
        """Return the binder's checks; the pod quota is reported only."""
        if not await self._available("binder"):
            return web.Response(status=503)
        registry = await self._mark(REGISTRY) != "down"
        checks = [
            {"service": "JupyterHub API", "ok": await self._available() and await self._mark(HUB) != "down"},
            {"service": "Docker registry", "ok": registry},
            {"service": "Pod quota", "ok": True, "total_pods": 0, "quota": None},
        ]
        ok = all(check["ok"] for check in checks)
        return web.json_response({"ok": ok, "checks": checks}, status=200 if ok else 503)

    async def _binder_versions(self, _: web.Request) -> web.Response:
        available = await self._available("binder")
        return web.json_response({"binderhub": "sandbox", "builder": "sandbox"}) if available else web.Response(status=503)

    async def _providers(self, _: web.Request) -> web.Response:
        available = await self._available("binder")
        return web.json_response([{"id": "gh", "displayName": "GitHub"}]) if available else web.Response(status=503)

    async def close(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
