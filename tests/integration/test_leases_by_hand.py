"""Leases that users have made, changed or deleted by hand, and an API server that answers slowly: one replica works on each shard."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client
from notebook_platform.fencing import Fence
from notebook_platform.leases.elector import Elector
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.shards import Shard, shards
from notebook_platform.leases.store import LABEL, LeaseStore, Timing

from sandbox.kubernetes.api import api_client
from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted
from tests.api_server import ApiServer
from tests.unit.kube.plain_http import plain_client

DURATION = 3
"""Seconds of a lease."""
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
LATENCY = 0.3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ControlPlane]:
    made = ControlPlane(tmp_path_factory.mktemp("plane"), find(), Wanted(name="leases", nodes=False))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def name() -> str:
    """Return the name of the leases of one installation."""
    return f"np-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def user(plane: ControlPlane) -> ApiServer:
    return ApiServer.of(plane.kubeconfig_path)


class Work:
    """The work of a shard that notes whether it was cancelled."""

    ready, failed = True, False

    def __init__(self, fence: Fence) -> None:
        self.fence, self.ended = fence, False

    def abort(self) -> None:
        self.ended = True

    async def quiesce(self) -> None:
        self.ended = True

    async def stop(self) -> None:
        """Nothing is watched."""


class Replica:
    """A replica and the work of its shards."""

    def __init__(self, store: LeaseStore, count: int) -> None:
        self.works: list[Work] = []
        self.elector = Elector(store, shards(count), Identity(None), self._start)

    def _start(self, shard: Shard, fence: Fence) -> Work:
        self.works.append(Work(fence))
        return self.works[-1]


@asynccontextmanager
async def running(api: client.ApiClient, name: str, count: int) -> AsyncIterator[Replica]:
    """Run a replica until the block ends."""
    made, stop = Replica(LeaseStore(api, "default", name, Timing(DURATION)), count), asyncio.Event()
    task = asyncio.create_task(made.elector.run(stop))
    yield made
    stop.set()
    await task


@asynccontextmanager
async def replica(plane: ControlPlane, name: str, count: int = 1) -> AsyncIterator[Replica]:
    async with await api_client(plane.kubeconfig()) as api, running(api, name, count) as made:
        yield made


async def until(check: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def lease(name: str, spec: dict[str, Any], **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("suffix", "labelled", "spec"),
    [
        ("", True, {"leaseTransitions": 2**31 - 1}),
        ("", False, {}),
        ("", True, {"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "9999-12-31T23:59:59.999999Z"}),
        ("-0-of-5", True, {"renewTime": "0000-01-01T00:00:00.000000Z"}),
    ],
    ids=["the most transitions", "without a label", "renewed in the future", "a time that Python cannot hold"],
)
async def test_an_odd_lease_is_taken_and_delays_no_other(
    plane: ControlPlane, user: ApiServer, name: str, suffix: str, labelled: bool, spec: dict[str, Any]
) -> None:
    user.request("POST", LEASES, lease(name + suffix, spec, **({LABEL: name} if labelled else {})))
    async with replica(plane, name) as made:
        await until(lambda: made.elector.held == 1, 3 * DURATION)
        await until(lambda: made.elector.leases_failing() is None)
    assert "holderIdentity" not in user.read(f"{LEASES}/{name}")["spec"], "it is released"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("cleared", [True, False], ids=["cleared", "deleted"])
async def test_a_held_lease_that_a_user_clears_or_deletes_stays_with_its_holder(
    plane: ControlPlane, user: ApiServer, name: str, cleared: bool
) -> None:
    async with AsyncExitStack() as replicas:
        first = await replicas.enter_async_context(replica(plane, name))
        await until(lambda: first.elector.held == 1)
        second = await replicas.enter_async_context(replica(plane, name))
        await until(lambda: second.elector.leases_failing() is None)
        for _ in range(8):  # at different moments between two renewals
            if cleared:
                patch = {"spec": {"holderIdentity": None}}
                user.request("PATCH", f"{LEASES}/{name}", patch, type_="application/merge-patch+json")
            else:
                user.delete(f"{LEASES}/{name}")
            await asyncio.sleep(0.37)
        await until(lambda: (user.read(f"{LEASES}/{name}") or {"spec": {}})["spec"].get("holderIdentity"))
        assert [one.ended for one in first.works] == [False] and second.works == []


@asynccontextmanager
async def slow(user: ApiServer) -> AsyncIterator[str]:
    """Yield the address of a server that passes requests to the API server after a while."""

    async def passed(request: web.Request) -> web.Response:
        await asyncio.sleep(LATENCY)
        headers = {**user.http.headers, "Content-Type": request.content_type}
        body, url = await request.read(), f"{user.url}{request.path_qs}"
        async with session.request(request.method, url, data=body, headers=headers, ssl=False) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", passed)
    async with aiohttp.ClientSession() as session, TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_replica_takes_and_keeps_many_leases_of_an_api_server_that_answers_slowly(user: ApiServer, name: str) -> None:
    async with slow(user) as url, plain_client(url) as api, running(api, name, 8) as made:
        await until(lambda: made.elector.held == 8)
        await asyncio.sleep(DURATION)
        assert len(made.works) == 8 and not any(work.ended for work in made.works)
