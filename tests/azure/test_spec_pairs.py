"""Patches, adoption, sign-in and Orphan together with other features."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Deferred, Ready

from sandbox.azure.world import TENANT
from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, all_done
from tests.azure.test_sign_in import certificate
from tests.unit.azure.specs import runbook_spec, with_cluster

POOL = f"{CLUSTER}/agentpools/nodepool1"
AS_FIELD: dict[str, Any] = {"tier": "Standard", "autoscalerProfile": {"scanInterval": "20s"}}
AS_PATCH: dict[str, Any] = {"patch": {"sku": {"tier": "Standard"}, "properties": {"autoScalerProfile": {"scan-interval": "20s"}}}}


@pytest.mark.parametrize("warn", [False, True])
@pytest.mark.parametrize("asleep", [False, True])
async def test_a_member_that_moves_between_patch_and_field_keeps_its_value(estate: Estate, warn: bool, asleep: bool) -> None:
    def spec_of(cluster: dict[str, Any], **pool: Any) -> dict[str, Any]:
        spec = with_cluster(**cluster)
        spec["nodePools"][0] |= pool
        return spec

    async def values(spec: dict[str, Any]) -> tuple[str, str, str]:
        found = await settled(estate, spec)
        cluster, pool = found[CLUSTER], found[POOL]["properties"]
        scans = cluster["properties"]["autoScalerProfile"]["scan-interval"]
        return cluster["sku"]["tier"], scans, pool["upgradeSettings"]["maxSurge"]

    as_patch = (AS_PATCH, {"patch": {"properties": {"upgradeSettings": {"maxSurge": "33%"}}}})
    await settled(estate, spec_of(as_patch[0], **as_patch[1]))
    estate.warn = warn
    for cluster, pool in ((AS_FIELD, {"maxSurge": "33%"}), as_patch):
        if asleep:
            await settled(estate, spec_of({**cluster, "powerState": "Stopped"}, **pool))
        assert await values(spec_of(cluster, **pool)) == ("Standard", "20s", "33%")
    assert await values(with_cluster()) == ("Free", "10s", "10%")


async def test_a_cluster_that_is_newer_than_the_spec_is_adopted_and_used(estate: Estate) -> None:
    await settled(estate, with_cluster(kubernetesVersion="1.35"))
    spec = with_cluster(kubernetesVersion="1.34") | {"adoption": "IfUnowned"}
    spec["identity"] = {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "prd-jhub-service-principal"}}}
    await estate.orphan(spec)
    estate.new_platform()
    results = await estate.settle(spec)
    outcome = results["Cluster"].outcome
    assert isinstance(outcome, Deferred) and outcome.reason == "VersionDowngrade" and outcome.needs_user
    resources = (await estate.state())["resources"]
    assert "uid-2" in str(resources[CLUSTER]["tags"]) and "uid-2" in str(resources[POOL]["properties"]["tags"])
    assert isinstance(results["Autoscale"].outcome, Ready), "what needs the cluster goes on"


async def test_credentials_of_another_kind_take_over_a_running_operation(estate: Estate) -> None:
    spec = runbook_spec()
    while not (await estate.once(spec))["Cluster"].applied:
        await estate.simulator.world.clock.sleep(10)
    public, both = certificate()
    body = {"displayName": "by certificate", "certificates": [public], "owner": True}
    app_id = (await estate.control("POST", "/applications", body))["application"]["appId"]
    estate.secrets.data["certificate"] = {"tenantId": TENANT, "clientId": app_id, "clientCertificate": both}
    spec["azure"]["credentials"] = {"certificateRef": {"name": "certificate"}}
    mark = await estate.mark()
    await settled(estate, spec)
    assert "PUT managedClusters/prd-aks-jhub" not in await estate.writes(mark), "the operation of the first sign-in is polled"


async def test_an_orphaned_platform_with_a_stopped_cluster_is_adopted_again(estate: Estate) -> None:
    spec = with_cluster(powerState="Stopped")
    await settled(estate, with_cluster())
    await settled(estate, spec)
    await estate.orphan(spec)
    estate.new_platform()
    spec = with_cluster()
    spec |= {"adoption": "IfUnowned"}
    spec["identity"] = {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "prd-jhub-service-principal"}}}
    resources = await settled(estate, spec)
    assert "uid-2" in str(resources[CLUSTER]["tags"]) and "uid-2" in str(resources[POOL]["properties"]["tags"])
    results = await estate.delete(spec)
    assert all_done(results), {n: r.outcome for n, r in results.items()}
