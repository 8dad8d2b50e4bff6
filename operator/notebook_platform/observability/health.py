"""HTTP endpoints of the process: /healthz and /readyz for the kubelet, /metrics for Prometheus."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


@asynccontextmanager
async def serving(listen: str, health_port: int, metrics_port: int, ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Serve the endpoints on address `listen` until the block ends. `ready` returns whether platforms are being watched.

    Raises OSError when a port is in use.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="not watching yet\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    health_runner = await _serve(listen, health_port, [web.get("/healthz", healthz), web.get("/readyz", readyz)])
    metrics_runner = await _serve(listen, metrics_port, [web.get("/metrics", metrics)])
    try:
        yield
    finally:
        await health_runner.cleanup()
        await metrics_runner.cleanup()


async def _serve(listen: str, port: int, routes: list[web.RouteDef]) -> web.AppRunner:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, listen, port).start()
    return runner
