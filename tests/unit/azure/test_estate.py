"""The runbook's Azure side: built, left alone, changed, repaired, taken down."""

from notebook_platform.engine.outcome import Done, Failed

from sandbox.azure.world import SUBSCRIPTION
from tests.unit.azure.conftest import Estate, group_id, runbook_spec

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
NETWORK = f"{group_id('prd_rg_jhub')}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub"


def all_done(results: dict) -> bool:
    return all(isinstance(r.outcome, Done) for r in results.values())


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
    writes = await estate.writes()
    puts = [w for w in writes if w.startswith("PUT")]
    assert len(puts) == len(set(puts)), puts
    mark = await estate.mark()
    for _ in range(5):
        assert all_done(await estate.once(runbook_spec()))
    assert await estate.writes(mark) == []


async def test_deletion_leaves_nothing_behind(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    results = await estate.delete(runbook_spec())
    assert all_done(results), {n: r.outcome for n, r in results.items()}
    state = await estate.state()
    assert state["resources"] == {}
    assert [a["displayName"] for a in state["applications"]] == ["notebook-platform-operator"]
    assert "prd-jhub-service-principal" not in estate.secrets.data


async def test_a_foreign_resource_survives_and_keeps_its_group(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    foreign = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/prd_rg_jhub/providers/Microsoft.Storage/storageAccounts/precious"
    await estate.control("PUT", f"/resources{foreign}", {"type": "Microsoft.Storage/storageAccounts", "location": "eastus"})
    results = await estate.delete(runbook_spec())
    outcome = results["ResourceGroup"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "ForeignResources" and "precious" in outcome.message
    left = (await estate.state())["resources"]
    assert set(left) == {group_id("prd_rg_jhub"), foreign.lower()}


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


async def test_a_rule_edited_by_hand_is_seen_and_put_right(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    setting = next(i for i in (await estate.state())["resources"] if "/autoscalesettings/" in i)
    body = await estate.control("GET", f"/resources{setting}")
    body["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] = 95
    await estate.control("PATCH", f"/resources{setting}", body)
    results = await estate.once(runbook_spec())
    assert results["Autoscale"].changes
    body = await estate.control("GET", f"/resources{setting}")
    assert body["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] == 70


async def test_a_version_that_is_not_offered_is_refused_before_anything_is_made(estate: Estate) -> None:
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
    assert "spec.cluster.name" in outcome.message and "other/ns/name/uid-2" in outcome.message
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
    assert (await estate.writes()).count("PUT managedClusters/prd-aks-jhub") == 2
