"""Schedules and autoscale settings, as node pools and Azure Monitor have them."""

from datetime import UTC, datetime

import pytest
from notebook_platform.engine.outcome import Failed

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, NIGHTS, with_pool
from tests.unit.azure.specs import LECTURE, runbook_spec, with_cluster


@pytest.mark.parametrize("warn", [False, True])
async def test_a_lectures_schedule_moves_the_bounds_and_moves_them_back(estate: Estate, warn: bool) -> None:
    estate.warn = warn
    members = {"count": 0, "autoscaling": {"minCount": 0, "maxCount": 4}}
    lecture = {"cron": "30 8 * * 1-5", "timeZone": "Europe/Vienna", "minCount": 20, "maxCount": 25, "duration": "2h"}
    spec = with_pool(**members, schedules=[lecture])
    estate.now = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    before = (await settled(estate, spec))[f"{CLUSTER}/agentpools/users"]["properties"]
    estate.now = datetime(2026, 11, 23, 7, 45, tzinfo=UTC)
    during = (await settled(estate, spec))[f"{CLUSTER}/agentpools/users"]["properties"]
    estate.now = datetime(2026, 11, 23, 9, 45, tzinfo=UTC)
    after = (await settled(estate, spec))[f"{CLUSTER}/agentpools/users"]["properties"]
    assert [(p["minCount"], p["maxCount"]) for p in (before, during, after)] == [(0, 4), (20, 25), (0, 4)]


@pytest.mark.parametrize("warn", [False, True])
async def test_a_hub_sleeps_at_night_and_wakes_in_the_morning(estate: Estate, warn: bool) -> None:
    estate.warn = warn
    spec = with_cluster(powerSchedules=NIGHTS)
    estate.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    await settled(estate, spec)
    estate.now = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    asleep = await settled(estate, spec)
    assert asleep[CLUSTER]["properties"]["powerState"] == {"code": "Stopped"}
    results = await estate.once(spec)
    assert results["Cluster"].requeue_after == pytest.approx(9 * 3600 + 1, abs=2), "it wakes at seven"
    estate.now = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    awake = await settled(estate, spec)
    assert awake[CLUSTER]["properties"]["powerState"] == {"code": "Running"}


async def test_with_warn_a_cluster_that_an_administrator_starts_at_night_runs_until_the_schedule_turns(estate: Estate) -> None:
    spec, estate.warn = with_cluster(powerSchedules=NIGHTS), True
    estate.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    await settled(estate, spec)
    estate.now = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    await settled(estate, spec)
    await estate.control("PATCH", f"/resources{CLUSTER}", {"properties": {"powerState": {"code": "Running"}}})
    mark = await estate.mark()
    results = await estate.once(spec)
    assert [change.path for change in results["Cluster"].drift] == ["powerState"] and await estate.writes(mark) == []
    estate.now = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    await settled(estate, spec)
    estate.now = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    asleep = await settled(estate, spec)
    assert asleep[CLUSTER]["properties"]["powerState"] == {"code": "Stopped"}


async def test_recurring_profiles_and_notifications_reach_monitor(estate: Estate) -> None:
    spec = runbook_spec()
    spec["autoscale"][0] |= {
        "recurring": [LECTURE],
        "notifications": {"emails": ["ops@example.org"]},
    }
    resources = await settled(estate, spec)
    (setting,) = [r for i, r in resources.items() if "/autoscalesettings/" in i]
    names = [p["name"] for p in setting["properties"]["profiles"]]
    assert names == ["default", "lecture", '{"name":"Auto created default scale condition","for":"lecture"}']
    schedule = setting["properties"]["profiles"][1]["recurrence"]["schedule"]
    assert schedule == {"timeZone": "W. Europe Standard Time", "days": ["Monday", "Friday"], "hours": [8], "minutes": [30]}
    assert setting["properties"]["notifications"][0]["email"]["customEmails"] == ["ops@example.org"]


async def test_a_refused_autoscale_setting_does_not_block_the_next(estate: Estate) -> None:
    spec = runbook_spec()
    spec["nodePools"].append({"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1})
    spec["autoscale"].append({"pool": "users", "capacity": {"minimum": 1, "maximum": 6, "default": 1}})
    fault = {
        "method": "PUT",
        "path": "autoscalesettings/prd-jhub-nodepool1",
        "status": 400,
        "code": "UnsupportedMetric",
        "count": None,
    }
    await estate.control("POST", "/faults", fault)
    for _ in range(9):
        results = await estate.once(spec)
        await estate.simulator.world.clock.sleep(400)
    settings = [i.rsplit("/", 1)[1] for i in (await estate.state())["resources"] if "/autoscalesettings/" in i]
    outcome = results["Autoscale"].outcome
    assert settings == ["prd-jhub-users"] and isinstance(outcome, Failed) and "UnsupportedMetric" in outcome.message
