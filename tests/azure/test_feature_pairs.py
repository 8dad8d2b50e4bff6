"""Features that act on the same resource at the same time; each has tests of its own elsewhere."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER
from tests.unit.azure.specs import with_cluster

NIGHTS = [
    {"cron": "0 20 * * *", "powerState": "Stopped", "timeZone": "UTC"},
    {"cron": "0 7 * * *", "powerState": "Running", "timeZone": "UTC"},
]
DAY, NIGHT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC), datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
POOL = f"{CLUSTER}/agentpools/nodepool1"


async def test_with_warn_a_night_makes_no_change_by_hand_the_wish_of_the_spec(estate: Estate) -> None:
    spec, estate.warn, estate.now = with_cluster(powerSchedules=NIGHTS), True, DAY
    await settled(estate, spec)
    await estate.control("PATCH", f"/resources{POOL}", {"properties": {"maxCount": 9}})
    await estate.once(spec)
    for estate.now in (NIGHT, MORNING):
        await estate.settle(spec)
    results = await estate.once(spec)
    assert [change.path for change in results["NodePools"].drift] == ["agentPools[nodepool1].maxCount"]
    assert (await estate.state())["resources"][POOL]["properties"]["maxCount"] == 9


@pytest.mark.parametrize("warn", [False, True])
async def test_an_edit_at_night_takes_effect_in_the_morning(estate: Estate, warn: bool) -> None:
    spec, estate.warn, estate.now = with_cluster(powerSchedules=NIGHTS), warn, DAY
    await settled(estate, spec)
    estate.now = NIGHT
    await settled(estate, spec)
    spec = with_cluster(powerSchedules=NIGHTS, tier="Premium" if spec["cluster"].get("tier") == "Standard" else "Standard")
    await settled(estate, spec)
    estate.now = MORNING
    awake = await settled(estate, spec)
    assert awake[CLUSTER]["sku"]["tier"] == spec["cluster"]["tier"]


async def test_what_is_taken_out_of_the_spec_at_night_is_removed_in_the_morning(estate: Estate) -> None:
    def spec_of(**tags: str) -> dict[str, Any]:
        spec = with_cluster(powerSchedules=NIGHTS)
        spec["azure"]["tags"] = {"cost": "R1", **tags}
        if tags:
            spec["nodePools"][0]["maxSurge"] = "33%"
            spec["cluster"]["autoscalerProfile"] = {"scanInterval": "20s"}
        return spec

    estate.now = DAY
    await settled(estate, spec_of(team="Alpha"))
    estate.now = NIGHT
    await settled(estate, spec_of(team="Alpha"))
    await settled(estate, spec_of())
    estate.now = MORNING
    awake = await settled(estate, spec_of())
    pool = awake[POOL]["properties"]
    assert "team" not in awake[CLUSTER]["tags"] and "team" not in pool["tags"] and pool["upgradeSettings"]["maxSurge"] == "10%"
    assert awake[CLUSTER]["properties"]["autoScalerProfile"]["scan-interval"] == "10s"
