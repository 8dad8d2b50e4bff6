"""Pools that Azure left Failed, numbers with two owners, references that resolve to something else: against the simulator."""

from typing import Any

from notebook_platform.engine.outcome import Failed, Ready

from tests.azure.conftest import Estate, settled
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
USERS = f"{CLUSTER}/agentpools/users"


def with_users(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"].append({"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1, **members})
    return spec


async def fail(estate: Estate, state: str = "Failed") -> None:
    error = {"code": "AllocationFailed", "message": "Allocation failed in zone 1."}
    await estate.control(
        "PATCH", f"/resources{USERS}", {"properties": {"provisioningState": state, "status": {"provisioningError": error}}}
    )


async def test_a_failed_pool_is_repaired_with_its_own_body(estate: Estate) -> None:
    await settled(estate, with_users())
    for _ in range(5):
        await fail(estate)
        mark = await estate.mark()
        resources = await settled(estate, with_users())
        assert resources[USERS]["properties"]["provisioningState"] == "Succeeded"
        assert await estate.writes(mark) == ["PUT agentPools/users"] * 2, "the repair, and the removal of its count"
        assert "notebookplatform-repairs" not in resources[USERS]["properties"]["tags"]


async def test_a_failed_cluster_is_repaired_each_time(estate: Estate) -> None:
    await settled(estate, with_users())
    for _ in range(5):
        await estate.control("PATCH", f"/resources{CLUSTER}", {"properties": {"provisioningState": "Failed"}})
        mark = await estate.mark()
        resources = await settled(estate, with_users())
        assert await estate.writes(mark) == ["PUT managedClusters/prd-aks-jhub", "PATCH tags/default"]
        assert "notebookplatform-repairs" not in resources[CLUSTER]["tags"]


async def test_a_pool_that_repairs_do_not_mend_calls_a_person_and_holds_up_no_other_pool(estate: Estate) -> None:
    await settled(estate, with_users())
    await fail(estate, "Canceled")
    error = {"code": "AllocationFailed", "message": "Allocation failed in zone 1."}
    await estate.control("POST", "/faults", {"method": "PUT", "path": "agentpools/users", "count": 9, "operation_error": error})
    spec, mark = with_users(), await estate.mark()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    results = await estate.settle(spec)
    outcome = results["NodePools"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "PoolFailed" and outcome.retry_in is None
    assert "spec.nodePools[users]" in outcome.message and "AllocationFailed: Allocation failed in zone 1." in outcome.message
    assert sorted(await estate.writes(mark)) == ["PUT agentPools/nodepool1", *["PUT agentPools/users"] * 3]


async def test_the_count_of_a_pool_that_monitor_scales_is_left_to_monitor(estate: Estate) -> None:
    rules = [{"operator": "GreaterThan", "threshold": 70, "change": 1}, {"operator": "LessThan", "threshold": 5, "change": -1}]
    capacity = {"minimum": 1, "maximum": 6, "default": 1}
    spec = with_users(count=3)
    spec["autoscale"] = [{"pool": "users", "capacity": capacity, "rules": rules}]
    assert (await settled(estate, spec))[USERS]["properties"]["count"] == 3
    await estate.control("PATCH", f"/resources{USERS}", {"properties": {"count": 5}})
    assert (await settled(estate, spec))[USERS]["properties"]["count"] == 5


async def test_an_identity_that_was_made_again_reaches_the_cluster(estate: Estate) -> None:
    spec = runbook_spec(identity={"type": "UserAssigned", "userAssigned": {"name": "hub-identity"}})
    resources = await settled(estate, spec)
    (id_,) = [i for i in resources if "/userassignedidentities/" in i]
    before = next(iter(resources[CLUSTER]["identity"]["userAssignedIdentities"].values()))["principalId"]
    await estate.control("DELETE", f"/resources{id_}")
    resources = await settled(estate, spec)
    after = next(iter(resources[CLUSTER]["identity"]["userAssignedIdentities"].values()))["principalId"]
    assert after != before and after == resources[id_]["properties"]["principalId"]


async def test_an_upgrade_and_other_changes_are_sent_one_after_the_other(estate: Estate) -> None:
    old = with_users()
    old["cluster"]["kubernetesVersion"] = "1.34"
    await settled(estate, old)
    spec, mark = with_users(count=2), await estate.mark()
    spec["cluster"] |= {"kubernetesVersion": "1.35", "tier": "Standard"}
    resources = await settled(estate, spec)
    entries = (await estate.control("GET", f"/journal?writes=1&since={mark}"))["value"]
    sent = [e["path"].rsplit("/", 1)[1] for e in entries if e["method"] == "PUT"]
    assert sorted(sent) == ["nodepool1", "prd-aks-jhub", "prd-aks-jhub", "users", "users"], "tier and version, count and version"
    assert resources[USERS]["properties"]["count"] == 2 and resources[CLUSTER]["sku"]["tier"] == "Standard"


async def test_a_version_that_an_upgrade_channel_set_is_up_to_date_even_when_no_longer_offered(estate: Estate) -> None:
    spec = with_cluster(upgrades={"channel": "stable"}, kubernetesVersion="1.34")
    await settled(estate, spec)
    moved = {"kubernetesVersion": "1.36.0", "currentKubernetesVersion": "1.36.0"}
    await estate.control("PATCH", f"/resources{CLUSTER}", {"properties": moved})
    pool = {"orchestratorVersion": "1.36.0", "currentOrchestratorVersion": "1.36.0"}
    await estate.control("PATCH", f"/resources{CLUSTER}/agentpools/nodepool1", {"properties": pool})
    mark = await estate.mark()
    spec["cluster"]["tier"] = "Standard"
    results = await estate.settle(spec)
    assert all(isinstance(r.outcome, Ready) for r in results.values()), results
    assert await estate.writes(mark) == ["PUT managedClusters/prd-aks-jhub"]


async def test_a_version_that_azure_does_not_offer_holds_up_nothing_else(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    spec, mark = with_cluster(kubernetesVersion="1.99", tier="Standard"), await estate.mark()
    results = await estate.settle(spec)
    outcome = results["Cluster"].outcome
    assert outcome.reason == "VersionNotOffered" and outcome.needs_user and "1.99" in outcome.message
    assert isinstance(results["Autoscale"].outcome, Ready)
    assert await estate.writes(mark) == ["PUT managedClusters/prd-aks-jhub"]
