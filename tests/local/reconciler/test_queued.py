"""A platform that waits for a slot has a condition for it, holds no slot, and is reconciled when one is free."""

import asyncio
import copy
from pathlib import Path

from notebook_platform.config import OperatorConfig
from notebook_platform.reconciler import PlatformReconciler
from notebook_platform.work_queue import Priority

from tests.local.reconciler.test_no_silence import HIDDEN, RaisingClients, management, whole_spec


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
