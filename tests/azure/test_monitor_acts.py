"""The operator's settings change the number of nodes: Monitor's rules and profiles, and the cluster autoscaler, in the simulated
Azure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.azure.autoscale import profile_at
from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id, runbook_spec

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def lecture_spec() -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"][0] |= {"autoscaling": {"minCount": 3, "maxCount": 30}}
    spec["autoscale"][0] |= {
        "capacity": {"minimum": 3, "maximum": 6, "default": 3},
        "recurring": [
            {
                "name": "lecture",
                "days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
                "start": "08:30",
                "end": "10:00",
                "timeZone": "Europe/Vienna",
                "capacity": {"minimum": 20, "maximum": 25, "default": 20},
            }
        ],
    }
    return spec


async def settings(estate: Estate) -> dict[str, Any]:
    return next(r for i, r in (await estate.state())["resources"].items() if "/autoscalesettings/" in i)


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (MONDAY.replace(hour=7, minute=29), "default"),
        (MONDAY.replace(hour=7, minute=30), "lecture"),
        (MONDAY.replace(hour=8, minute=59), "lecture"),
        (MONDAY.replace(hour=9, minute=0), "default"),
        (MONDAY.replace(hour=8) + timedelta(days=5), "default"),
    ],
)
async def test_the_lecture_has_its_nodes_when_it_begins_and_not_longer(estate: Estate, moment: datetime, name: str) -> None:
    """Half past eight in Vienna is half past seven in UTC, in November."""
    await estate.settle(lecture_spec())
    profile = profile_at((await settings(estate))["properties"]["profiles"], moment)
    assert ("lecture" if profile["name"] == "lecture" else "default") == name
    assert profile["capacity"]["minimum"] == ("20" if name == "lecture" else "3")


async def test_a_class_schedule_and_a_cpu_series_move_nodes_and_the_live_count_is_left_alone(estate: Estate) -> None:
    await estate.settle(lecture_spec())
    body = await settings(estate)
    monitor, store = estate.simulator._monitor, estate.simulator.world.store
    scale_set = body["properties"]["targetResourceUri"]
    counts = []

    async def look_at(moment: datetime, cpu: float) -> None:
        clock = estate.simulator.world.clock
        clock.advance((moment - clock.now()).total_seconds())
        await estate.control("POST", "/metrics", {"resource": scale_set, "value": cpu, "since_minutes": 30})
        await monitor.evaluate(store.get(body["id"]))  # type: ignore[arg-type]
        counts.append(store.get(f"{CLUSTER}/agentpools/nodepool1").body["properties"]["count"])  # type: ignore[union-attr]

    week = estate.simulator.world.clock.now() + timedelta(days=7)
    monday = (week - timedelta(days=week.weekday())).replace(hour=6, minute=0)
    zone_shift = timedelta(0) if 3 < monday.month < 10 else timedelta(hours=1)
    await look_at(monday, 40)
    await look_at(monday + timedelta(minutes=20), 90)
    await look_at(monday.replace(hour=6, minute=35) + zone_shift, 40)
    await look_at(monday.replace(hour=8, minute=5) + zone_shift, 1)
    assert counts[:3] == [3, 4, 20], "as it was, one more for the load, twenty for the lecture"
    assert counts[3] == 6, "after the lecture the maximum of the default profile"
    mark = await estate.mark()
    await estate.new_operator()
    results = await estate.once(lecture_spec())
    assert not any(r.changes for r in results.values()) and await estate.writes(mark) == []
    assert results["Autoscale"].notices[0].condition == "AutoscalersCompete"
