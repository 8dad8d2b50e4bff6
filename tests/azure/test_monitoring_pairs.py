"""spec.monitoring together with other features: another workspace, Orphan and adoption, a stopped cluster, Warn, objects of other owners."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Failed

from tests.azure.conftest import Estate, settled
from tests.azure.estates import all_done
from tests.azure.test_data_collection import monitored
from tests.azure.test_managed_prometheus import ALL, ASSOCIATION, CAMPUS, ENDPOINT, RULE, RULES, WORKSPACE, agent, watched

MOVED = [id_.replace("eastus", "westeurope") for id_ in (ENDPOINT, RULE)]


async def test_a_workspace_of_another_region_takes_the_metrics_and_the_alerts_along(estate: Estate) -> None:
    await estate.control("PUT", f"/resources{CAMPUS}", {"name": "campus", "location": "westeurope", "properties": {}})
    await settled(estate, watched())
    resources = await settled(estate, watched(workspaceId=CAMPUS))
    assert not {ENDPOINT, RULE} & resources.keys() and not [id_ for id_ in MOVED if id_ not in resources]
    assert resources[ASSOCIATION]["properties"]["dataCollectionRuleId"].lower() == MOVED[1]
    assert resources[RULES]["location"] == "westeurope" and resources[RULES]["properties"]["scopes"][0] == CAMPUS
    resources = await settled(estate, watched())
    assert resources[ASSOCIATION]["properties"]["dataCollectionRuleId"].lower() == RULE and not set(MOVED) & resources.keys()


async def test_a_former_rule_whose_deletion_fails_is_deleted_later(estate: Estate) -> None:
    await estate.control("PUT", f"/resources{CAMPUS}", {"name": "campus", "location": "westeurope", "properties": {}})
    await settled(estate, watched())
    fault = {"method": "DELETE", "path": "(?i)datacollection", "status": 500, "code": "InternalServerError", "count": 3}
    await estate.control("POST", "/faults", fault)
    resources = await settled(estate, watched(workspaceId=CAMPUS))
    assert not {ENDPOINT, RULE} & resources.keys() and not [id_ for id_ in MOVED if id_ not in resources]


@pytest.mark.parametrize("spec", [watched(), monitored(type="SystemAssigned")], ids=["prometheus", "container insights"])
async def test_an_orphaned_platform_that_is_adopted_again_owns_its_collection_rules(estate: Estate, spec: dict[str, Any]) -> None:
    before = await settled(estate, spec)
    await estate.orphan(spec)
    assert "notebookplatform-owner" not in str((await estate.state())["resources"])
    estate.new_platform()
    resources = await settled(estate, spec | {"adoption": "IfUnowned"})
    assert resources.keys() == before.keys()
    assert all_done(await estate.delete(spec)) and (await estate.state())["resources"] == {}


@pytest.mark.parametrize("deletes", [True, False], ids=["the platform", "the metrics"])
async def test_no_rule_or_endpoint_of_a_former_region_outlives_what_it_is_for(estate: Estate, deletes: bool) -> None:
    resources = await settled(estate, watched())
    for former, current in zip(MOVED, (ENDPOINT, RULE), strict=True):
        await estate.control("PUT", f"/resources{former}", resources[current] | {"id": former, "name": former.rsplit("/", 1)[1]})
    if deletes:
        mark = await estate.mark()
        assert all_done(await estate.delete(watched()))
        deleted = "\n".join(await estate.writes(mark)).lower()
        assert [id_ for id_ in (ENDPOINT, RULE, *MOVED) if id_.rsplit("/", 1)[1] not in deleted] == [], deleted
    else:
        assert not {ENDPOINT, RULE, *MOVED} & (await settled(estate, watched(prometheus="None"))).keys()


async def test_a_rule_without_an_owner_that_differs_is_not_adopted(estate: Estate) -> None:
    spec = watched() | {"adoption": "IfUnowned"}
    await settled(estate, spec)
    theirs = {"tags": {"notebookplatform-owner": None}, "properties": {"description": "of the campus", "dataFlows": []}}
    await estate.control("PATCH", f"/resources{RULE}", theirs)
    resources = await settled(estate, spec)
    assert resources[RULE]["properties"]["dataFlows"] == [] and "notebookplatform-owner" not in resources[RULE]["tags"]


async def test_an_endpoint_without_an_owner_is_not_overwritten(estate: Estate) -> None:
    await settled(estate, watched(prometheus="None"))
    theirs = {"name": ENDPOINT.rsplit("/", 1)[1], "location": "eastus", "tags": {"team": "b"}, "properties": {}}
    await estate.control("PUT", f"/resources{ENDPOINT}", theirs)
    outcome = (await estate.settle(watched()))["MetricsCollection"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "NotOwned" and "data collection endpoint" in outcome.message
    assert (await estate.state())["resources"][ENDPOINT]["tags"] == {"team": "b"}
    resources = await settled(estate, watched() | {"adoption": "IfUnowned"})
    assert resources[ENDPOINT]["tags"].keys() == {"team", "notebookplatform-owner"} and RULE in resources


@pytest.mark.parametrize("warn", [False, True])
async def test_prometheus_that_is_turned_on_and_off_while_the_cluster_is_stopped(estate: Estate, warn: bool) -> None:
    def at(power: str, prometheus: str) -> dict[str, Any]:
        spec = watched(prometheus=prometheus)
        spec["cluster"]["powerState"] = power
        return spec

    await settled(estate, at("Running", "None"))
    estate.warn = warn
    await settled(estate, at("Stopped", "None"))
    await settled(estate, at("Stopped", "Managed"))
    resources = await settled(estate, at("Running", "Managed"))
    assert agent(resources) is True and not [id_ for id_ in ALL if id_ not in resources]
    await settled(estate, at("Stopped", "Managed"))
    await settled(estate, at("Stopped", "None"))
    resources = await settled(estate, at("Running", "None"))
    assert agent(resources) is False and [id_ for id_ in ALL if id_ in resources] == [WORKSPACE]


async def test_tags_of_other_clients_survive_a_write_of_the_rules(estate: Estate) -> None:
    def spec_of(**tags: str) -> dict[str, Any]:
        spec = watched()
        spec["azure"]["tags"] = tags
        return spec

    await settled(estate, spec_of(team="a", course="b"))
    for id_ in (ENDPOINT, RULE, RULES):
        changed = {"tags": {"cost": "R1"}, "properties": {"description": "another"}, "kind": "Windows"}
        await estate.control("PATCH", f"/resources{id_}", changed)
    resources = await settled(estate, spec_of(team="c"))
    for id_ in (ENDPOINT, RULE, RULES):
        assert {name: value for name, value in resources[id_]["tags"].items() if "notebook" not in name} == {
            "team": "c",
            "cost": "R1",
        }, id_
    assert resources[RULE]["kind"] == "Linux" and resources[RULES]["properties"]["description"] != "another"
