"""A LoadBalancer's address on loopback, and what answers there for a hub: its health and its API, as far as its workloads are
available. Probes and user counts are thereby real requests."""

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


class HubStandIn:
    """Answers as the hub in a namespace would, with 503 while hub or proxy are not available."""

    def __init__(self, api: client.ApiClient, namespace: str, address: str) -> None:
        self._apps = client.AppsV1Api(api)
        self._core = client.CoreV1Api(api)
        self._namespace = namespace
        self.address = address
        self._runner: web.AppRunner | None = None

    async def start(self, ports: list[int]) -> None:
        """Listen on the Service's ports; one that is not to be had (no right to port 80) is told and left out."""
        app = web.Application()
        app.add_routes(
            [web.get("/hub/health", self._health), web.get("/hub/api/", self._version), web.get("/hub/api/users", self._users)]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        for port in ports:
            try:
                await web.TCPSite(self._runner, self.address, port).start()
            except OSError as error:
                log.warning("nothing listens on %s:%s: %s", self.address, port, error)

    async def _available(self) -> bool:
        try:
            for name in ("hub", "proxy"):
                found = await self._apps.read_namespaced_deployment(name, self._namespace)
                if not found.status.available_replicas:
                    return False
        except ApiException:
            return False
        return True

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response() if await self._available() else web.Response(status=503, text="Service Unavailable")

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "5.5.0"}) if await self._available() else web.Response(status=503)

    async def _users(self, _: web.Request) -> web.Response:
        """A user for each single-user pod."""
        if not await self._available():
            return web.Response(status=503)
        pods = await self._core.list_namespaced_pod(self._namespace, label_selector="component=singleuser-server")
        users: list[dict[str, Any]] = [
            {"name": p.metadata.name.removeprefix("jupyter-"), "server": "/user/x/"} for p in pods.items
        ]
        return web.json_response(users)

    async def close(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
