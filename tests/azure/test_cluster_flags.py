"""Members of the cluster itself, and differences that the spec ignores."""

from datetime import UTC, datetime

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER
from tests.unit.azure.specs import runbook_spec, with_cluster


async def test_every_flag_of_the_cluster_reaches_azure(estate: Estate) -> None:
    group = "99999999-9999-9999-9999-999999999999"
    workspace = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/logs"
    spec = with_cluster(
        tier="Standard",
        upgrades={"channel": "patch", "nodeOSChannel": "SecurityPatch"},
        apiServer={"authorizedIPRanges": ["203.0.113.0/24"]},
        entra={"adminGroupObjectIDs": [group], "azureRBAC": True},
        localAccounts=False,
        oidcIssuer=True,
        workloadIdentity=True,
        autoscalerProfile={"scanInterval": "20s", "expander": "least-waste", "skipNodesWithSystemPods": False},
        monitoring={"workspaceId": workspace},
        maintenanceWindow={"days": ["Sunday"], "start": "03:00", "timeZone": "UTC"},
    )
    resources = await settled(estate, spec)
    cluster = resources[CLUSTER]
    properties = cluster["properties"]
    assert cluster["sku"]["tier"] == "Standard"
    assert properties["autoUpgradeProfile"] == {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "SecurityPatch"}
    assert properties["apiServerAccessProfile"]["authorizedIPRanges"] == ["203.0.113.0/24"]
    assert properties["aadProfile"]["adminGroupObjectIDs"] == [group] and properties["aadProfile"]["enableAzureRBAC"] is True
    assert properties["disableLocalAccounts"] is True and properties["securityProfile"]["workloadIdentity"]["enabled"] is True
    assert properties["oidcIssuerProfile"]["issuerURL"].startswith("https://eastus.oic.")
    assert (
        properties["autoScalerProfile"]["scan-interval"] == "20s"
        and properties["autoScalerProfile"]["skip-nodes-with-system-pods"] == "false"
    )
    assert properties["addonProfiles"]["omsagent"]["config"]["logAnalyticsWorkspaceResourceID"] == workspace
    window = resources[f"{CLUSTER}/maintenanceconfigurations/aksmanagedautoupgradeschedule"]["properties"]["maintenanceWindow"]
    assert window["schedule"] == {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}} and window["utcOffset"] == "+00:00"


async def test_a_window_of_several_days_names_the_one_on_which_aks_upgrades(estate: Estate) -> None:
    name = f"{CLUSTER}/maintenanceconfigurations/aksmanagednodeosupgradeschedule"
    window = {"days": ["Saturday", "Sunday"], "autoUpgradeDay": "Sunday"}
    found = (await settled(estate, with_cluster(maintenanceWindow=window)))[name]["properties"]["maintenanceWindow"]
    assert found["schedule"] == {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}}
    every = {"days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]}
    found = (await settled(estate, with_cluster(maintenanceWindow=every)))[name]["properties"]["maintenanceWindow"]
    assert found["schedule"] == {"daily": {"intervalDays": 1}}


async def test_a_flag_changed_later_is_one_write_of_the_cluster(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    mark = await estate.mark()
    resources = await settled(estate, with_cluster(apiServer={"authorizedIPRanges": ["203.0.113.0/24"]}))
    assert resources[CLUSTER]["properties"]["apiServerAccessProfile"]["authorizedIPRanges"] == ["203.0.113.0/24"]
    assert await estate.writes(mark) == ["PUT managedClusters/prd-aks-jhub"]


async def test_with_warn_the_maintenance_window_follows_summer_time(estate: Estate) -> None:
    window = {"days": ["Sunday"], "start": "03:00", "timeZone": "Europe/Vienna"}
    name, estate.warn = f"{CLUSTER}/maintenanceconfigurations/aksmanagedautoupgradeschedule", True
    for now, offset in ((datetime(2026, 3, 27, tzinfo=UTC), "+01:00"), (datetime(2026, 4, 2, tzinfo=UTC), "+02:00")):
        estate.now = now
        found = (await settled(estate, with_cluster(maintenanceWindow=window)))[name]["properties"]["maintenanceWindow"]
        assert found["utcOffset"] == offset


async def test_ignored_differences_are_neither_reported_nor_corrected(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    await estate.control("PATCH", f"/resources{CLUSTER}/agentpools/nodepool1", {"properties": {"maxCount": 9}})
    estate.ignored = ["NodePools.agentPools[nodepool1].maxCount"]
    mark = await estate.mark()
    results = await estate.once(runbook_spec())
    assert not results["NodePools"].changes and await estate.writes(mark) == []
    spec = runbook_spec()
    spec["nodePools"][0]["nodeLabels"] = {"team": "physics"}
    await estate.settle(spec)
    pool = (await estate.state())["resources"][f"{CLUSTER}/agentpools/nodepool1"]["properties"]
    assert pool["maxCount"] == 9 and pool["nodeLabels"] == {"team": "physics"}, "another change does not undo it either"
