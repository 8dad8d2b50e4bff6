"""Warn, driftIgnore and Orphan together with custom autoscale, node auto-provisioning, the registry and rotations."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Deferred, Progressing, Ready

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, with_pool
from tests.azure.test_drift import change_by_hand, drift, setting_of, values
from tests.azure.test_managed_prometheus import RULES, watched
from tests.unit.azure.specs import group_id, runbook_spec

USERS = f"{CLUSTER}/agentpools/users"
SCALED_BY_MONITOR = {"pool": "users", "capacity": {"minimum": 1, "maximum": 6, "default": 1}}


def with_scaled_pool(**members: Any) -> dict[str, Any]:
    spec = with_pool(**members)
    spec["autoscale"].append(SCALED_BY_MONITOR)
    return spec


async def scale_set_of(estate: Estate, pool: str) -> str:
    return next(i for i in (await estate.state())["resources"] if f"/virtualmachinescalesets/aks-{pool}-" in i)


async def test_with_warn_the_autoscale_setting_of_a_pool_that_another_client_deleted_waits(estate: Estate) -> None:
    spec = with_scaled_pool()
    before = await settled(estate, spec)
    estate.warn = True
    for id_ in (await scale_set_of(estate, "users"), USERS):
        await estate.control("DELETE", f"/resources{id_}")
    await estate.once(spec)
    spec["autoscale"][0]["rules"][0]["threshold"] = 80
    results = await estate.settle(spec)
    outcome = results["Autoscale"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and "agent pools users wait" in outcome.message
    resources = (await estate.state())["resources"]
    assert {i for i in before if "/autoscalesettings/" in i} <= resources.keys(), "the setting is left for when the pool is back"
    assert await values(estate) == (6, 80), "the other setting is written"
    estate.warn = False
    await settled(estate, spec)


async def test_the_autoscale_setting_of_a_pool_that_cannot_be_created_waits(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    results = await estate.settle(with_scaled_pool(vmSize="Standard_Z9"))
    assert isinstance(results["NodePools"].outcome, Deferred) and isinstance(results["Autoscale"].outcome, Deferred)
    await settled(estate, with_scaled_pool())


async def test_a_pool_without_a_scale_set_is_read_more_and_more_rarely(estate: Estate) -> None:
    await settled(estate, with_scaled_pool())
    await estate.control("DELETE", f"/resources{await scale_set_of(estate, 'users')}")
    outcome = (await estate.once(with_scaled_pool()))["Autoscale"].outcome
    assert (
        isinstance(outcome, Progressing) and outcome.longest_wait and outcome.stall_after and "spec.autoscale" in outcome.remedy
    )


@pytest.mark.parametrize(
    "ignored", [["Autoscale.*.properties.profiles", "NodePools.*.maxCount"], []], ids=["driftIgnore", "Warn"]
)
async def test_an_edit_of_an_autoscale_setting_leaves_its_rules_that_another_client_changed(
    estate: Estate, ignored: list[str]
) -> None:
    spec = runbook_spec()
    await settled(estate, spec)
    estate.ignored, estate.warn = ignored, not ignored
    await change_by_hand(estate)
    await estate.once(spec)
    spec["autoscale"][0]["notifications"] = {"emails": ["ops@example.org"]}
    results = await estate.settle(spec)
    setting = (await estate.state())["resources"][await setting_of(estate)]
    assert setting["properties"]["notifications"][0]["email"]["customEmails"] == ["ops@example.org"]
    assert await values(estate) == (9, 95) and isinstance(results["Autoscale"].outcome, Ready)
    assert bool(drift(await estate.once(spec))) is estate.warn


@pytest.mark.parametrize("ignored", [["AlertRules.properties.enabled"], []], ids=["driftIgnore", "Warn"])
async def test_alerts_that_another_client_turned_off_stay_off_when_their_action_groups_change(
    estate: Estate, ignored: list[str]
) -> None:
    group = f"{group_id('ops')}/providers/Microsoft.Insights/actionGroups/campus"
    spec = watched()
    await settled(estate, spec)
    estate.ignored, estate.warn = ignored, not ignored
    await estate.control("PATCH", f"/resources{RULES}", {"properties": {"enabled": False}})
    await estate.once(spec)
    spec["monitoring"]["alerts"] = {"actionGroups": [group]}
    await estate.settle(spec)
    rules = (await estate.state())["resources"][RULES]["properties"]
    assert rules["rules"][0]["actions"] == [{"actionGroupId": group}] and rules["enabled"] is False
