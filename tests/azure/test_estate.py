"""The runbook's Azure resources: created, unchanged, updated and repaired."""

from notebook_platform.engine.outcome import Deferred, Failed

from tests.azure.conftest import Estate
from tests.azure.estates import CLUSTER, NETWORK, all_done
from tests.unit.azure.specs import group_id, runbook_spec


async def test_the_runbooks_azure_side_is_built_and_then_left_alone(estate: Estate) -> None:
    results = await estate.settle(runbook_spec())
    assert all_done(results), {n: r.outcome for n, r in results.items()}
    state = await estate.state()
    resources = state["resources"]
    assert resources[group_id("prd_rg_jhub")]["location"] == "eastus"
    assert resources[NETWORK]["properties"]["subnets"][0]["properties"]["addressPrefix"] == "10.240.0.0/16"
    properties = resources[CLUSTER]["properties"]
    assert properties["nodeResourceGroup"] == "prd_rg_jhub_infra"
    assert properties["networkProfile"]["serviceCidr"] == "10.0.0.0/16"
    assert properties["networkProfile"]["dnsServiceIP"] == "10.0.0.10"
    assert properties["networkProfile"]["networkPolicy"] == "azure"
    pool = resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]
    assert (pool["count"], pool["minCount"], pool["maxCount"], pool["vmSize"]) == (3, 3, 6, "Standard_D2s_v3")
    assert pool["vnetSubnetID"].lower() == f"{NETWORK}/subnets/default"
    settings = [r for i, r in resources.items() if "/autoscalesettings/" in i]
    assert len(settings) == 1 and len(settings[0]["properties"]["profiles"][0]["rules"]) == 2
    assert state["features"]["Microsoft.ContainerService/VMSSPreview"] == "Registered"
    assert state["providers"]["microsoft.insights"] == "Registered"
    roles = [r for i, r in resources.items() if "/roleassignments/" in i]
    assert [r["properties"]["scope"].lower() for r in roles] == [NETWORK]
    writes = await estate.writes(accepted=True)
    puts = [w for w in writes if w.startswith("PUT")]
    assert len(puts) == len(set(puts)), puts
    mark = await estate.mark()
    for _ in range(5):
        assert all_done(await estate.once(runbook_spec()))
    assert await estate.writes(mark) == []


async def test_one_changed_bound_is_one_write(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    mark, spec = await estate.mark(), runbook_spec()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    assert all_done(await estate.settle(spec))
    assert await estate.writes(mark) == ["PUT agentPools/nodepool1"]


async def test_a_live_count_moved_by_the_autoscaler_is_not_drift(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    await estate.control("POST", "/nodes", {"cluster": CLUSTER, "pool": "nodepool1", "count": 5})
    mark = await estate.mark()
    assert all_done(await estate.once(runbook_spec()))
    assert await estate.writes(mark) == []


async def test_a_rule_edited_by_hand_is_corrected(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    setting = next(i for i in (await estate.state())["resources"] if "/autoscalesettings/" in i)
    body = await estate.control("GET", f"/resources{setting}")
    body["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] = 95
    await estate.control("PATCH", f"/resources{setting}", body)
    results = await estate.once(runbook_spec())
    assert results["Autoscale"].changes
    body = await estate.control("GET", f"/resources{setting}")
    assert body["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] == 70


async def test_a_version_that_is_not_offered_is_refused_before_creation(estate: Estate) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    outcome = (await estate.settle(spec))["Preflight"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "VersionNotOffered"
    assert "spec.cluster.kubernetesVersion 1.19.6" in outcome.message and "1.35" in outcome.message
    assert not [w for w in await estate.writes() if w.startswith("PUT")]


async def test_a_cluster_of_another_owner_is_named_and_never_touched(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    tags = {"tags": {"notebookplatform-owner": "other/ns/name/uid-2"}}
    await estate.control("PATCH", f"/resources{CLUSTER}", tags)
    mark = await estate.mark()
    outcome = (await estate.once(runbook_spec()))["Cluster"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "OwnedByAnother"
    assert "spec.cluster.name" in outcome.message and "belongs to another platform" in outcome.message
    assert "other/ns" not in outcome.message and "uid-2" not in outcome.message
    assert await estate.writes(mark) == []
    assert "OwnedByAnother" not in str(await estate.delete(runbook_spec()))
    assert CLUSTER in (await estate.state())["resources"]


async def test_a_cluster_left_failed_is_repaired_and_then_ready(estate: Estate) -> None:
    fault = {
        "method": "PUT",
        "path": "managedClusters/prd-aks-jhub$",
        "operation_error": {"code": "InternalServerError", "message": "x"},
    }
    await estate.control("POST", "/faults", fault)
    results = await estate.settle(runbook_spec())
    assert all_done(results), {n: r.outcome for n, r in results.items()}
    assert (await estate.writes(accepted=True)).count("PUT managedClusters/prd-aks-jhub") == 2


async def test_versions_walk_minor_by_minor_control_plane_first_then_the_pools(estate: Estate) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.34"
    await estate.settle(spec)
    mark = await estate.mark()
    spec["cluster"]["kubernetesVersion"] = "1.36"
    results = await estate.settle(spec)
    assert all_done(results), {n: r.outcome for n, r in results.items()}
    resources = (await estate.state())["resources"]
    assert resources[CLUSTER]["properties"]["currentKubernetesVersion"] == "1.36.0"
    assert resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["currentOrchestratorVersion"] == "1.36.0"
    puts = [w for w in await estate.writes(mark) if w.startswith("PUT")]
    assert puts == ["PUT managedClusters/prd-aks-jhub", "PUT agentPools/nodepool1"] * 2


async def test_a_pool_that_the_spec_does_not_name_is_reported_and_not_touched(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    pool = {
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": {"count": 1, "mode": "User", "vmSize": "x"},
    }
    pool["properties"] |= {"provisioningState": "Succeeded", "currentOrchestratorVersion": "1.35.1"}  # type: ignore[index, operator]
    await estate.control("PUT", f"/resources{CLUSTER}/agentPools/gpu", pool)
    mark = await estate.mark()
    results = await estate.once(runbook_spec())
    (notice,) = results["NodePools"].notices
    assert notice.condition == "UnknownNodePools" and "gpu" in notice.message
    assert await estate.writes(mark) == []


async def test_a_change_of_an_immutable_pool_property_is_refused_with_the_field_and_a_remedy(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    mark, spec = await estate.mark(), runbook_spec()
    spec["nodePools"][0]["vmSize"] = "Standard_D4s_v3"
    outcome = (await estate.once(spec))["NodePools"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and outcome.reason == "ImmutableField"
    assert "spec.nodePools[nodepool1].vmSize" in outcome.message and "another name" in outcome.message
    assert await estate.writes(mark) == []


async def test_a_user_assigned_identity_is_created_has_its_role_and_is_used(estate: Estate) -> None:
    spec = runbook_spec(identity={"type": "UserAssigned", "userAssigned": {"name": "prd-identity"}})
    results = await estate.settle(spec)
    assert all_done(results), {n: r.outcome for n, r in results.items()}
    resources = (await estate.state())["resources"]
    identity = next(r for i, r in resources.items() if "/userassignedidentities/" in i)
    role = next(r for i, r in resources.items() if "/roleassignments/" in i)
    assert role["properties"]["principalId"] == identity["properties"]["principalId"]
    assert resources[CLUSTER]["identity"]["type"] == "UserAssigned"
    mark = await estate.mark()
    assert all_done(await estate.once(spec)) and await estate.writes(mark) == []
    assert all_done(await estate.delete(spec)) and (await estate.state())["resources"] == {}


async def test_a_system_assigned_identity_without_a_network_needs_no_roles(estate: Estate) -> None:
    spec = runbook_spec(identity={"type": "SystemAssigned"}, network=None, autoscale=[])
    assert all_done(await estate.settle(spec))
    assert not [i for i in (await estate.state())["resources"] if "/roleassignments/" in i]


async def test_an_existing_principal_from_a_secret_is_used_and_never_deleted(estate: Estate) -> None:
    made = await estate.control("POST", "/applications", {"displayName": "theirs", "secret": "their-secret-value"})
    estate.secrets.data["theirs"] = {"clientId": made["application"]["appId"], "clientSecret": "their-secret-value"}
    spec = runbook_spec(identity={"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "theirs"}}})
    assert all_done(await estate.settle(spec))
    profile = (await estate.state())["resources"][CLUSTER]["properties"]["servicePrincipalProfile"]
    assert profile["clientId"] == made["application"]["appId"]
    assert all_done(await estate.delete(spec))
    assert "theirs" in [a["displayName"] for a in (await estate.state())["applications"]]


async def test_the_principal_of_an_orphaned_platform_is_not_overwritten_and_can_be_used_on(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    await estate.orphan(runbook_spec())
    estate.uid, kept = "uid-2", dict(estate.secrets.data["prd-jhub-service-principal"])
    estate.secrets.orphaned.add("prd-jhub-service-principal")
    outcome = (await estate.once_past_group(runbook_spec(adoption="IfUnowned")))["Identity"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "PrincipalLeftBehind" and "secretRef" in outcome.remedy
    assert estate.secrets.data["prd-jhub-service-principal"] == kept
    chosen = {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "prd-jhub-service-principal"}}}
    mark = await estate.mark()
    assert all_done(await estate.settle(runbook_spec(adoption="IfUnowned", identity=chosen)))
    assert {w.split("/")[0] for w in await estate.writes(mark)} <= {"PATCH tags", "PUT roleAssignments", "PUT agentPools"}


async def test_a_lost_secret_of_our_principal_is_made_anew_and_the_stray_one_removed(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    before = estate.secrets.data.pop("prd-jhub-service-principal")
    await estate.settle(runbook_spec())
    after = estate.secrets.data["prd-jhub-service-principal"]
    assert after["clientId"] == before["clientId"] and after["secretId"] != before["secretId"]
    application = next(a for a in (await estate.state())["applications"] if a["appId"] == after["clientId"])
    assert [c["keyId"] for c in application["passwordCredentials"]] == [after["secretId"]]


async def test_a_missing_permission_is_reported_with_action_and_scope(estate: Estate) -> None:
    made = await estate.control("POST", "/applications", {"displayName": "weak", "secret": "weak-secret-value"})
    weak = {
        **estate.secrets.data["azure-credentials"],
        "clientId": made["application"]["appId"],
        "clientSecret": "weak-secret-value",
    }
    estate.secrets.data["azure-credentials"] = weak
    outcome = (await estate.once(runbook_spec()))["Credentials"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "PermissionMissing"
    assert "does not have authorization to perform action" in outcome.message and "weak-secret-value" not in str(outcome)
