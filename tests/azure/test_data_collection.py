"""Container insights: the data collection rule and its association, without which a cluster's agents send nothing."""

from typing import Any

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

WORKSPACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/teaching"
CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
ASSOCIATION = f"{CLUSTER}/providers/microsoft.insights/datacollectionruleassociations/containerinsightsextension"
RULE = f"{group_id('prd_rg_jhub')}/providers/microsoft.insights/datacollectionrules/msci-eastus-prd-aks-jhub"


def monitored(**identity: Any) -> dict[str, Any]:
    return runbook_spec(cluster=with_cluster(monitoring={"workspaceId": WORKSPACE})["cluster"], identity=identity)


def add_on(resources: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resources[CLUSTER]["properties"]["addonProfiles"]["omsagent"]["config"]
    return found


async def test_a_managed_identity_gets_a_rule_and_its_association_as_az_makes_them(estate: Estate) -> None:
    resources = await settled(estate, monitored(type="SystemAssigned"))
    rule = resources[RULE]
    assert add_on(resources) == {"logAnalyticsWorkspaceResourceID": WORKSPACE, "useAADAuth": "true"}
    assert (rule["kind"], rule["location"]) == ("Linux", "eastus") and "notebookplatform-owner" in rule["tags"]
    (target,) = rule["properties"]["destinations"]["logAnalytics"]
    assert target == {"workspaceResourceId": WORKSPACE, "name": "la-workspace"}
    assert resources[ASSOCIATION]["properties"]["dataCollectionRuleId"].lower() == RULE


async def test_the_rule_is_in_the_region_of_the_workspace(estate: Estate) -> None:
    await estate.control("PUT", f"/resources{WORKSPACE}", {"location": "westeurope", "properties": {}})
    resources = await settled(estate, monitored(type="SystemAssigned"))
    assert resources[RULE.replace("eastus", "westeurope")]["location"] == "westeurope"


async def test_a_service_principal_sends_with_the_workspaces_key(estate: Estate) -> None:
    resources = await settled(estate, with_cluster(monitoring={"workspaceId": WORKSPACE}))
    assert add_on(resources)["useAADAuth"] == "false"
    assert RULE not in resources and ASSOCIATION not in resources


async def test_an_association_with_another_rule_is_kept(estate: Estate) -> None:
    await settled(estate, runbook_spec(identity={"type": "SystemAssigned"}))
    other = f"{group_id('logs')}/providers/microsoft.insights/datacollectionrules/campus"
    await estate.control("PUT", f"/resources{other}", {"location": "eastus", "properties": {}})
    await estate.control("PUT", f"/resources{ASSOCIATION}", {"properties": {"dataCollectionRuleId": other}})
    resources = await settled(estate, monitored(type="SystemAssigned"))
    assert resources[ASSOCIATION]["properties"]["dataCollectionRuleId"] == other and RULE not in resources


async def test_a_removed_association_is_drift_and_a_deletion_takes_the_rule(estate: Estate) -> None:
    spec = monitored(type="SystemAssigned")
    await settled(estate, spec)
    await estate.control("DELETE", f"/resources{ASSOCIATION}")
    resources = await settled(estate, spec)
    assert ASSOCIATION in resources
    await estate.delete(spec)
    left = (await estate.state())["resources"]
    assert RULE not in left and ASSOCIATION not in left


async def test_monitoring_that_is_turned_off_takes_its_rule_and_association(estate: Estate) -> None:
    await estate.control("PUT", f"/resources{WORKSPACE}", {"location": "westeurope", "properties": {}})
    other = f"{group_id('prd_rg_jhub')}/providers/microsoft.insights/datacollectionrules/theirs"
    await estate.control("PUT", f"/resources{other}", {"location": "eastus", "properties": {}})
    spec = monitored(type="SystemAssigned")
    before = await settled(estate, spec)
    assert [i for i in before if "/datacollectionrules/msci-westeurope" in i] and ASSOCIATION in before
    del spec["cluster"]["monitoring"]
    after = await settled(estate, spec)
    assert [i for i in after if "/datacollectionrule" in i] == [other]
    assert after[CLUSTER]["properties"]["addonProfiles"]["omsagent"]["enabled"] is False


async def test_monitoring_that_is_turned_off_keeps_an_association_with_another_rule(estate: Estate) -> None:
    spec = monitored(type="SystemAssigned")
    await settled(estate, spec)
    other = f"{group_id('logs')}/providers/microsoft.insights/datacollectionrules/campus"
    await estate.control("PUT", f"/resources{other}", {"location": "eastus", "properties": {}})
    await estate.control("PUT", f"/resources{ASSOCIATION}", {"properties": {"dataCollectionRuleId": other}})
    del spec["cluster"]["monitoring"]
    after = await settled(estate, spec)
    assert after[ASSOCIATION]["properties"]["dataCollectionRuleId"] == other and RULE not in after
