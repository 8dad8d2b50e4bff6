"""A platform whose author changes it constantly is throttled and reports it; another platform is not affected."""

import asyncio
import copy
from pathlib import Path

from notebook_platform.config import OperatorConfig
from notebook_platform.reconciler import PlatformReconciler

from tests.local.reconciler.test_no_silence import HIDDEN, RaisingClients, management, whole_spec


async def test_a_platform_over_its_budget_is_throttled_until_it_rests(tmp_path: Path) -> None:
    config = OperatorConfig(
        work_dir=tmp_path, chart_repository="https://charts.example.org", passes_per_minute=120, pass_burst=3, least_interval=30
    )
    shared = RaisingClients(config, "Cluster", "judge", lambda: KeyError(HIDDEN))
    async with management(whole_spec()) as busy, management(whole_spec()) as quiet:
        reconcilers = [PlatformReconciler(copy.deepcopy(cluster.platform), cluster.api, shared) for cluster in (busy, quiet)]
        tasks = [asyncio.create_task(reconciler.run()) for reconciler in reconcilers]
        for generation in range(2, 200):
            busy.platform["metadata"]["generation"] = generation
            reconcilers[0].update(copy.deepcopy(busy.platform))
            await asyncio.sleep(0.01)
            if busy.condition("Throttled"):
                break
        condition = await busy.until("it is throttled", lambda: busy.condition("Throttled"))
        assert (condition["status"], condition["reason"]) == ("True", "TooManyReconciles") and "passes_per_minute" in condition[
            "message"
        ]
        await quiet.until("the other is reconciled", lambda: quiet.condition("Ready"))
        assert quiet.condition("Throttled") is None
        await asyncio.sleep(2.5)
        busy.platform["metadata"]["generation"] = 1000
        reconcilers[0].update(copy.deepcopy(busy.platform))

        def rested() -> bool:
            ready = busy.condition("Ready")
            return busy.condition("Throttled") is None and ready is not None and ready["observedGeneration"] == 1000

        await busy.until("it is no longer throttled", rested)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await shared.close()
