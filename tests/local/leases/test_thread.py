"""The elector renews leases in a thread of its own: a loop that is busy keeps them, and one that stands loses them."""

import asyncio
import concurrent.futures
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from notebook_platform.fencing import Fence
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.shards import Shard, shards
from notebook_platform.leases.store import LeaseStore, Timing
from notebook_platform.leases.thread import ElectorThread

from tests.local.reconciler.cluster import Management
from tests.unit.kube.plain_http import plain_client

LIST = "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
DURATION = 1
"""Seconds of a lease."""


class Work:
    """The work of a shard, and which of its methods were called, each in which loop."""

    ready, failed = True, False

    def __init__(self, fence: Fence) -> None:
        self.fence, self.calls = fence, dict[str, asyncio.AbstractEventLoop]()

    def _called(self, method: str) -> None:
        self.calls[method] = asyncio.get_running_loop()

    def abort(self) -> None:
        self._called("abort")

    async def quiesce(self) -> None:
        self._called("quiesce")

    async def stop(self) -> None:
        self._called("stop")


async def replica(url: str, during: Callable[[Work], None], standing: Callable[[], str | None]) -> tuple[Work, ElectorThread]:
    """Run a replica until it holds its lease, block its loop in `during`, and end it."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[LeaseStore]:
        api = plain_client(url)
        yield LeaseStore(api, "ns", "np", Timing(DURATION))
        await api.close()

    def start(shard: Shard, fence: Fence) -> Work:
        begun.set_result(work := Work(fence))
        return work

    stop, begun = asyncio.Event(), asyncio.get_running_loop().create_future()
    elector = ElectorThread(connect, shards(1), Identity(None), start, standing)
    assert elector.leases_failing() == "the leases have not been read yet"
    running = asyncio.create_task(elector.run(stop))
    work: Work = await begun
    during(work)
    await asyncio.sleep(0)
    stop.set()
    await running
    assert work.calls.keys() >= {"quiesce", "stop"} and set(work.calls.values()) == {asyncio.get_running_loop()}
    return work, elector


async def beside(cluster: Management, during: Callable[[Work], None], standing: Callable[[], str | None]) -> None:
    """Run a replica in a thread, beside the loop that serves the API."""
    cluster.objects[LIST] = {"items": []}
    url = cluster.api.configuration.host
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        await asyncio.get_running_loop().run_in_executor(thread, asyncio.run, replica(url, during, standing))


async def test_a_loop_that_is_busy_for_longer_than_a_lease_keeps_it() -> None:
    async with Management() as cluster:

        def busy(work: Work) -> None:
            time.sleep(3 * DURATION)
            assert work.fence.holds and cluster.calls.count("PATCH leases") > 15

        await beside(cluster, busy, lambda: None)


async def test_a_loop_that_stands_loses_its_lease_and_its_work_is_cancelled_when_it_runs_again() -> None:
    async with Management() as cluster:
        standing: list[str] = []

        def hang(work: Work) -> None:
            standing.append("the event loop has not run for 31 s")
            time.sleep(DURATION)
            renewals = cluster.calls.count("PATCH leases")
            assert not work.fence.holds and not work.calls
            time.sleep(DURATION)
            assert cluster.calls.count("PATCH leases") == renewals

        await beside(cluster, hang, lambda: next(iter(standing), None))
        assert not any(one.startswith("DELETE") for one in cluster.calls)
