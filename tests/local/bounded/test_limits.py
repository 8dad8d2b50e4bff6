"""Limits of data from outside: endless answers, gzip bombs on the way, programs that write without end."""

import gzip
import os
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import SignIn
from notebook_platform.azure.arm.transport import BoundedTransport
from notebook_platform.bounded.cache import YamlCache
from notebook_platform.bounded.documents import DocumentRefused, DocumentTooLarge
from notebook_platform.bounded.http import MOST, SESSION_OPTIONS, AnswerTooLarge
from notebook_platform.helm import process_guard
from notebook_platform.workload.errors import failure

from tests.unit.kube.plain_http import plain_client

MEGABYTE = b"x" * (1 << 20)


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(200):
        await response.write(MEGABYTE)
    return response


async def announced(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(200 << 20)})
    await response.prepare(request)
    for _ in range(200):
        await response.write(MEGABYTE)
    return response


async def bomb(request: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(MEGABYTE * 40), headers={"Content-Encoding": "gzip"})


async def small(request: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})


@pytest.fixture
async def server() -> AsyncIterator[str]:
    app = web.Application()
    for handler in (endless, announced, bomb, small):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("path", ["endless", "announced", "bomb"])
async def test_an_endless_answer_of_a_cluster_is_not_read(server: str, path: str) -> None:
    before = resident()
    async with plain_client(server, **SESSION_OPTIONS) as api:
        with pytest.raises(AnswerTooLarge) as raised:
            await (await api.rest_client.request("GET", f"{server}/{path}")).read()
    assert resident() - before < 6 * MOST
    found = failure(raised.value, "spec.cluster")
    assert found is not None and found.reason == "ClusterAnswerRefused"


@pytest.mark.parametrize("path", ["endless", "announced", "bomb"])
async def test_an_endless_answer_of_azure_is_not_read(server: str, path: str) -> None:
    async with BoundedTransport(Cloud(resource_manager=server, authority=server, graph=server)) as transport:
        response = await transport.send(HttpRequest("GET", f"{server}/{path}"), stream=True)
        with pytest.raises(AzureError):
            await response.read()


@pytest.mark.parametrize("answer", [endless, announced, bomb])
async def test_an_endless_answer_of_entra_id_is_not_read(answer: Any, tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    address = f"https://localhost:{runner.addresses[0][1]}"
    cloud = Cloud(resource_manager=address, authority=address, graph=address, ca_file=tmp_path / "ca.pem")
    parts = {"tenantId": "tenant", "clientId": "client", "clientSecret": "secret"}
    before = resident()
    async with SignIn("ServicePrincipal", cloud, parts).credential(BoundedTransport(cloud)) as credential:
        with pytest.raises(AzureError, match="larger than"):
            await credential.get_token(cloud.management_scope)
    assert resident() - before < 6 * MOST
    await runner.cleanup()


async def test_a_small_answer_is_read_as_before(server: str) -> None:
    async with BoundedTransport(Cloud(resource_manager=server, authority=server, graph=server)) as transport:
        response = await transport.send(HttpRequest("GET", f"{server}/small"), stream=True)
        await response.read()
        assert response.json() == {"a": 1}
    async with aiohttp.ClientSession(**SESSION_OPTIONS) as http, http.get(f"{server}/small") as answer:
        assert await answer.text() == '{"a": 1}' and await answer.read() == b'{"a": 1}'


def run_guarded(*command: str) -> subprocess.CompletedProcess[bytes]:
    environment: Mapping[str, str] = {**os.environ, process_guard.OPERATOR: str(os.getpid())}
    words = [sys.executable, "-I", "-S", process_guard.__file__, *command]
    return subprocess.run(words, env=environment, capture_output=True, check=False, timeout=60)


WRITERS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "output": lambda: ("yes",),
    "errors": lambda: ("sh", "-c", "yes >&2"),
    "zeros": lambda: ("cat", "/dev/zero"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_helm_that_writes_without_end_is_ended(writer: str) -> None:
    started = time.monotonic()
    done = run_guarded(*WRITERS[writer]())
    assert done.returncode == process_guard.GONE
    assert process_guard.TOO_MUCH.encode() in done.stderr
    assert len(done.stdout) <= process_guard.MOST_OUTPUT and time.monotonic() - started < 30


def test_a_helm_that_takes_all_memory_is_refused_it() -> None:
    done = run_guarded(sys.executable, "-c", "print(len(bytearray(3 << 30)))")
    assert done.returncode == 1 and b"MemoryError" in done.stderr


def test_the_output_and_exit_code_of_a_program_are_complete() -> None:
    done = run_guarded("sh", "-c", "head -c 3000000 /dev/zero; echo no >&2; exit 3")
    assert (done.returncode, len(done.stdout), done.stderr) == (3, 3_000_000, b"no\n")


async def test_a_text_is_parsed_once_and_the_cache_keeps_to_its_size() -> None:
    cache = YamlCache(most=2000)
    first = await cache.read("a: [1]")
    assert await cache.read("a: [1]") is first
    for number in range(200):
        await cache.read(f"a{number}: " + "x" * 90)
        assert cache._held <= 2000
    assert await cache.read("a: [1]") is not first
    for _ in range(2):
        with pytest.raises(DocumentRefused, match="contains itself"):
            await cache.read("a: &a [*a]")
    with pytest.raises(DocumentTooLarge):
        await cache.read("x" * (2 << 20))
    large = YamlCache(most=4000)
    await large.read("a: &a [1, 2, 3, 4, 5]\nb: [*a, *a]")
    assert large._held > 2000, "a short text with many values takes their room"
