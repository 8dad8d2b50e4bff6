"""HTTP endpoints of the process: /healthz and /readyz for the kubelet, /metrics for Prometheus.

A thread with an event loop of its own serves them, because the loop that reconciles cannot report that it stands. The same thread
logs what the loop stands in.
"""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from notebook_platform.observability.readiness import STANDSTILL, Check, verdict
from notebook_platform.observability.stalls import Heartbeat

log = logging.getLogger(__name__)

STACK_AFTER = 5.0
"""Seconds without a beat of the event loop after which its stack is logged."""

WATCH_EVERY = 1.0
"""Seconds between two checks of the heartbeat."""


@asynccontextmanager
async def serving(
    listen: str, health_port: int, metrics_port: int, heartbeat: Heartbeat, checks: Sequence[Check]
) -> AsyncIterator[None]:
    """Serve the endpoints on address `listen` until the block ends. `checks` are those of /readyz; a thread calls them.

    Raises OSError when a port is in use.
    """
    alive = Check("event-loop", lambda: standing(heartbeat))

    async def healthz(_: web.Request) -> web.Response:
        status, text = verdict([alive])
        return web.Response(status=status, text=text)

    async def readyz(_: web.Request) -> web.Response:
        status, text = verdict([alive, *checks])
        return web.Response(status=status, text=text)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})

    ports = {
        health_port: [web.get("/healthz", healthz), web.get("/readyz", readyz)],
        metrics_port: [web.get("/metrics", metrics)],
    }
    thread = _Endpoints(listen, ports, heartbeat)
    thread.start()
    try:
        await asyncio.wrap_future(thread.started)
        yield
    finally:
        thread.stop()
        await asyncio.to_thread(thread.join)


def standing(heartbeat: Heartbeat) -> str | None:
    """Return how long the event loop has stood, if that is too long."""
    age = heartbeat.age()
    return f"the event loop has not run for {age:.0f} s" if age > STANDSTILL else None


class _Endpoints(threading.Thread):
    """Serves the routes of each port, and watches the heartbeat. `started` ends with the ports' OSError when they are in use."""

    def __init__(self, listen: str, ports: dict[int, list[web.RouteDef]], heartbeat: Heartbeat) -> None:
        super().__init__(name="endpoints", daemon=True)
        self.started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._listen, self._ports, self._heartbeat = listen, ports, heartbeat
        self._end: Callable[[], object] = lambda: None

    def run(self) -> None:
        """Serve until `stop` is called."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """End the thread's work. Call it after `started` is done."""
        self._end()

    async def _serve(self) -> None:
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        runners: list[web.AppRunner] = []
        try:
            for port, routes in self._ports.items():
                runners.append(await _bound(self._listen, port, routes))
        except OSError as error:
            self.started.set_exception(error)
        else:
            self._end = lambda: loop.call_soon_threadsafe(stopped.set)
            self.started.set_result(None)
            watching = asyncio.create_task(watch(self._heartbeat))
            await stopped.wait()
            watching.cancel()
        for runner in runners:
            await runner.cleanup()


async def watch(heartbeat: Heartbeat, every: float = WATCH_EVERY) -> None:
    """Log the stack of a loop that stands, once for each time that it stands; check it each `every` seconds."""
    logged = False
    while True:
        await asyncio.sleep(every)
        age = heartbeat.age()
        if age > STACK_AFTER and not logged:
            log.error("the event loop has not run for %.0f s; it is blocked in:\n%s", age, heartbeat.stack())
        logged = age > STACK_AFTER


async def _bound(listen: str, port: int, routes: list[web.RouteDef]) -> web.AppRunner:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, listen, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
