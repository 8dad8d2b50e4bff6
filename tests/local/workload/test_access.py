"""Access to a workload cluster: asked from Azure once, and again when it has ended or is refused; a platform at rest keeps it."""

import asyncio
import base64
import gc
import json
import time
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client as kubernetes
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.engine.outcome import StepError
from notebook_platform.workload.access import ClusterKey, WorkloadClusters
from notebook_platform.workload.kubeconfig import ClusterAccess, parse_kubeconfig

from tests.local.workload.server import Server, answers

KEY = ClusterKey(cluster_id="/c", fqdn="c.example", resource_uid="1", local_accounts=True, credential="digest")


@dataclass
class Azure:
    """Counts the requests for access."""

    server: Server
    asked: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, from_azure: bool) -> ClusterAccess:
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

    async def ask(from_azure: bool) -> ClusterAccess:
        return access

    with pytest.raises(StepError) as caught:
        await clusters.connection("uid", KEY, ask)
    assert caught.value.failed.reason == "KubeconfigRefused" and json.dumps(caught.value.failed.message)


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
