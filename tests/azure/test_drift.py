"""Changes by other clients while the operator cannot read Azure are drift afterwards, and `driftPolicy: Warn` keeps them."""

from collections.abc import Mapping
from typing import Any

import pytest
from notebook_platform.engine import Failed, Ready
from notebook_platform.engine.reconcile import Policy
from notebook_platform.engine.result import Result

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, NETWORK
from tests.unit.azure.specs import runbook_spec

POOL = f"{CLUSTER}/agentpools/nodepool1"
AWAY: dict[str, dict[str, Any]] = {
    "an error of Azure": {"path": "^/subscriptions/", "status": 500, "code": "InternalServerError"},
    "no rights": {"path": "^/subscriptions/", "status": 403, "code": "AuthorizationFailed"},
    "no sign-in": {"path": "/token$", "status": 503},
}


PATHS = {"agentPools[nodepool1].maxCount", "prd-jhub-nodepool1.properties.profiles"}


async def setting_of(estate: Estate) -> str:
    return next(i for i in (await estate.state())["resources"] if "/autoscalesettings/" in i)


async def change_by_hand(estate: Estate) -> None:
    """Change a member of a pool and an autoscale rule, as an administrator would in the portal."""
    await estate.control("PATCH", f"/resources{POOL}", {"properties": {"maxCount": 9}})
    setting = await setting_of(estate)
    body = await estate.control("GET", f"/resources{setting}")
    body["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] = 95
    await estate.control("PATCH", f"/resources{setting}", body)


async def values(estate: Estate) -> tuple[int, int]:
    """Return what `change_by_hand` changes."""
    resources = (await estate.state())["resources"]
    rule = resources[await setting_of(estate)]["properties"]["profiles"][0]["rules"][0]
    return resources[POOL]["properties"]["maxCount"], rule["metricTrigger"]["threshold"]


def drift(results: Mapping[str, Result]) -> set[str]:
    return {change.path for result in results.values() for change in result.drift}


@pytest.mark.parametrize("away", AWAY)
async def test_changes_during_an_azure_outage_are_drift(estate: Estate, away: str) -> None:
    await settled(estate, runbook_spec())
    before = await values(estate)
    await estate.control("POST", "/faults", {"count": None, **AWAY[away]})
    await estate.new_operator()
    assert not isinstance((await estate.once(runbook_spec()))["NodePools"].outcome, Ready)
    await change_by_hand(estate)
    await estate.once(runbook_spec())
    await estate.control("DELETE", "/faults")
    mark = await estate.mark()
    assert drift(await estate.once(runbook_spec(), Policy(correct_drift=False))) == PATHS
    assert await estate.writes(mark) == [] and await values(estate) == (9, 95)
    assert drift(await estate.once(runbook_spec())) >= {"agentPools[nodepool1].maxCount"}
    await settled(estate, runbook_spec())
    assert await values(estate) == before


async def test_an_edit_of_the_spec_leaves_drift_that_was_reported(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    await change_by_hand(estate)
    warn = Policy(correct_drift=False)
    assert drift(await estate.once(runbook_spec(), warn)) == PATHS
    spec = runbook_spec()
    spec["nodePools"][0]["nodeLabels"] = {"team": "physics"}
    for _ in range(5):
        results = await estate.once(spec, warn)
        await estate.simulator.world.clock.sleep(60)
    assert drift(results) == PATHS and await values(estate) == (9, 95)
    assert (await estate.state())["resources"][POOL]["properties"]["nodeLabels"] == {"team": "physics"}
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    for _ in range(5):
        results = await estate.once(spec, warn)
        await estate.simulator.world.clock.sleep(60)
    assert await values(estate) == (8, 95), "what the spec changes is no drift"


async def test_an_edit_that_is_taken_back_while_azure_applies_it_is_no_drift(estate: Estate) -> None:
    spec, edited, estate.warn = runbook_spec(), runbook_spec(), True
    edited["nodePools"][0]["autoscaling"]["maxCount"] = 8
    await settled(estate, spec)
    await change_by_hand(estate)
    assert drift(await estate.once(spec)) == PATHS
    while not (await estate.once(edited))["NodePools"].applied:
        await estate.simulator.world.clock.sleep(10)
    await estate.settle(spec)
    assert await values(estate) == (6, 95), "the operator had overwritten the maximum, and leaves the rule"


async def test_with_warn_a_resource_that_another_client_deleted_asks_for_a_user(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    estate.warn, setting = True, await setting_of(estate)
    await estate.control("DELETE", f"/resources{NETWORK}")
    outcome = (await estate.once(runbook_spec()))["Network"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "Drifted" and outcome.retry_in is None
    assert outcome.message.endswith("and spec.driftPolicy: Warn does not create it again"), outcome.message
    assert setting in (await estate.state())["resources"]
