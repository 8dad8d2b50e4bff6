"""Platforms beyond the runbook: other networks, identities, clusters and pools, each with the resulting Azure resources."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from notebook_platform.engine.outcome import Deferred, Failed, Ready

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
NETWORK = f"{group_id('prd_rg_jhub')}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub"
USER_POOL = {"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1}


def with_pool(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"].append({**USER_POOL, **members})
    return spec


async def test_each_pool_has_the_subnet_it_names(estate: Estate) -> None:
    spec = with_pool(subnet="gpu")
    spec["network"]["subnets"] = [{"name": "gpu", "addressPrefix": "10.241.0.0/24"}]
    resources = await settled(estate, spec)
    assert resources[f"{CLUSTER}/agentpools/users"]["properties"]["vnetSubnetID"].lower() == f"{NETWORK}/subnets/gpu"
    assert resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["vnetSubnetID"].lower() == f"{NETWORK}/subnets/default"


async def test_a_subnet_added_later_is_one_write_of_that_subnet(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    spec, mark = runbook_spec(), await estate.mark()
    spec["network"]["subnets"] = [{"name": "gpu", "addressPrefix": "10.241.0.0/24"}]
    await settled(estate, spec)
    assert await estate.writes(mark) == ["PUT subnets/gpu"]


async def test_an_existing_subnet_is_used_and_nothing_of_it_is_changed(estate: Estate) -> None:
    await estate.control(
        "PUT", f"/resources{group_id('net')}", {"location": "eastus", "properties": {"provisioningState": "Succeeded"}}
    )
    network = f"{group_id('net')}/providers/Microsoft.Network/virtualNetworks/campus"
    subnet = {"id": f"{network}/subnets/hubs", "name": "hubs", "properties": {"addressPrefix": "10.1.0.0/16"}}
    body = {"location": "eastus", "properties": {"provisioningState": "Succeeded", "subnets": [subnet]}}
    await estate.control("PUT", f"/resources{network}", body)
    spec = runbook_spec(network={"subnetId": f"{network}/subnets/hubs"})
    spec["cluster"]["network"]["serviceCidr"] = "172.16.0.0/16"
    spec["cluster"]["network"]["dnsServiceIP"] = "172.16.0.10"
    resources = await settled(estate, spec)
    assert resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["vnetSubnetID"] == f"{network}/subnets/hubs"
    scopes = [r["properties"]["scope"] for i, r in resources.items() if "/roleassignments/" in i]
    assert [scope.lower() for scope in scopes] == [f"{network}/subnets/hubs".lower()], "the subnet alone, not the whole campus"
    writes = await estate.writes()
    assert not [w for w in writes if w.startswith("PUT") and ("campus" in w or "subnets" in w)]
    await estate.delete(spec)
    assert network.lower() in (await estate.state())["resources"]


async def test_a_subnet_that_does_not_exist_is_named(estate: Estate) -> None:
    id_ = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/no/subnets/no"
    outcome = (await estate.once_past_group(runbook_spec(network={"subnetId": id_})))["Network"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "SubnetNotFound" and "spec.network.subnetId" in outcome.message


@pytest.mark.parametrize("scope", ["VirtualNetwork", "Subnet"])
async def test_a_system_assigned_identity_gets_its_role_after_the_cluster_is_there(estate: Estate, scope: str) -> None:
    resources = await settled(estate, runbook_spec(identity={"type": "SystemAssigned", "roleScope": scope}))
    (assignments,) = [r["properties"] for i, r in resources.items() if "/roleassignments/" in i]
    assert assignments["principalId"] == resources[CLUSTER]["identity"]["principalId"]
    assert assignments["scope"].lower() == (NETWORK if scope == "VirtualNetwork" else f"{NETWORK}/subnets/default")


async def test_an_existing_identity_is_used_and_survives(estate: Estate) -> None:
    name = "/resourcegroups/ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/campus"
    made = await estate.control("POST", "/applications", {"displayName": "campus"})
    body = {"location": "eastus", "properties": {"clientId": made["principal"]["appId"], "principalId": made["principal"]["id"]}}
    await estate.control(
        "PUT", f"/resources{group_id('ids')}", {"location": "eastus", "properties": {"provisioningState": "Succeeded"}}
    )
    await estate.control("PUT", f"/resources/subscriptions/{SUBSCRIPTION}{name}", body)
    chosen = {"type": "UserAssigned", "userAssigned": {"resourceId": f"/subscriptions/{SUBSCRIPTION}{name}"}}
    spec = runbook_spec(identity=chosen)
    resources = await settled(estate, spec)
    assert name.lower() in next(iter(resources[CLUSTER]["identity"]["userAssignedIdentities"])).lower()
    await estate.delete(spec)
    assert f"/subscriptions/{SUBSCRIPTION}{name}".lower() in (await estate.state())["resources"]


async def test_nodes_may_pull_from_the_registries_that_are_attached(estate: Estate) -> None:
    registry = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/reg/providers/Microsoft.ContainerRegistry/registries/images"
    resources = await settled(
        estate, runbook_spec(identity={"type": "SystemAssigned"}) | {"cluster": with_cluster(registries=[registry])["cluster"]}
    )
    kubelet = resources[CLUSTER]["properties"]["identityProfile"]["kubeletidentity"]["objectId"]
    assignments = [r["properties"] for i, r in resources.items() if "/roleassignments/" in i and "containerregistry" in i]
    assert [(g["principalId"], g["scope"]) for g in assignments] == [(kubelet, registry)]


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


@pytest.mark.parametrize("network", [
    {"plugin": "azure", "pluginMode": "overlay", "podCidr": "192.168.0.0/16", "policy": "cilium"},
    {"plugin": "kubenet", "policy": "calico", "podCidr": "192.168.0.0/16"},
    {"plugin": "azure", "policy": "none", "outboundType": "managedNATGateway"},
])  # fmt: skip
async def test_networks_of_all_plugins_are_made_and_left_alone(estate: Estate, network: dict[str, Any]) -> None:
    resources = await settled(estate, with_cluster(network=network))
    profile = resources[CLUSTER]["properties"]["networkProfile"]
    assert profile["networkPlugin"] == network["plugin"] and profile.get("networkPluginMode") == network.get("pluginMode")


async def test_a_private_cluster_is_private(estate: Estate) -> None:
    resources = await settled(estate, with_cluster(apiServer={"private": True, "privateDNSZone": "system"}))
    assert resources[CLUSTER]["properties"]["apiServerAccessProfile"]["enablePrivateCluster"] is True


async def test_pools_have_the_properties_of_the_spec(estate: Estate) -> None:
    members = {
        "purpose": "User",
        "vmSize": "Standard_NC6s_v3",
        "count": 0,
        "autoscaling": {"minCount": 0, "maxCount": 4},
        "spot": {"maxPrice": "0.5", "evictionPolicy": "Deallocate"},
        "gpu": {"driver": "None"},
        "osDiskSizeGB": 64,
        "osDiskType": "Ephemeral",
        "osSKU": "AzureLinux",
        "maxPods": 50,
        "maxSurge": "33%",
        "availabilityZones": ["1", "2"],
        "nodeLabels": {"team": "physics"},
        "nodeTaints": ["lab=gpu:NoSchedule"],
    }
    await estate.control("PUT", "/catalog/sizes/Standard_NC6s_v3", {"cpu": 6, "memory": 112, "disks": 12, "gpus": 1})
    pool = (await settled(estate, with_pool(**members)))[f"{CLUSTER}/agentpools/users"]["properties"]
    assert (pool["minCount"], pool["maxCount"], pool["count"], pool["scaleSetPriority"]) == (0, 4, 0, "Spot")
    assert pool["nodeLabels"] == {
        "hub.jupyter.org/node-purpose": "user",
        "kubernetes.azure.com/scalesetpriority": "spot",
        "team": "physics",
    }
    assert set(pool["nodeTaints"]) == {
        "hub.jupyter.org/dedicated=user:NoSchedule",
        "kubernetes.azure.com/scalesetpriority=spot:NoSchedule",
        "lab=gpu:NoSchedule",
    }
    assert (pool["osDiskSizeGB"], pool["osDiskType"], pool["osSKU"], pool["maxPods"]) == (64, "Ephemeral", "AzureLinux", 50)
    assert pool["upgradeSettings"] == {"maxSurge": "33%"} and pool["gpuProfile"] == {"driver": "None"}


async def test_a_pool_that_the_spec_no_longer_names_goes_and_a_foreign_one_stays(estate: Estate) -> None:
    await settled(estate, with_pool())
    foreign = {
        "properties": {
            "mode": "User",
            "vmSize": "Standard_D2s_v3",
            "count": 1,
            "provisioningState": "Succeeded",
            "currentOrchestratorVersion": "1.35.1",
            "orchestratorVersion": "1.35",
        }
    }
    await estate.control("PUT", f"/resources{CLUSTER}/agentPools/precious", foreign)
    mark = await estate.mark()
    results = await estate.settle(runbook_spec())
    assert f"{CLUSTER}/agentpools/users" not in (await estate.state())["resources"]
    assert f"{CLUSTER}/agentpools/precious" in (await estate.state())["resources"]
    assert await estate.writes(mark) == ["DELETE agentPools/users"]
    assert "precious" in results["NodePools"].notices[0].message


async def test_a_change_of_an_immutable_pool_property_is_refused_with_the_remedy(estate: Estate) -> None:
    await settled(estate, with_pool())
    mark = await estate.mark()
    outcome = (await estate.once(with_pool(vmSize="Standard_D4s_v3")))["NodePools"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and outcome.reason == "ImmutableField"
    assert "spec.nodePools[users].vmSize" in outcome.message and "replacement: Rotate" in outcome.message
    assert await estate.writes(mark) == []


async def test_a_pool_is_rotated_by_way_of_a_temporary_one(estate: Estate) -> None:
    await settled(estate, with_pool())
    mark = await estate.mark()
    resources = await settled(estate, with_pool(vmSize="Standard_D4s_v3", replacement="Rotate"))
    pools = sorted(i.rsplit("/", 1)[1] for i in resources if "/agentpools/" in i)
    assert (
        pools == ["nodepool1", "users"] and resources[f"{CLUSTER}/agentpools/users"]["properties"]["vmSize"] == "Standard_D4s_v3"
    )
    writes = [w.split(" ")[0] for w in await estate.writes(mark)]
    assert writes == ["PUT", "DELETE", "PUT", "DELETE"], "temporary in, old out, new in, temporary out"


async def test_the_only_system_pool_is_rotated_without_the_cluster_ever_lacking_one(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    spec = runbook_spec()
    spec["nodePools"][0] |= {"vmSize": "Standard_D4s_v3", "replacement": "Rotate"}
    resources = await settled(estate, spec)
    pool = resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]
    assert (pool["vmSize"], pool["mode"], pool["enableAutoScaling"], pool["maxCount"]) == ("Standard_D4s_v3", "System", True, 6)


async def test_a_rotation_survives_a_new_operator_at_every_step(estate: Estate) -> None:
    """It keeps nothing in memory: each reconcile begins with the observed state."""
    await settled(estate, with_pool())
    spec = with_pool(vmSize="Standard_D4s_v3", replacement="Rotate")
    for _ in range(60):
        estate.operations = {}
        results = await estate.once(spec)
        if all(isinstance(r.outcome, Ready) and not r.changes for r in results.values()):
            break
        await estate.simulator.world.clock.sleep(30)
    resources = (await estate.state())["resources"]
    assert sorted(i.rsplit("/", 1)[1] for i in resources if "/agentpools/" in i) == ["nodepool1", "users"]
    assert resources[f"{CLUSTER}/agentpools/users"]["properties"]["vmSize"] == "Standard_D4s_v3"


async def test_a_lectures_schedule_moves_the_bounds_and_moves_them_back(estate: Estate) -> None:
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


async def test_a_hub_sleeps_at_night_and_wakes_in_the_morning(estate: Estate) -> None:
    nights = [
        {"cron": "0 20 * * *", "powerState": "Stopped", "timeZone": "UTC"},
        {"cron": "0 7 * * *", "powerState": "Running", "timeZone": "UTC"},
    ]
    spec = with_cluster(powerSchedules=nights)
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


async def test_a_principals_secret_is_renewed_before_it_ends_and_the_old_one_removed(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    before = dict(estate.secrets.data["prd-jhub-service-principal"])
    estate.now = datetime.now(UTC) + timedelta(days=340)
    mark = await estate.mark()
    await settled(estate, runbook_spec())
    after = estate.secrets.data["prd-jhub-service-principal"]
    assert after["clientSecret"] != before["clientSecret"] and after["secretId"] != before["secretId"]
    state = await estate.state()
    application = next(a for a in state["applications"] if a["displayName"] == "sp_aks_jhub")
    assert [c["keyId"] for c in application["passwordCredentials"]] == [after["secretId"]]
    writes = [w.rsplit("/", 1)[1] for w in await estate.writes(mark)]
    assert writes == ["addPassword", "resetServicePrincipalProfile", "removePassword"]


async def test_the_old_secret_stays_while_the_nodes_may_not_be_rolled(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    estate.now = datetime.now(UTC) + timedelta(days=340)
    estate.window_gate = "spec.cluster.maintenanceWindow"
    for _ in range(6):
        results = await estate.once(runbook_spec())
    outcome = results["PrincipalSecret"].outcome
    assert isinstance(outcome, Deferred) and "is deferred until spec.cluster.maintenanceWindow" in outcome.message
    application = next(a for a in (await estate.state())["applications"] if a["displayName"] == "sp_aks_jhub")
    assert len(application["passwordCredentials"]) == 2, "both are valid until the cluster has the new one"
    estate.window_gate = ""
    await settled(estate, runbook_spec())


async def test_a_rotated_secret_of_an_existing_principal_reaches_the_cluster(estate: Estate) -> None:
    made = await estate.control("POST", "/applications", {"displayName": "given", "secret": "first-secret-of-theirs"})
    app_id = made["application"]["appId"]
    estate.secrets.data["principal"] = {"clientId": app_id, "clientSecret": "first-secret-of-theirs"}
    spec = runbook_spec(identity={"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "principal"}}})
    await settled(estate, spec)
    await estate.control("POST", f"/applications/{app_id}/secrets", {"value": "second-secret-of-theirs"})
    estate.secrets.data["principal"] = {"clientId": app_id, "clientSecret": "second-secret-of-theirs"}
    mark = await estate.mark()
    await settled(estate, spec)
    assert await estate.writes(mark) == ["POST prd-aks-jhub/resetServicePrincipalProfile"]


async def test_a_platform_that_is_applied_anew_after_it_was_orphaned_rolls_no_nodes(estate: Estate) -> None:
    made = await estate.control("POST", "/applications", {"displayName": "given", "secret": "first-secret-of-theirs"})
    estate.secrets.data["principal"] = {"clientId": made["application"]["appId"], "clientSecret": "first-secret-of-theirs"}
    identity = {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "principal"}}}
    await settled(estate, runbook_spec(identity=identity))
    await estate.orphan(runbook_spec(identity=identity))
    estate.uid, mark = "uid-2", await estate.mark()
    await settled(estate, runbook_spec(identity=identity, adoption="IfUnowned"))
    assert "POST prd-aks-jhub/resetServicePrincipalProfile" not in await estate.writes(mark)


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


async def test_recurring_profiles_and_notifications_reach_monitor(estate: Estate) -> None:
    spec = runbook_spec()
    spec["autoscale"][0] |= {
        "recurring": [
            {
                "name": "lecture",
                "days": ["Monday", "Friday"],
                "start": "08:30",
                "end": "10:00",
                "timeZone": "Europe/Vienna",
                "capacity": {"minimum": 5, "maximum": 6, "default": 5},
            }
        ],
        "notifications": {"emails": ["ops@example.org"]},
    }
    resources = await settled(estate, spec)
    (setting,) = [r for i, r in resources.items() if "/autoscalesettings/" in i]
    names = [p["name"] for p in setting["properties"]["profiles"]]
    assert names == ["default", "lecture", '{"name":"Auto created default scale condition","for":"lecture"}']
    schedule = setting["properties"]["profiles"][1]["recurrence"]["schedule"]
    assert schedule == {"timeZone": "W. Europe Standard Time", "days": ["Monday", "Friday"], "hours": [8], "minutes": [30]}
    assert setting["properties"]["notifications"][0]["email"]["customEmails"] == ["ops@example.org"]


async def test_a_refused_autoscale_setting_does_not_hold_up_the_next(estate: Estate) -> None:
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


async def test_what_stands_without_an_owner_is_adopted_with_tags_alone(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    state = (await estate.state())["resources"]
    for id_, body in state.items():
        if "notebookplatform-owner" in (body.get("tags") or {}):
            await estate.control("PATCH", f"/resources{id_}", {"tags": {"notebookplatform-owner": None}})
    pool = f"{CLUSTER}/agentpools/nodepool1"
    await estate.control("PATCH", f"/resources{pool}", {"properties": {"tags": {"notebookplatform-owner": None}}})
    outcome = (await estate.once(runbook_spec()))["ResourceGroup"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "NotOwned" and "adoption: IfUnowned" in outcome.remedy
    mark = await estate.mark()
    after = await settled(estate, runbook_spec(adoption="IfUnowned"))
    writes = await estate.writes(mark)
    assert sorted(w for w in writes if w != "PATCH tags/default") == ["PUT agentPools/nodepool1"], writes

    def untagged(resources: dict[str, Any]) -> dict[str, Any]:
        changing = ("etag", "eTag", "tags")
        return {i: {k: v for k, v in r.items() if k not in changing} for i, r in resources.items() if "agentpools" not in i}

    assert untagged(after) == untagged(state)


async def test_orphaning_removes_our_tags_and_keeps_the_resources(estate: Estate) -> None:
    before = await settled(estate, runbook_spec())
    await estate.orphan(runbook_spec())
    after = (await estate.state())["resources"]
    assert set(after) == set(before)
    assert not [
        i for i, r in after.items() if "notebookplatform-owner" in str(r.get("tags")) and "virtualmachinescalesets" not in i
    ]
    assert "notebookplatform-owner" not in after[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["tags"]
