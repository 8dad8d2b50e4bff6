"""Node pools: their properties, removal, and rotation through a temporary pool."""

from notebook_platform.engine.outcome import Deferred, Ready

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, with_pool
from tests.unit.azure.specs import runbook_spec


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


async def test_a_pool_is_rotated_through_a_temporary_one(estate: Estate) -> None:
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
