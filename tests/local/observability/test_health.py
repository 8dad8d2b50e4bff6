"""The probes say what is wrong, also while the event loop stands."""

import asyncio
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from notebook_platform.kube.contact import contacted
from notebook_platform.observability.health import serving, watch
from notebook_platform.observability.readiness import CONTACT, STANDSTILL, Check, Contact, verdict
from notebook_platform.observability.stalls import Heartbeat, measured

from sandbox.kubernetes.processes import free_ports
from tests.local.reconciler.cluster import BrokenCall, Management


def probe(port: int, path: str, accept: str = "*/*") -> tuple[int, str]:
    """Return the status and the text of a response."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def test_a_loop_that_stands_fails_healthz_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    health, metrics = free_ports(2)
    heartbeat = Heartbeat(clock=lambda: time.monotonic() * 60)  # a second counts as a minute
    heartbeat.beat()
    async with serving("127.0.0.1", health, metrics, heartbeat, []):
        assert await asyncio.to_thread(probe, health, "/healthz") == (200, "ok\n")
        probes = asyncio.get_running_loop().run_in_executor(None, after_a_second, lambda: probe(health, "/healthz"))
        time.sleep(2)  # noqa: ASYNC251 -- the loop stands
        status, text = await probes
    assert status == 503 and text.startswith("[-]event-loop: the event loop has not run for ")
    (line,) = [record.message for record in caplog.records if "is blocked in" in record.message]
    assert "test_a_loop_that_stands_fails_healthz_with_the_reason" in line


def after_a_second(call: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    time.sleep(1)
    return call()


async def test_readyz_lists_the_checks_that_fail_and_metrics_speaks_openmetrics() -> None:
    health, metrics = free_ports(2)
    watching: list[str] = []
    checks = [Check("watch", lambda: None if watching else "platforms are not watched yet"), Check("crd", lambda: None)]
    async with measured() as heartbeat, serving("127.0.0.1", health, metrics, heartbeat, checks):
        assert await asyncio.to_thread(probe, health, "/readyz") == (503, "[-]watch: platforms are not watched yet\n")
        assert await asyncio.to_thread(probe, health, "/healthz") == (200, "ok\n")
        watching.append("platforms")
        assert await asyncio.to_thread(probe, health, "/readyz") == (200, "ok\n")
        _, plain = await asyncio.to_thread(probe, metrics, "/metrics")
        _, openmetrics = await asyncio.to_thread(probe, metrics, "/metrics", "application/openmetrics-text;version=1.0.0")
    assert "notebook_platform_event_loop_stall_seconds_bucket" in plain and openmetrics.endswith("# EOF\n")


async def test_a_port_in_use_ends_the_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError):
            async with serving("127.0.0.1", taken.getsockname()[1], free_ports(1)[0], Heartbeat(), []):
                pytest.fail("it started")


async def test_a_stall_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    heartbeat = Heartbeat(clock=lambda: now)
    task = asyncio.create_task(watch(heartbeat, every=0.01))
    with caplog.at_level(logging.ERROR):
        now = 7.0
        await asyncio.sleep(0.05)
        heartbeat.beat()
        await asyncio.sleep(0.05)
        now = 20.0
        await asyncio.sleep(0.05)
    task.cancel()
    assert len(caplog.records) == 2


async def test_a_silent_api_server_makes_the_replica_not_ready() -> None:
    now = 0.0
    contact = Contact(clock=lambda: now)
    checks = [Check("api-server", contact.api_server), Check("crd", contact.crd)]
    assert verdict(checks)[1].splitlines() == [
        "[-]api-server: the API server has not answered yet",
        "[-]crd: the API server has not served notebookplatforms.notebookplatform.io yet",
    ]
    async with Management() as cluster:
        words = ("major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
        cluster.objects["/version/"] = dict.fromkeys(words, "1")
        async with contacted(cluster.api, contact):
            for _ in range(500):
                if contact.api_server() is None:
                    break
                await asyncio.sleep(0.01)
        contact.served = True
        assert verdict(checks) == (200, "ok\n")
        now = CONTACT + 1
        assert verdict(checks) == (503, "[-]api-server: the API server has not answered for 61 s\n")
        cluster.broken = BrokenCall("GET", "/version")
        async with contacted(cluster.api, contact):
            await asyncio.sleep(0.1)
        assert verdict(checks)[0] == 503
    assert STANDSTILL < 60
