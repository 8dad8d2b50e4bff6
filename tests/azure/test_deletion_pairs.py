"""Deletion together with what the spec only refers to, roles, and former identities: it ends, and leaves nothing of the platform."""

from typing import Any

import pytest
from notebook_platform.deletion import marks_left
from notebook_platform.engine.outcome import Failed

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, all_done, with_pool
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

IDS = f"{group_id('ids')}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
SUBNET = f"{group_id('campus')}/providers/Microsoft.Network/virtualNetworks/campus/subnets/hub"


def with_principal(name: str) -> dict[str, Any]:
    return {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": name}}}


async def own_principal(estate: Estate) -> None:
    """Make a service principal outside the operator, with a Secret `campus`."""
    made = await estate.control("POST", "/applications", {"displayName": "campus", "secret": "campus-secret-value"})
    estate.secrets.data["campus"] = {"clientId": made["application"]["appId"], "clientSecret": "campus-secret-value"}


async def without_principals_secret(estate: Estate) -> dict[str, Any]:
    """Settle a platform with that principal, and delete the Secret. Returns the spec."""
    await own_principal(estate)
    spec = runbook_spec(identity=with_principal("campus"))
    await settled(estate, spec)
    del estate.secrets.data["campus"]
    return spec


async def assert_nothing_is_left(estate: Estate, spec: dict[str, Any]) -> None:
    """Delete the platform and assert that Azure has nothing of it; applications made by hand stay."""
    results = await estate.delete(spec)
    assert all_done(results), {name: result.outcome for name, result in results.items() if not all_done({name: result})}
    await estate.simulator.world.clock.sleep(600)
    state = await estate.state()
    assert state["resources"] == {}
    assert {a["displayName"] for a in state["applications"]} <= {"notebook-platform-operator", "campus"}


@pytest.mark.parametrize("wrong", ["subnetId", "userAssigned", "secretRef", "features"])
async def test_a_platform_whose_spec_names_what_does_not_exist_can_be_deleted(estate: Estate, wrong: str) -> None:
    spec = runbook_spec()
    if wrong == "subnetId":
        spec["network"] = {"subnetId": SUBNET}
    elif wrong == "features":
        spec["azure"]["features"] = ["Microsoft.ContainerService/NoSuchFeature"]
    else:
        existing = {"type": "UserAssigned", "userAssigned": {"resourceId": f"{IDS}/missing"}}
        spec["identity"] = existing if wrong == "userAssigned" else with_principal("missing")
    for _ in range(8):
        results = await estate.once(spec)
        await estate.simulator.world.clock.sleep(30)
    failed = [result.outcome for result in results.values() if isinstance(result.outcome, Failed)]
    assert len(failed) == 1, failed
    await assert_nothing_is_left(estate, spec)


async def test_a_cluster_is_deleted_though_the_secret_of_its_principal_was_deleted_before(estate: Estate) -> None:
    spec = await without_principals_secret(estate)
    await assert_nothing_is_left(estate, spec)


async def test_roles_whose_principal_is_unknown_are_kept_until_the_cluster_is_deleted(estate: Estate) -> None:
    spec = await without_principals_secret(estate)
    mark = await estate.mark()
    await assert_nothing_is_left(estate, spec)
    deleted = [w.split("/")[0] for w in await estate.writes(mark) if w.startswith("DELETE")]
    assert deleted.index("DELETE managedClusters") < deleted.index("DELETE roleAssignments"), deleted


async def test_orphaning_leaves_no_mark_on_roles_whose_principal_is_unknown(estate: Estate) -> None:
    spec = await without_principals_secret(estate)
    await estate.orphan(spec)
    state = (await estate.state())["resources"]
    assert CLUSTER in state and "notebookplatform-owner" not in str(state) and "uid-1" not in str(state)


async def test_a_principal_that_the_spec_no_longer_names_is_deleted_with_the_platform(estate: Estate) -> None:
    spec = runbook_spec()
    await settled(estate, spec)
    await own_principal(estate)
    spec["identity"] = with_principal("campus")
    await settled(estate, spec)
    assert "sp_aks_jhub" in str((await estate.state())["applications"]), "nodes may still use it"
    await assert_nothing_is_left(estate, spec)
    assert "prd-jhub-service-principal" not in estate.secrets.data


@pytest.mark.parametrize("hidden", ["the cluster", "everything"])
async def test_orphaning_names_the_marks_that_it_leaves(estate: Estate, hidden: str) -> None:
    spec = runbook_spec()
    await settled(estate, spec)
    if hidden == "everything":
        del estate.secrets.data["azure-credentials"]
        results = await estate.orphan(spec)
    else:
        refused = {"method": "GET", "path": "managedClusters", "status": 403, "code": "AuthorizationFailed", "count": None}
        await estate.control("POST", "/faults", refused)
        results = await estate.orphan(spec, given_up=["Cluster"])
    marked = {i for i, body in (await estate.state())["resources"].items() if "test/platforms/prd-jhub/uid-1" in str(body)}
    assert f"{CLUSTER}/agentpools/nodepool1" in marked and (group_id("prd_rg_jhub") in marked) is (hidden == "everything")
    left = marks_left(results, "test/platforms/prd-jhub/uid-1")
    assert left is not None and left.type == "Warning" and left.reason == "OwnerTagsLeft"
    assert (
        "Cluster" in left.message
        and "az resource list --tag notebookplatform-owner=test/platforms/prd-jhub/uid-1" in left.message
    )


async def test_orphaning_that_leaves_no_mark_says_nothing(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    assert marks_left(await estate.orphan(runbook_spec()), "test/platforms/prd-jhub/uid-1") is None


async def test_orphaning_removes_the_mark_of_an_identity_of_an_earlier_spec(estate: Estate) -> None:
    resources = await settled(estate, runbook_spec(identity={"type": "UserAssigned", "userAssigned": {"name": "mine"}}))
    (mine,) = [body["id"] for id_, body in resources.items() if "/userassignedidentities/" in id_]
    spec = runbook_spec(identity={"type": "UserAssigned", "userAssigned": {"resourceId": mine}})
    await settled(estate, spec)
    await estate.orphan(spec)
    assert "uid-1" not in str((await estate.state())["resources"])


async def test_orphaning_removes_the_mark_of_an_autoscale_setting_beside_one_of_another_owner(estate: Estate) -> None:
    spec = with_pool()
    spec["autoscale"].append({"pool": "users", "capacity": {"minimum": 1, "maximum": 6, "default": 1}})
    settings = [id_ for id_ in await settled(estate, spec) if "/autoscalesettings/" in id_]
    theirs = {"tags": {"notebookplatform-owner": "test/platforms/another/uid-9"}}
    await estate.control("PATCH", f"/resources{settings[1]}", theirs)
    await estate.orphan(spec)
    state = (await estate.state())["resources"]
    assert "notebookplatform-owner" not in str(state[settings[0]]) and state[settings[1]]["tags"] == theirs["tags"]


@pytest.mark.parametrize("owner", ["another platform", "no owner"])
@pytest.mark.parametrize("identity", ["ServicePrincipal", "UserAssigned"])
async def test_the_identity_of_a_cluster_that_the_platform_no_longer_owns_is_kept(
    estate: Estate, identity: str, owner: str
) -> None:
    assigned = {"type": "UserAssigned", "userAssigned": {"name": "mine"}}
    spec = runbook_spec() if identity == "ServicePrincipal" else runbook_spec(identity=assigned)
    await settled(estate, spec)
    tag = "test/platforms/another/uid-9" if owner == "another platform" else None
    await estate.control("PATCH", f"/resources{CLUSTER}", {"tags": {"notebookplatform-owner": tag}})
    before = await estate.state()
    failed = {n: r.outcome for n, r in (await estate.delete(spec)).items() if isinstance(r.outcome, Failed)}
    assert failed["RoleAssignment"].reason == "IdentityInUse" and "'prd-aks-jhub'" in failed["RoleAssignment"].message
    after = await estate.state()
    assert before["applications"] == after["applications"]
    kept = {i for i in before["resources"] if "/roleassignments/" in i or "/userassignedidentities/" in i}
    assert kept <= after["resources"].keys()
    await estate.control("DELETE", f"/resources{CLUSTER}")
    await estate.control("DELETE", f"/resources{group_id('prd_rg_jhub_infra')}")
    await estate.delete(spec)
    assert "sp_aks_jhub" not in str((await estate.state())["applications"])


@pytest.mark.parametrize(
    ("method", "refused", "kept"),
    [
        ("PUT", "agentPools/nodepool1", "/agentpools/nodepool1"),
        ("PATCH", "autoscalesettings/prd-jhub-nodepool1", "/autoscalesettings/prd-jhub-nodepool1"),
    ],
)
async def test_a_mark_that_azure_refuses_to_remove_keeps_none_of_the_same_kind(
    estate: Estate, method: str, refused: str, kept: str
) -> None:
    spec = with_pool()
    spec["autoscale"].append({"pool": "users", "capacity": {"minimum": 1, "maximum": 6, "default": 1}})
    await settled(estate, spec)
    fault = {"method": method, "path": refused, "status": 400, "code": "InvalidParameter", "count": None}
    await estate.control("POST", "/faults", fault)
    await estate.orphan(spec)
    marked = {i for i, body in (await estate.state())["resources"].items() if "notebookplatform-owner" in str(body)}
    assert [i for i in marked if "/agentpools/" in i or "/autoscalesettings/" in i] == [
        next(i for i in marked if i.endswith(kept))
    ]


def second_platform(estate: Estate) -> Estate:
    """Return another platform of the same operator."""
    return Estate(estate.simulator, estate.sessions, estate.http, secrets=estate.secrets, name="second", uid="uid-2")


@pytest.mark.parametrize("identity", ["principal", "former principal", "managed identity"])
async def test_the_identity_that_another_platform_uses_is_kept_until_that_platform_is_deleted(
    estate: Estate, identity: str
) -> None:
    made = {"type": "UserAssigned", "userAssigned": {"name": "mine"}}
    spec = runbook_spec(identity=made) if identity == "managed identity" else runbook_spec()
    resources = await settled(estate, spec)
    if identity == "managed identity":
        (mine,) = [body["id"] for id_, body in resources.items() if "/userassignedidentities/" in id_]
        used = {"type": "UserAssigned", "userAssigned": {"resourceId": mine}}
    else:
        estate.secrets.data["theirs"] = {**estate.secrets.data["prd-jhub-service-principal"]}
        used = with_principal("theirs")
    if identity == "former principal":
        await own_principal(estate)
        spec["identity"] = with_principal("campus")
        await settled(estate, spec)
    await estate.new_operator()
    other, theirs = second_platform(estate), with_cluster(name="second", nodeResourceGroup="second-nodes") | {"identity": used}
    theirs["azure"]["resourceGroup"] = "second"
    await settled(other, theirs)
    failed = [r.outcome for r in (await estate.delete(spec)).values() if isinstance(r.outcome, Failed)]
    assert {one.reason for one in failed} == {"IdentityInUse"} and "'second'" not in failed[0].message
    assert CLUSTER not in (await estate.state())["resources"]
    await estate.new_operator()
    other.sessions = estate.sessions
    await other.delete(theirs)
    await estate.new_operator()
    await assert_nothing_is_left(estate, spec)


async def test_the_node_resource_group_of_a_cluster_is_not_adopted(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    other = second_platform(estate)
    spec = with_cluster(name="second", nodeResourceGroup="second-nodes") | {"adoption": "IfUnowned"}
    spec["azure"]["resourceGroup"], mark = "prd_rg_jhub_infra", await estate.mark()
    outcome = (await other.settle(spec))["ResourceGroup"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "NotOwned" and "managedBy" in outcome.message
    await other.delete(spec)
    assert await estate.writes(mark, accepted=True) == []
