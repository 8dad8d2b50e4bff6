"""spec.cluster.nodeProvisioning on the simulator: node auto-provisioning is turned on and off in place, and refusals name the
remedy."""

from typing import Any

from notebook_platform.azure.cluster_changes import NODE_PROVISIONING_PATH, cluster_changes
from notebook_platform.engine.outcome import Deferred, Failed, Ready

from sandbox.azure.aks_admission import KARPENTER_TAG
from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

POOLS = [{"name": "nodepool1", "mode": "System", "vmSize": "Standard_D2s_v3", "count": 3}]
MACHINE = f"{group_id('prd_rg_jhub_infra')}/providers/Microsoft.Compute/virtualMachines/aks-default-x7k2p"


def with_mode(mode: str, **changes: Any) -> dict[str, Any]:
    cluster = with_cluster(nodeProvisioning=mode)["cluster"]
    return runbook_spec(cluster=cluster, identity={"type": "SystemAssigned"}, nodePools=POOLS, autoscale=[]) | changes


def mode_of(resources: dict[str, Any]) -> str:
    found: str = resources[CLUSTER]["properties"]["nodeProvisioningProfile"]["mode"]
    return found


async def test_the_mode_changes_in_place_and_drift_is_corrected(estate: Estate) -> None:
    await settled(estate, with_mode("Manual"))
    mark = await estate.mark()
    assert mode_of(await settled(estate, with_mode("Auto"))) == "Auto"
    assert await estate.writes(mark) == ["PUT managedClusters/prd-aks-jhub"]
    assert mode_of(await settled(estate, with_mode("Manual"))) == "Manual", "the same write, seen as drift of the first spec"


def test_a_cluster_that_azure_shows_without_a_profile_is_in_manual_mode() -> None:
    found = {"properties": {"kubernetesVersion": "1.35"}}
    for mode, paths in {"Manual": [], "Auto": [NODE_PROVISIONING_PATH]}.items():
        desired = {"properties": {"kubernetesVersion": "1.35", "nodeProvisioningProfile": {"mode": mode}}}
        assert [change.path for change in cluster_changes(desired, found)] == paths


async def test_the_cluster_autoscaler_is_turned_off_before_node_auto_provisioning_is_turned_on(estate: Estate) -> None:
    autoscaled = [{**POOLS[0], "autoscaling": {"minCount": 3, "maxCount": 6}}]
    await settled(estate, with_mode("Manual", nodePools=autoscaled))
    mark = await estate.mark()
    outcome = (await estate.once(with_mode("Auto")))["Cluster"].outcome
    assert isinstance(outcome, Deferred) and "cluster autoscaler of the agent pools nodepool1" in outcome.message
    resources = await settled(estate, with_mode("Auto"))
    assert mode_of(resources) == "Auto" and not resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["enableAutoScaling"]
    assert await estate.writes(mark, accepted=True) == ["PUT agentPools/nodepool1", "PUT managedClusters/prd-aks-jhub"]


async def test_auto_provisioned_nodes_hold_the_way_back_with_the_remedy(estate: Estate) -> None:
    await settled(estate, with_mode("Auto"))
    machine = {"location": "eastus", "name": "aks-default-x7k2p", "tags": {KARPENTER_TAG: "default"}, "properties": {}}
    await estate.control("PUT", f"/resources{MACHINE}", machine)
    results = await estate.once(with_mode("Auto"))
    assert all(isinstance(result.outcome, Ready) for result in results.values()), "such a node is no pool, no drift, no obstacle"
    outcome = (await estate.once(with_mode("Manual")))["Cluster"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "NodeProvisioningNotAllowed" and outcome.retry_in == 300
    assert "aks-default-x7k2p" in outcome.message and "karpenter.sh/nodepool" in outcome.remedy
    await estate.delete(with_mode("Auto"))
    assert not [id_ for id_ in (await estate.state())["resources"] if "prd_rg_jhub" in id_]


async def test_azure_refuses_what_excludes_node_auto_provisioning_and_names_it(estate: Estate) -> None:
    spec = with_mode("Auto", identity=runbook_spec()["identity"])
    outcome = await refusal(estate, spec)
    assert outcome.reason == "NodeProvisioningNotAllowed" and "servicePrincipalProfile" in outcome.message


async def refusal(estate: Estate, spec: dict[str, Any]) -> Failed:
    """Reconcile until the cluster is refused."""
    for _ in range(40):
        results = await estate.once(spec)
        outcome = results["Cluster"].outcome
        if isinstance(outcome, Failed) and outcome.reason not in ("PrincipalReplicating", "Throttled"):
            return outcome
        await estate.simulator.world.clock.sleep(25)
    raise AssertionError(f"not refused: {results}")
