"""spec.monitoring: managed Prometheus with its workspace, data collection, agent and alert rules, made, changed and removed."""

from typing import Any

import pytest

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.unit.azure.specs import group_id, runbook_spec

GROUP = group_id("prd_rg_jhub")
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
WORKSPACE = f"{GROUP}/providers/microsoft.monitor/accounts/prd-aks-jhub-metrics"
ENDPOINT = f"{GROUP}/providers/microsoft.insights/datacollectionendpoints/msprom-eastus-prd-aks-jhub"
RULE = f"{GROUP}/providers/microsoft.insights/datacollectionrules/msprom-eastus-prd-aks-jhub"
ASSOCIATION = f"{CLUSTER}/providers/microsoft.insights/datacollectionruleassociations/containerinsightsmetricsextension"
RULES = f"{GROUP}/providers/microsoft.alertsmanagement/prometheusrulegroups/notebook-platform-prd-aks-jhub"
ALL = (WORKSPACE, ENDPOINT, RULE, ASSOCIATION, RULES)
CAMPUS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/campus/providers/Microsoft.Monitor/accounts/campus"
PAGER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/campus/providers/Microsoft.Insights/actionGroups/pager"
HUB: dict[str, Any] = {"chart": {"version": "4.3.1"}, "auth": {"dummy": {"insecure": True}}}


def watched(**monitoring: Any) -> dict[str, Any]:
    return runbook_spec(identity={"type": "SystemAssigned"}, jupyterhub=HUB, monitoring={"prometheus": "Managed", **monitoring})


def agent(resources: dict[str, Any]) -> Any:
    return resources[CLUSTER]["properties"]["azureMonitorProfile"]["metrics"]["enabled"]


async def test_managed_prometheus_is_made_as_az_makes_it_and_then_nothing_is_written(estate: Estate) -> None:
    resources = await settled(estate, watched())
    assert agent(resources) is True and not [id_ for id_ in ALL if id_ not in resources]
    assert all("notebookplatform-owner" in resources[id_]["tags"] for id_ in (WORKSPACE, ENDPOINT, RULE, RULES))
    rule = resources[RULE]["properties"]
    assert rule["dataCollectionEndpointId"].lower() == ENDPOINT
    assert rule["dataFlows"] == [{"destinations": ["MonitoringAccount1"], "streams": ["Microsoft-PrometheusMetrics"]}]
    (target,) = rule["destinations"]["monitoringAccounts"]
    assert target["accountResourceId"].lower() == WORKSPACE
    assert resources[ASSOCIATION]["properties"]["dataCollectionRuleId"].lower() == RULE
    assert {"Microsoft.Monitor", "Microsoft.AlertsManagement"} <= {
        name for name, state in (await estate.state())["providers"].items() if state == "Registered"
    }
    since = await estate.mark()
    await settled(estate, watched())
    assert await estate.writes(since) == []


async def test_the_alerts_are_of_the_hubs_namespaces_and_notify_the_action_groups(estate: Estate) -> None:
    resources = await settled(estate, watched(alerts={"actionGroups": [PAGER]}))
    group = resources[RULES]["properties"]
    assert [scope.lower() for scope in group["scopes"]] == [WORKSPACE, CLUSTER] and group["clusterName"] == "prd-aks-jhub"
    for rule in group["rules"]:
        assert 'namespace=~"jhub"' in rule["expression"] and "HUB" not in rule["expression"]
        assert rule["actions"] == [{"actionGroupId": PAGER}]
        assert rule["annotations"]["runbook_url"].endswith(f"/how-to/monitoring/#{rule['alert'].lower()}")
    resources = await settled(estate, watched())
    assert all(rule["actions"] == [] for rule in resources[RULES]["properties"]["rules"])
    resources = await settled(estate, watched(alerts={"enabled": False}))
    assert RULES not in resources and WORKSPACE in resources


async def test_back_to_none_removes_everything_but_the_workspace(estate: Estate) -> None:
    other = f"{GROUP}/providers/microsoft.insights/datacollectionrules/msprom-theirs"
    await settled(estate, watched())
    await estate.control("PUT", f"/resources{other}", {"name": "msprom-theirs", "location": "eastus", "properties": {}})
    since = await estate.mark()
    resources = await settled(estate, watched(prometheus="None"))
    assert agent(resources) is False and other in resources
    assert [id_ for id_ in ALL if id_ in resources] == [WORKSPACE]
    deleted = [write.split("/")[-1] for write in await estate.writes(since) if write.startswith("DELETE")]
    order = ["ContainerInsightsMetricsExtension", "MSProm-eastus-prd-aks-jhub", "MSProm-eastus-prd-aks-jhub"]
    assert [name for name in deleted if "notebook-platform" not in name] == order
    resources = await settled(estate, watched())
    assert agent(resources) is True and not [id_ for id_ in ALL if id_ not in resources]


async def test_a_workspace_of_the_spec_is_only_read_and_its_region_is_the_rules(estate: Estate) -> None:
    await estate.control("PUT", f"/resources{CAMPUS}", {"name": "campus", "location": "westeurope", "properties": {}})
    spec = watched(workspaceId=CAMPUS)
    resources = await settled(estate, spec)
    moved = RULE.replace("eastus", "westeurope")
    assert WORKSPACE not in resources and resources[moved]["location"] == resources[RULES]["location"] == "westeurope"
    assert "tags" not in resources[CAMPUS.lower()]
    await estate.delete(spec)
    left = (await estate.state())["resources"]
    assert CAMPUS.lower() in left and moved not in left and RULES not in left


async def test_a_workspace_of_the_spec_that_does_not_exist(estate: Estate) -> None:
    result = (await once(estate, watched(workspaceId=CAMPUS)))["MonitorWorkspace"].outcome
    assert (result.reason, CAMPUS in result.message) == ("MonitorWorkspaceNotFound", True)
    assert "spec.monitoring.workspaceId" in result.message and "az monitor account list" in result.remedy


async def test_a_region_without_workspaces_is_a_sentence(estate: Estate) -> None:
    spec = watched()
    spec["azure"]["location"] = "westindia"
    result = (await once(estate, spec))["MonitorWorkspace"].outcome
    assert result.reason == "LocationNotOffered" and "spec.monitoring" in result.message
    assert result.remedy.startswith("Set spec.monitoring.workspaceId")


@pytest.mark.parametrize(("id_", "step"), [(WORKSPACE, "MonitorWorkspace"), (RULES, "AlertRules")])
async def test_a_resource_of_another_owner_is_never_touched(estate: Estate, id_: str, step: str) -> None:
    await settled(estate, runbook_spec(identity={"type": "SystemAssigned"}, jupyterhub=HUB))
    theirs = {
        "name": id_.rsplit("/", 1)[1],
        "location": "eastus",
        "tags": {"team": "b"},
        "properties": {"provisioningState": "Succeeded"},
    }
    await estate.control("PUT", f"/resources{id_}", theirs)
    results = await estate.settle(watched())
    assert results[step].outcome.reason == "NotOwned"
    assert (await estate.state())["resources"][id_]["tags"] == {"team": "b"}


async def test_an_association_with_another_rule_is_kept(estate: Estate) -> None:
    await settled(estate, runbook_spec(identity={"type": "SystemAssigned"}))
    other = f"{group_id('campus')}/providers/microsoft.insights/datacollectionrules/campus"
    await estate.control("PUT", f"/resources{other}", {"location": "eastus", "properties": {}})
    await estate.control("PUT", f"/resources{ASSOCIATION}", {"properties": {"dataCollectionRuleId": other}})
    resources = await settled(estate, watched())
    assert resources[ASSOCIATION]["properties"]["dataCollectionRuleId"] == other
    assert agent(resources) is True and RULE not in resources and ENDPOINT not in resources


async def test_objects_that_another_client_removes_are_drift_and_a_deletion_leaves_nothing(estate: Estate) -> None:
    spec = watched()
    await settled(estate, spec)
    for id_ in (ASSOCIATION, RULE, ENDPOINT, RULES):
        await estate.control("DELETE", f"/resources{id_}")
    resources = await settled(estate, spec)
    assert not [id_ for id_ in ALL if id_ not in resources]
    await estate.delete(spec)
    assert not [id_ for id_ in ALL if id_ in (await estate.state())["resources"]]


async def once(estate: Estate, spec: dict[str, Any]) -> dict[str, Any]:
    """Reconcile until the step of the workspace has failed."""
    await estate.once_past_group(spec)
    return dict(await estate.once(spec))


async def test_a_rule_outlives_its_cluster_and_is_deleted_nevertheless(estate: Estate) -> None:
    await estate.settle(watched())
    for id_ in (CLUSTER, ASSOCIATION, f"{CLUSTER}/agentpools/nodepool1"):
        await estate.control("DELETE", f"/resources{id_}")
    foreign = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/precious"
    await estate.control("PUT", f"/resources{foreign}", {"type": "Microsoft.Storage/storageAccounts", "location": "eastus"})
    results = await estate.delete(watched())
    assert results["ResourceGroup"].outcome.reason == "ForeignResources"
    assert not {RULE, ENDPOINT, RULES} & (await estate.state())["resources"].keys()


@pytest.mark.parametrize("refused", ["dataCollectionRules/MSProm", "dataCollectionEndpoints/MSProm"])
async def test_a_refused_deletion_is_repeated_alone(estate: Estate, refused: str) -> None:
    await estate.settle(watched())
    fault = {"method": "DELETE", "path": refused, "status": 500, "code": "InternalServerError", "count": 2}
    await estate.control("POST", "/faults", fault)
    since = await estate.mark()
    for _ in range(3):  # each refusal ends a round
        await estate.delete(watched())
    assert (await estate.state())["resources"] == {}
    deleted = [write.lower() for write in await estate.writes(since, accepted=True) if write.startswith("DELETE")]
    ours = [write for write in deleted if "msprom" in write or "metricsextension" in write]
    assert len(ours) == len(set(ours)) == 3, deleted
