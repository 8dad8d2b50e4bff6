"""Changes of a Secret that many platforms name: few reads of the API server, and one wake-up of each platform."""

import asyncio
from typing import Any

from notebook_platform.referrers import ReferenceWatch

from sandbox.operator_process import secret
from tests.local.reconciler.cluster import Management
from tests.unit.reconciler.test_pace import REFERENCE


async def test_45_changes_of_a_secret_that_30_platforms_name_are_one_read_and_one_wake_of_each() -> None:
    woken: list[str] = []
    async with Management(secret("azure-credentials", "platforms", {"a": "1"})) as cluster:
        watch = ReferenceWatch(cluster.api, woken.append)
        for number in range(30):
            watch.referrers.put(f"uid-{number}", [REFERENCE])
        for _ in range(45):
            watch.event(REFERENCE)
            await asyncio.sleep(0.01)

        def all_woken() -> Any:
            return len(woken) >= 30

        for _ in range(300):
            if all_woken():
                break
            await asyncio.sleep(0.01)
        assert sorted(woken) == sorted(f"uid-{number}" for number in range(30))
        assert cluster.calls == ["GET secrets"]
        watch.event(REFERENCE)
        watch.event(("Secret", "platforms", "unreferenced"))
        await asyncio.sleep(1.7)
        assert len(woken) == 30 and cluster.calls == ["GET secrets"] * 2
        await watch.close()
