"""The lock of a Helm process belongs to the replica that the ledger names, and stays while that replica's lease is held."""

import pytest
from notebook_platform.fencing import FENCE, Fence, boottime
from notebook_platform.leases.elector import Elector, ShardWork
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.shards import Shard, shards
from notebook_platform.leases.store import LeaseStore, Timing

from tests.integration.releases.harness import ReleaseHarness, interrupted

pytestmark = pytest.mark.asyncio(loop_scope="package")

DURATION = 4
"""Seconds of the other replica's lease."""


def nothing(shard: Shard, fence: Fence) -> ShardWork:
    raise AssertionError("this replica takes no lease")


async def test_a_lock_stays_while_the_lease_of_its_holder_is_held_and_is_removed_afterwards(harness: ReleaseHarness) -> None:
    store = LeaseStore(harness.cluster.target.api, "default", harness.namespace[:40], Timing(DURATION))
    elector = Elector(store, shards(1), Identity(None), nothing)
    fence = Fence("default/ours/us", boottime() + 600, elector.has_ended)
    FENCE.set(fence)
    await harness.ready()
    owned = await harness.owned()
    assert owned is not None and owned.holder == "default/ours/us"

    lease = await store.acquire(store.name, None, "other")
    assert lease is not None
    holder = f"default/{store.name}/other"
    await interrupted(harness, "pending-upgrade")
    await harness.ledger.change((harness.namespace, "little"), lambda entry: entry.having(holder=holder))
    harness.set(note="b")
    outcome = await harness.reason("ReleaseLocked")
    assert holder in outcome.message
    assert await harness.records() == [(1, "pending-upgrade")], "the lock of a replica that may be alive is left in place"
    wanted, harness.wants = harness.wants, []
    uninstalling = await harness.reason("ReleaseLocked", "RetiredReleases")
    assert holder in uninstalling.message and await harness.records() == [(1, "pending-upgrade")]

    harness.wants = wanted
    await harness.reason("Recovering")  # the lease was not renewed
    await harness.ready()
    owned = await harness.owned()
    assert owned is not None and owned.holder == "default/ours/us" and owned.recoveries == 1
    fence.end()


async def test_a_helm_whose_operator_has_lost_its_lease_writes_nothing_more(harness: ReleaseHarness) -> None:
    fence = Fence("default/ours/us", boottime() + 600, Elector.has_ended)  # type: ignore[arg-type]
    FENCE.set(fence)
    harness.set(hook="example.org/hook:1")
    await harness.until(lambda outcome: getattr(outcome, "reason", "") == "Installing")
    await harness.soon(harness.records)
    before = await harness.records()
    fence.end()
    run = harness.helm.run_of(f"{harness.owner}/{harness.namespace}/little")
    assert run is not None
    await run.task
    assert "the lease default/ours/us has ended" in (run.words or "")
    assert await harness.records() == before == [(1, "pending-install")]
