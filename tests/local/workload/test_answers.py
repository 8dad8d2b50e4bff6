"""Whatever a workload cluster's API server answers, the limits of the client hold."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from kubernetes.aio import client as kubernetes
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from notebook_platform.bounded.http import AnswerTooLarge
from notebook_platform.workload.client import MOST_BYTES, ForeignAnswer, connect

from tests.local.workload.server import EMPTY, Server, answers


@pytest.fixture
async def core(server: Server) -> AsyncIterator[kubernetes.CoreV1Api]:
    api = await connect(server.access())
    yield kubernetes.CoreV1Api(api)
    await api.close()


@pytest.mark.parametrize("declared", [True, False])
async def test_an_endless_answer_ends_at_the_limit(server: Server, core: kubernetes.CoreV1Api, declared: bool) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Length": str(2**40)} if declared else {})
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)
            await asyncio.sleep(0)  # otherwise the loop may never learn that the client has left
            sent += 65536

    server.handler = endless
    with pytest.raises(AnswerTooLarge):
        await core.list_pod_for_all_namespaces()
    assert sent < 2 * MOST_BYTES


@pytest.mark.parametrize(
    "body",
    [
        b'{"items":[' + b"{}," * 300_000 + b"{}]}",
        b'{"items":' + b"[" * 300_000 + b"]" * 300_000 + b"}",
        b'{"items":[' + b"1," * 3_000_000 + b"1]}",
    ],
    ids=["mappings", "depth", "numbers"],
)
async def test_an_answer_of_too_many_elements_is_not_decoded(server: Server, core: kubernetes.CoreV1Api, body: bytes) -> None:
    server.handler = answers(body)
    began = time.monotonic()
    with pytest.raises(AnswerTooLarge):
        await core.list_pod_for_all_namespaces()
    assert time.monotonic() - began < 5


async def test_a_compressed_answer_is_neither_asked_for_nor_read(server: Server, core: kubernetes.CoreV1Api) -> None:
    server.handler = answers(gzip.compress(b"0" * 10_000_000), **{"Content-Encoding": "gzip"})
    with pytest.raises(ForeignAnswer):
        await core.list_pod_for_all_namespaces()
    assert server.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(server: Server, core: kubernetes.CoreV1Api, status: int) -> None:
    server.handler = answers(b"", status, Location=f"{server.url}/metadata/identity")
    with pytest.raises(ForeignAnswer):
        await core.list_pod_for_all_namespaces()
    assert len(server.requests) == 1


async def test_a_request_without_a_time_of_its_own_ends_too(
    server: Server, core: kubernetes.CoreV1Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.json_response(EMPTY)

    server.handler = silent
    monkeypatch.setattr("notebook_platform.workload.client.TIMEOUT_SECONDS", 0.3)
    with pytest.raises(TimeoutError):
        await core.list_pod_for_all_namespaces()
    with pytest.raises(TimeoutError):
        await core.list_pod_for_all_namespaces(_request_timeout=0.3)


async def test_the_dynamic_client_has_the_same_limits(server: Server, core: kubernetes.CoreV1Api, tmp_path: Path) -> None:
    server.handler = answers(b'{"versions":["v1"],"items":[' + b"{}," * 300_000 + b"{}]}")
    with pytest.raises(AnswerTooLarge):
        await DynamicClient(core.api_client, cache_file=str(tmp_path / "cache.json"))


async def test_an_error_of_the_server_is_still_an_api_exception(server: Server, core: kubernetes.CoreV1Api) -> None:
    server.handler = answers(b'{"kind":"Status","code":404}', 404)
    with pytest.raises(ApiException) as caught:
        await core.read_namespaced_pod("a", "b")
    assert caught.value.status == 404
