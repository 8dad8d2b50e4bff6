"""A stand-in for a workload cluster's API server, over TLS."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trustme
from aiohttp import web
from notebook_platform.workload.kubeconfig import ClusterAccess

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
EMPTY = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []}


@dataclass
class Server:
    """An API server with its own CA that requires client certificates; `handler` answers every request."""

    authority: trustme.CA = field(default_factory=trustme.CA)
    handler: Handler | None = None
    requests: list[web.Request] = field(default_factory=list)
    certificates: list[Any] = field(default_factory=list)
    url: str = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        assert request.transport is not None
        self.certificates.append(request.transport.get_extra_info("peercert"))
        if self.handler is not None:
            return await self.handler(request)
        return web.json_response(EMPTY)

    def access(self, **more: Any) -> ClusterAccess:
        return ClusterAccess(server=self.url, ca_data=self.authority.cert_pem.bytes().decode(), **{"token": "t0ken", **more})


def answers(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers={"Content-Type": "application/json", **headers})

    return answer
