"""Identities of a cluster, their roles, and the secrets of service principals."""

from datetime import UTC, datetime, timedelta

import pytest
from notebook_platform.engine.outcome import Deferred

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, NETWORK
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster


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


@pytest.mark.parametrize("waits", [False, True])
async def test_no_secret_that_the_cluster_may_use_is_removed_when_the_record_of_it_was_lost(estate: Estate, waits: bool) -> None:
    """Both Secrets are lost at once, or the second one while the reset waits for the maintenance window."""
    await settled(estate, runbook_spec())
    mark = await estate.mark()
    del estate.secrets.data["prd-jhub-service-principal"]
    if waits:
        estate.window_gate = "the maintenance window opens"
        await estate.settle(runbook_spec())
        estate.window_gate = ""
    del estate.secrets.data["prd-jhub-cluster-credential"]
    resources = await settled(estate, runbook_spec())
    writes = [write.rsplit("/", 1)[1] for write in await estate.writes(mark)]
    assert writes == ["addPassword", "resetServicePrincipalProfile", "removePassword"]
    tier = "Premium" if resources[CLUSTER]["sku"]["tier"] == "Standard" else "Standard"
    await settled(estate, with_cluster(tier=tier))


@pytest.mark.parametrize(("days", "waits"), [(5, True), (2, False), (-1, False)])
async def test_a_secret_that_ends_is_replaced_without_waiting_for_the_window(estate: Estate, days: int, waits: bool) -> None:
    await settled(estate, runbook_spec())
    ends = datetime.fromisoformat(estate.secrets.data["prd-jhub-service-principal"]["expires"])
    estate.now, estate.window_gate, mark = ends - timedelta(days=days), "the maintenance window opens", await estate.mark()
    outcome = (await estate.settle(runbook_spec()))["PrincipalSecret"].outcome
    assert isinstance(outcome, Deferred) is waits
    writes = [write.rsplit("/", 1)[1] for write in await estate.writes(mark)]
    assert ("resetServicePrincipalProfile" in writes) is not waits and writes[0] == "addPassword"
