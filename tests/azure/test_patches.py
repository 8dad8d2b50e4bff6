"""Patches of the spec on the simulator: created, planned, changed and corrected like any field."""

from typing import Any

from notebook_platform.azure.patch_changes import PATCH_TAG
from notebook_platform.engine.outcome import Deferred, Failed, Ready

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER as CLUSTER_ID
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

SETTING_ID = f"{group_id('prd_rg_jhub_infra')}/providers/microsoft.insights/autoscalesettings/prd-jhub-nodepool1"


def with_patches() -> dict[str, Any]:
    """Return the runbook's platform with a patch in each place."""
    spec = with_cluster(patch={"properties": {"storageProfile": {"blobCSIDriver": {"enabled": True}}}})
    spec["nodePools"][0]["patch"] = {"properties": {"scaleDownMode": "Deallocate", "nodeLabels": {"zone/kind": "blue"}}}
    spec["autoscale"][0]["patch"] = {"properties": {"predictiveAutoscalePolicy": {"scaleMode": "ForecastOnly"}}}
    return spec


async def test_patches_are_created_planned_changed_and_corrected(estate: Estate) -> None:
    pool_id = f"{CLUSTER_ID}/agentpools/nodepool1"
    spec = with_patches()
    found = await settled(estate, spec)
    assert found[CLUSTER_ID]["properties"]["storageProfile"]["blobCSIDriver"] == {"enabled": True}
    assert found[pool_id]["properties"]["scaleDownMode"] == "Deallocate"
    assert found[pool_id]["properties"]["nodeLabels"]["zone/kind"] == "blue"
    assert found[SETTING_ID]["properties"]["predictiveAutoscalePolicy"]["scaleMode"] == "ForecastOnly"
    mark = await estate.mark()
    spec["cluster"]["patch"]["properties"]["storageProfile"]["blobCSIDriver"] = None
    spec["nodePools"][0]["patch"]["properties"]["scaleDownMode"] = "Delete"
    found = await settled(estate, spec)
    assert "blobCSIDriver" not in found[CLUSTER_ID]["properties"]["storageProfile"]
    assert found[pool_id]["properties"]["scaleDownMode"] == "Delete"
    assert await estate.writes(mark, accepted=True) == ["PUT managedClusters/prd-aks-jhub", "PUT agentPools/nodepool1"]
    await estate.control(
        "PATCH", f"/resources{SETTING_ID}", {"properties": {"predictiveAutoscalePolicy": {"scaleMode": "Disabled"}}}
    )
    found = await settled(estate, spec)
    assert found[SETTING_ID]["properties"]["predictiveAutoscalePolicy"]["scaleMode"] == "ForecastOnly"
    assert found[SETTING_ID]["tags"][PATCH_TAG].endswith(".1")


async def test_profiles_of_a_patch_keep_their_names_and_dates(estate: Estate) -> None:
    bounds = {"minimum": "3", "maximum": "6", "default": "3"}
    dates = {"timeZone": "UTC", "start": "2027-03-01T08:00:00+00:00", "end": "2027-03-05T18:00:00+00:00"}
    profiles = [
        {"name": "usual", "capacity": bounds, "rules": []},
        {"name": "exam", "capacity": {**bounds, "minimum": "6", "default": "6"}, "rules": [], "fixedDate": dates},
    ]
    spec = runbook_spec(autoscale=[{"pool": "nodepool1", "capacity": {"minimum": 3, "maximum": 6, "default": 3}}])
    spec["autoscale"][0]["patch"] = {"properties": {"profiles": profiles}}
    found = (await settled(estate, spec))[SETTING_ID]["properties"]["profiles"]
    assert [(profile["name"], "fixedDate" in profile) for profile in found] == [("usual", False), ("exam", True)]


async def test_drift_of_a_patch_can_be_ignored_and_is_reported_where_azure_does_not_keep_it(estate: Estate) -> None:
    spec = with_cluster(patch={"properties": {"storageProfile": {"blobCSIDriver": {"enabled": True}}}})
    await settled(estate, spec)
    lost = {"properties": {"storageProfile": {"blobCSIDriver": {"enabled": False}}}}
    for _ in range(2):
        await estate.control("PATCH", f"/resources{CLUSTER_ID}", lost)
        assert (await settled(estate, spec))[CLUSTER_ID]["properties"]["storageProfile"]["blobCSIDriver"]["enabled"] is True
    await estate.control("PATCH", f"/resources{CLUSTER_ID}", lost)
    mark = await estate.mark()
    outcome = (await estate.once(spec))["Cluster"].outcome
    assert isinstance(outcome, Deferred) and outcome.reason == "PatchNotKept" and await estate.writes(mark) == []
    assert outcome.output is not None, "the pools and the hub go on"
    assert outcome.message.startswith(
        "spec.cluster.patch.properties.storageProfile.blobCSIDriver.enabled: Azure accepted True 2 times and returns False"
    )
    estate.ignored = ["Cluster.properties.storageProfile.*"]
    assert not (await estate.once(spec))["Cluster"].changes


async def test_a_refused_patch_of_a_pool_leaves_the_cluster_as_it_is(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    spec = runbook_spec()
    spec["nodePools"][0]["patch"] = {"properties": {"Tags": {}}}
    mark = await estate.mark()
    outcome = (await estate.once(spec))["Cluster"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "PatchRefused"
    assert outcome.message == "spec.nodePools[nodepool1].patch.properties.Tags is tags in another spelling"
    assert await estate.writes(mark) == []
    results = await estate.delete(spec)
    assert all(isinstance(result.outcome, Ready) for result in results.values()), "a deletion needs no patch"


async def test_members_that_are_taken_out_of_a_patch_are_set_back(estate: Estate) -> None:
    pool_id = f"{CLUSTER_ID}/agentpools/nodepool1"
    spec = with_patches()
    spec["cluster"]["patch"]["properties"] |= {
        "publicNetworkAccess": "Disabled",
        "metricsProfile": {"costAnalysis": {"enabled": True}},
    }
    spec["nodePools"][0]["patch"]["properties"]["upgradeSettings"] = {"drainTimeoutInMinutes": 45}
    exam = {"timeZone": "UTC", "start": "2027-03-01T08:00:00+00:00", "end": "2027-03-05T18:00:00+00:00"}
    capacity = {name: str(value) for name, value in spec["autoscale"][0]["capacity"].items()}
    profiles = [
        {"name": "usual", "capacity": capacity, "rules": []},
        {"name": "exam", "capacity": capacity, "rules": [], "fixedDate": exam},
    ]
    del spec["autoscale"][0]["rules"]
    spec["autoscale"][0]["patch"]["properties"]["profiles"] = profiles
    await settled(estate, spec)
    plain = with_patches()
    plain["cluster"]["patch"] = {"properties": {"metricsProfile": {"costAnalysis": {"enabled": True}}}}
    del plain["nodePools"][0]["patch"], plain["autoscale"][0]["patch"]
    await estate.control(
        "PATCH", f"/resources{CLUSTER_ID}", {"properties": {"ingressProfile": {"webAppRouting": {"enabled": True}}}}
    )
    found = await settled(estate, plain)
    properties = found[CLUSTER_ID]["properties"]
    assert properties["storageProfile"]["blobCSIDriver"] == {"enabled": False} and properties["publicNetworkAccess"] == "Enabled"
    assert properties["metricsProfile"]["costAnalysis"]["enabled"] is True, "the patch still has it"
    assert properties["ingressProfile"]["webAppRouting"]["enabled"] is True, "another author set it"
    pool = found[pool_id]["properties"]
    assert pool["scaleDownMode"] == "Delete" and "zone/kind" not in pool["nodeLabels"]
    assert "drainTimeoutInMinutes" not in pool["upgradeSettings"]
    setting = found[SETTING_ID]["properties"]
    assert setting["predictiveAutoscalePolicy"]["scaleMode"] == "Disabled"
    assert [profile["name"] for profile in setting["profiles"]] == ["default"]
    estate.applied["Cluster"] = {"tags": {}, "members": {"patch/properties/securityProfile/imageCleaner/enabled": "on"}}
    assert not (await estate.once(plain))["Cluster"].changes, "Azure no longer has it"
    assert estate.applied["Cluster"]["members"] == {"patch/properties/metricsProfile/costAnalysis/enabled": "on"}


async def test_a_member_that_azure_keeps_after_it_was_taken_out_is_reported_and_can_be_left(estate: Estate) -> None:
    spec = with_cluster(patch={"properties": {"storageProfile": {"blobCSIDriver": {"enabled": True}}}})
    await settled(estate, spec)
    plain, kept = with_cluster(), {"properties": {"storageProfile": {"blobCSIDriver": {"enabled": True}}}}
    for _ in range(2):
        await estate.settle(plain)
        estate.applied = {"Cluster": {"tags": {}, "members": {"patch/properties/storageProfile/blobCSIDriver/enabled": "on"}}}
        await estate.control("PATCH", f"/resources{CLUSTER_ID}", kept)
    mark = await estate.mark()
    outcome = (await estate.once(plain))["Cluster"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and outcome.reason == "PatchNotKept"
    assert outcome.message == (
        "spec.cluster.patch.properties.storageProfile.blobCSIDriver.enabled was removed from the patch and reset 2 times, but Azure returns True. "
        "Set it in the patch again, or add Cluster.properties.storageProfile.blobCSIDriver.enabled to spec.driftIgnore, which leaves it as it is."
    )
    assert await estate.writes(mark) == []
    estate.ignored = ["Cluster.properties.storageProfile.blobCSIDriver.enabled"]
    assert isinstance((await estate.once(plain))["Cluster"].outcome, Ready) and "Cluster" not in estate.applied


async def test_an_immutable_member_that_is_taken_out_of_a_pools_patch_is_reported(estate: Estate) -> None:
    spec = runbook_spec()
    spec["nodePools"][0]["patch"] = {"properties": {"kubeletConfig": {"podMaxPids": 4096}}}
    await settled(estate, spec)
    outcome = (await estate.settle(runbook_spec()))["NodePools"].outcome
    assert isinstance(outcome, Deferred) and outcome.reason == "ImmutableField"
    assert outcome.message.startswith(
        "spec.nodePools[nodepool1].patch.properties.kubeletConfig.podMaxPids was removed from the patch, but Azure has "
        "4096, which is immutable. Set it"
    )
