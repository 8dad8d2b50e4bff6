"""The checks of /readyz that concern leases: a replica that cannot take part in them says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notebook_platform.fencing import Fence
from notebook_platform.leases.elector import Elector
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.shards import Shard, shards
from notebook_platform.leases.store import LeaseStore, Timing

from tests.local.reconciler.cluster import BrokenCall, Management

LIST = "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
DURATION = 1
"""Seconds of a lease."""


class Work:
    """The work of a shard, which watches nothing yet."""

    ready, failed = False, False

    def abort(self) -> None:
        """Nothing has to be cancelled."""

    async def quiesce(self) -> None:
        """Nothing reconciles."""

    async def stop(self) -> None:
        """Nothing is watched."""


def start(shard: Shard, fence: Fence) -> Work:
    return Work()


@asynccontextmanager
async def replica(cluster: Management) -> AsyncIterator[Elector]:
    """Run the elector of one replica."""
    stop = asyncio.Event()
    elector = Elector(LeaseStore(cluster.api, "ns", "np", Timing(DURATION)), shards(2), Identity(None), start)
    running = asyncio.create_task(elector.run(stop))
    try:
        yield elector
    finally:
        stop.set()
        await running


async def test_a_replica_that_may_not_use_leases_is_not_ready_and_names_the_role() -> None:
    async with Management() as cluster:
        cluster.objects[LIST] = {"items": []}
        cluster.broken = BrokenCall("POST", "leases", 403)
        async with replica(cluster) as elector:
            assert elector.leases_failing() == "the leases have not been read yet"
            refused = await cluster.until("the refusal", lambda: "may not" in (why := str(elector.leases_failing())) and why)
            assert "may not read and write leases in namespace ns" in refused and "Role notebook-platform-leases" in refused


async def test_a_replica_whose_reads_of_leases_fail_for_the_duration_of_a_lease_is_not_ready() -> None:
    async with Management() as cluster:
        cluster.objects[LIST] = {"items": []}
        async with replica(cluster) as elector:
            await cluster.until("both leases", lambda: elector.held == 2)
            await cluster.until("a complete turn", lambda: elector.leases_failing() is None)
            assert elector.watch_failing() == "shards not watched yet: 1, 2"
            cluster.broken = BrokenCall("GET", "leases$", 500)
            failing = await cluster.until("the check fails", elector.leases_failing, 4)
            assert failing.startswith("no success for 1 s: the leases in namespace ns cannot be read or written")
            cluster.broken = None
            await cluster.until("the check passes again", lambda: elector.leases_failing() is None)
