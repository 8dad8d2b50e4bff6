"""A platform that waits for a slot says so, takes no slot from others, and is reconciled when one is free."""

import asyncio
import copy
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.config import OperatorConfig
from notebook_platform.policy import spread
from notebook_platform.reconciler import PlatformReconciler
from notebook_platform.work_queue import Priority

from tests.unit.reconciler.test_no_silence import HIDDEN, RaisingClients, management, whole_spec


async def test_a_new_platform_that_waits_for_a_slot_is_queued_and_not_failed(tmp_path: Path) -> None:
    config = OperatorConfig(work_dir=tmp_path, chart_repository="https://charts.example.org", concurrent_reconciles=1)
    shared = RaisingClients(config, "Cluster", "judge", lambda: KeyError(HIDDEN))
    async with management(whole_spec()) as cluster:
        async with shared.slots.request("another platform", "elsewhere", Priority.URGENT) as turn:
            await turn
            reconciler = PlatformReconciler(copy.deepcopy(cluster.platform), cluster.api, shared)
            task = asyncio.create_task(reconciler.run())
            queued = await cluster.until("it is queued", lambda: cluster.condition("Reconciling"))
            assert (queued["status"], queued["reason"]) == ("True", "Queued")
            assert queued["message"] == "Waiting for a turn: the operator reconciles 1 platform at once (concurrent_reconciles)"
            assert [call for call in cluster.calls if not call.startswith("PATCH")] == []

        def reconciled() -> bool:
            return cluster.condition("Ready") is not None and (cluster.condition("Reconciling") or {}).get("reason") != "Queued"

        await cluster.until("it is reconciled", reconciled)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(1), shared.slots.request("next", "elsewhere", Priority.PERIODIC) as turn:
            await turn
    await shared.close()


@given(st.floats(0.01, 1e5), st.floats(1, 1e5), st.floats(0, 1), st.booleans())
def test_jitter_keeps_waits_between_what_azure_asks_for_and_the_interval(
    wait: float, interval: float, jitter: float, first: bool
) -> None:
    found = spread(min(wait, interval), interval, jitter, first=first)
    assert found <= interval * (1 + 1e-9)
    if wait < interval:
        assert wait <= found <= 1.1 * wait
    else:
        assert found >= interval * (0.1 if first else 0.9) * (1 - 1e-9)


def test_platforms_that_an_operator_reconciles_at_its_start_do_not_stay_together() -> None:
    interval = 600.0
    firsts = [spread(interval, interval, number / 99, first=True) for number in range(100)]
    assert sum(wait < interval / 2 for wait in firsts) > 40
