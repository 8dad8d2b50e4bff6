"""Schedules and autoscale settings, as node pools and Azure Monitor have them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from notebook_platform.engine.outcome import Deferred, Failed

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


def with_named_settings(*names: str) -> dict[str, Any]:
    """Return a platform with two pools, each with a setting of one of these names."""
    spec = with_pool()
    spec["autoscale"].append({"pool": "users", "capacity": {"minimum": 1, "maximum": 6, "default": 1}})
    for setting, name in zip(spec["autoscale"], names, strict=True):
        setting["name"] = name
    return spec


@pytest.mark.parametrize(
    ("names", "writes"),
    [
        (("new", "b"), ["DELETE autoscalesettings/a", "PUT autoscalesettings/new"]),
        (("b", "a"), [f"{method} autoscalesettings/{name}" for method in ("DELETE", "PUT") for name in "ba"]),
    ],
)
async def test_a_renamed_setting_takes_the_place_of_the_former_one(
    estate: Estate, names: tuple[str, str], writes: list[str]
) -> None:
    """Azure Monitor allows one setting on each scale set."""
    await settled(estate, with_named_settings("a", "b"))
    mark = await estate.mark()
    resources = await settled(estate, with_named_settings(*names))
    assert await estate.writes(mark) == writes
    targets = {r["name"]: r["properties"]["targetResourceUri"] for i, r in resources.items() if "/autoscalesettings/" in i}
    assert ["nodepool1" in targets[name] for name in names] == [True, False]


async def test_a_setting_of_another_name_on_the_same_scale_set_is_named_and_can_be_adopted(estate: Estate) -> None:
    resources = await settled(estate, with_named_settings("a", "b"))
    (id_,) = [i for i in resources if i.endswith("/autoscalesettings/a")]
    portal = {**resources[id_], "name": "portal", "tags": {}}
    await estate.control("DELETE", f"/resources{id_}")
    await estate.control("PUT", f"/resources{id_.rsplit('/', 1)[0]}/portal", portal)
    spec, mark = with_named_settings("mine", "b") | {"adoption": "IfUnowned"}, await estate.mark()
    outcome = (await estate.settle(spec))["Autoscale"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and await estate.writes(mark) == []
    assert "Set spec.autoscale[nodepool1].name to 'portal'" in outcome.message
    adopted = await settled(estate, with_named_settings("portal", "b") | {"adoption": "IfUnowned"})
    assert adopted[f"{id_.rsplit('/', 1)[0]}/portal"]["tags"]["notebookplatform-owner"] == "test/platforms/prd-jhub/uid-1"
