"""The client of a workload cluster's API, over TLS: whatever the server answers, its limits hold and no file is left behind."""

import asyncio
import base64
import gc
import gzip
import json
import ssl
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from kubernetes.aio import client as kubernetes
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from notebook_platform.engine.outcome import StepError
from notebook_platform.kube.fenced import fenced
from notebook_platform.workload.access import ClusterKey, WorkloadClusters
from notebook_platform.workload.client import MOST_BYTES, AnswerTooLarge, ForeignAnswer, close_idle, connect
from notebook_platform.workload.kubeconfig import ClusterAccess, parse_kubeconfig

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


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    runner = await found.start()
    yield found
    await runner.cleanup()


@pytest.fixture
async def core(server: Server) -> AsyncIterator[kubernetes.CoreV1Api]:
    api = await connect(server.access())
    yield kubernetes.CoreV1Api(api)
    await api.close()


def entries(directory: str | Path) -> int:
    """Return the number of files in a directory."""
    return sum(1 for _ in Path(directory).iterdir())


def answers(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers={"Content-Type": "application/json", **headers})

    return answer


async def test_a_client_certificate_is_shown_and_no_file_stays_behind(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    leaf = server.authority.issue_cert("admin@example.org")
    certificate, key = leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode()
    descriptors = entries("/proc/self/fd")
    api = await connect(server.access(client_certificate=certificate, client_key=key, token=""))
    assert entries("/proc/self/fd") == descriptors and entries(tmp_path) == 0
    await kubernetes.CoreV1Api(api).list_pod_for_all_namespaces()
    await api.close()
    assert server.certificates[0]["subjectAltName"] == (("email", "admin@example.org"),)
    assert "Authorization" not in server.requests[0].headers and entries(tmp_path) == 0


async def test_another_authority_is_not_believed(server: Server) -> None:
    refused: list[bool] = []
    access = ClusterAccess(server=server.url, ca_data=trustme.CA().cert_pem.bytes().decode(), token="t0ken")
    api = await connect(access, lambda: refused.append(True))
    with pytest.raises(aiohttp.ClientSSLError):
        await kubernetes.CoreV1Api(api).list_pod_for_all_namespaces()
    await api.close()
    assert refused == [True] and server.requests == []


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


KEY = ClusterKey(cluster_id="/c", fqdn="c.example", resource_uid="1", local_accounts=True, credential="digest")


@dataclass
class Azure:
    """Counts the requests for access."""

    server: Server
    asked: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    async def __call__(self) -> ClusterAccess:
        self.asked += 1
        await asyncio.sleep(0)
        return self.server.access(**self.more)


@pytest.fixture
async def clusters() -> AsyncIterator[WorkloadClusters]:
    found = WorkloadClusters()
    yield found
    await found.close()


async def test_steps_that_ask_at_once_share_one_client_and_one_request(server: Server, clusters: WorkloadClusters) -> None:
    azure = Azure(server)
    connections = await asyncio.gather(*(clusters.connection("uid", KEY, azure) for _ in range(20)))
    assert azure.asked == 1 and len({id(connection.api) for connection in connections}) == 1
    for _ in range(50):
        await clusters.connection("uid", KEY, azure)
    assert azure.asked == 1
    await clusters.connection("another platform", KEY, azure)
    assert azure.asked == 2


@pytest.mark.parametrize(
    "other",
    [
        {"credential": "another"},
        {"cluster_id": "/d"},
        {"fqdn": "d.example"},
        {"resource_uid": "2"},
        {"local_accounts": False},
    ],
)
async def test_access_is_asked_anew_for_another_cluster_or_credential(
    server: Server, clusters: WorkloadClusters, other: dict[str, Any]
) -> None:
    azure = Azure(server)
    await clusters.connection("uid", KEY, azure)
    await clusters.connection("uid", ClusterKey(**{**KEY.__dict__, **other}), azure)
    assert azure.asked == 2


async def refuse(server: Server, api: kubernetes.ApiClient) -> None:
    """Let the cluster refuse the access from now on, and send a request that it refuses."""
    server.handler = answers(b'{"kind":"Status","code":401}', 401)
    with pytest.raises(ApiException):
        await kubernetes.CoreV1Api(api).list_pod_for_all_namespaces()


async def test_access_that_the_cluster_refuses_is_asked_for_once_more(
    server: Server, clusters: WorkloadClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure = Azure(server)
    first = await clusters.connection("uid", KEY, azure)
    await refuse(server, first.api)
    await clusters.connection("uid", KEY, azure)
    assert azure.asked == 1, "access that was given just now would be given again"
    monkeypatch.setattr("notebook_platform.workload.access.LEAST_AGE", -1)
    azure.more, server.handler = {"token": "another"}, None
    second = await clusters.connection("uid", KEY, azure)
    assert azure.asked == 2 and second.api is not first.api
    await kubernetes.CoreV1Api(second.api).list_pod_for_all_namespaces()
    await kubernetes.CoreV1Api(first.api).list_pod_for_all_namespaces()  # a step that holds the older one still goes on
    assert [request.headers["Authorization"] for request in server.requests[1:]] == ["Bearer another", "Bearer t0ken"]
    for _ in range(20):
        await clusters.connection("uid", KEY, azure)
    assert azure.asked == 2


async def test_a_server_that_always_refuses_has_azure_asked_less_and_less_often(
    server: Server, clusters: WorkloadClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure = Azure(server)
    monkeypatch.setattr("notebook_platform.workload.access.LEAST_AGE", 0.05)
    server.handler = answers(b'{"kind":"Status","code":401}', 401)
    ends, tries = time.monotonic() + 1, 0
    while time.monotonic() < ends:
        connection = await clusters.connection("uid", KEY, azure)
        with pytest.raises(ApiException):
            await kubernetes.CoreV1Api(connection.api).list_pod_for_all_namespaces()
        tries += 1
    assert azure.asked <= 6 < tries


async def test_a_token_is_renewed_before_its_end(server: Server, clusters: WorkloadClusters) -> None:
    azure = Azure(server, more={"expires": time.time() + 60})
    await clusters.connection("uid", KEY, azure)
    azure.more = {"expires": time.time() + 3600}
    for _ in range(5):
        await clusters.connection("uid", KEY, azure)
    assert azure.asked == 2


async def test_certificates_that_cannot_be_used_are_refused_with_a_reason(server: Server, clusters: WorkloadClusters) -> None:
    nonsense = base64.b64encode(b"nonsense").decode()
    text = f"-----BEGIN CERTIFICATE-----\n{nonsense}\n-----END CERTIFICATE-----\n"
    access = parse_kubeconfig(ClusterAccess(server=server.url, ca_data=text, token="x").kubeconfig())

    async def ask() -> ClusterAccess:
        return access

    with pytest.raises(StepError) as caught:
        await clusters.connection("uid", KEY, ask)
    assert caught.value.failed.reason == "KubeconfigRefused" and json.dumps(caught.value.failed.message)


async def closed(request: web.BaseRequest) -> None:
    """Return when the connection of a request has ended at the server."""
    for _ in range(500):
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the connection stayed open")


async def test_connections_close_when_idle_and_open_again_for_the_next_request(server: Server) -> None:
    """At the server: the first connection ends although the client lives on, and the next request comes over another one."""
    api = await connect(server.access(), idle=0.05)
    core = kubernetes.CoreV1Api(api)
    await core.list_namespaced_pod("default")
    (first,) = server.requests
    await closed(first)
    await core.list_namespaced_pod("default")
    assert len(server.requests) == 2
    await api.close()


async def test_connections_close_at_once_when_the_platform_rests_unless_a_request_is_being_sent(server: Server) -> None:
    """At the server: a rest during a request does not end it; a rest after it ends the connection."""
    api = await connect(server.access(), idle=60)
    core = kubernetes.CoreV1Api(api)
    listed = asyncio.create_task(core.list_namespaced_pod("default"))
    while not server.requests:
        close_idle(api)
        await asyncio.sleep(0.01)
    close_idle(api)
    await listed
    (first,) = server.requests
    close_idle(api)
    await closed(first)
    await core.list_namespaced_pod("default")
    assert len(server.requests) == 2
    await api.close()


async def test_a_request_that_takes_longer_than_the_idle_time_is_not_cut(server: Server) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(EMPTY)

    server.handler = slow
    api = await connect(server.access(), idle=0.05)
    core = kubernetes.CoreV1Api(api)
    quick, long = await asyncio.gather(core.list_namespaced_pod("a"), core.list_namespaced_pod("b"))
    assert quick.items == long.items == []
    await api.close()


async def test_a_request_goes_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "10.0.0.1")
    for host, proxy in (("https://lab.example", "http://proxy.example:3128"), ("https://10.0.0.1", None)):
        async with kubernetes.ApiClient(kubernetes.Configuration(host=host)) as api:
            assert fenced(api).rest_client.proxy == proxy


async def test_a_platform_at_rest_keeps_its_access_and_no_client(server: Server, clusters: WorkloadClusters) -> None:
    azure = Azure(server, more={"expires": time.time() + 3600})
    first = await clusters.connection("uid", KEY, azure)
    clusters.note_served("uid", "1.35", (1, 35))
    clusters.rest("uid")
    client_before = weakref.ref(first.api)
    access = first.access
    del first
    gc.collect()
    assert client_before() is None, "somebody keeps the client"
    second = await clusters.connection("uid", KEY, azure)
    assert azure.asked == 1 and second.access == access and clusters.served("uid", "1.35") == (1, 35)
    await kubernetes.CoreV1Api(second.api).list_pod_for_all_namespaces()
    assert len(server.requests) == 1


async def test_a_refusal_before_a_rest_is_known_after_it(
    server: Server, clusters: WorkloadClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure = Azure(server)
    first = await clusters.connection("uid", KEY, azure)
    await refuse(server, first.api)
    clusters.rest("uid")
    monkeypatch.setattr("notebook_platform.workload.access.LEAST_AGE", -1)
    await clusters.connection("uid", KEY, azure)
    assert azure.asked == 2


async def test_a_connection_that_sends_a_request_does_not_rest(server: Server, clusters: WorkloadClusters) -> None:
    azure, asked, go_on = Azure(server), asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})

    server.handler = slow
    first = await clusters.connection("uid", KEY, azure)
    request = asyncio.create_task(kubernetes.CoreV1Api(first.api).list_pod_for_all_namespaces())
    await asyncio.wait_for(asked.wait(), 10)
    clusters.rest("uid")
    assert (await clusters.connection("uid", KEY, azure)).api is first.api
    go_on.set()
    await request
