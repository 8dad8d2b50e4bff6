"""Role assignments that the platform created and its spec no longer wants are deleted; those of another owner are not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.azure.assignments import assignment_of, is_ours, parse_record
from notebook_platform.engine.outcome import Ready
from notebook_platform.engine.reconcile import Mode, Policy
from notebook_platform.outputs import ROLES, Assignment, ClusterRoles

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

OTHER_SUBSCRIPTION = "00000000-0000-0000-0000-00000000000b"
NETWORK = f"{group_id('prd_rg_jhub')}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub"
CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
TAG = "test/platforms/prd-jhub/uid-1"
RECORD = "prd-jhub-role-assignments"


def registry(name: str, subscription: str = SUBSCRIPTION) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/reg/providers/Microsoft.ContainerRegistry/registries/{name}"


def with_identity(role: str = "Network Contributor", **more: Any) -> dict[str, Any]:
    chosen = {"type": "UserAssigned", "userAssigned": {"name": "prd-identity", "role": role}, **more}
    return runbook_spec(identity=chosen)


def with_registries(*names: str) -> dict[str, Any]:
    return with_cluster(registries=list(names)) | {"identity": {"type": "SystemAssigned"}}


async def roles(estate: Estate) -> set[tuple[str, str]]:
    """Return (role, last part of the scope) of every assignment."""
    found = [r["properties"] for i, r in (await estate.state())["resources"].items() if "/roleassignments/" in i]
    names = {id_: name for name, id_ in ROLES.items()}
    return {(names[p["roleDefinitionId"].rsplit("/", 1)[1]], p["scope"].rsplit("/", 1)[1].lower()) for p in found}


async def put(estate: Estate, scope: str, principal: str, role: str, description: str | None, name: str | None = None) -> str:
    """Create an assignment outside the operator; return its id in lower case."""
    made = Assignment(scope, principal, role)
    name = name or made.name
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
    properties = {"scope": scope, "principalId": principal, "roleDefinitionId": definition, "description": description}
    id_ = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    await estate.control("PUT", f"/resources{id_}", {"name": name, "properties": properties})
    return id_.lower()


PRINCIPAL = "99999999-9999-9999-9999-999999999999"


async def test_a_narrower_role_is_assigned_first_and_then_the_wider_one_is_deleted(estate: Estate) -> None:
    await settled(estate, with_identity("Contributor"))
    mark = await estate.mark()
    await settled(estate, with_identity("Network Contributor"))
    assert await roles(estate) == {("Network Contributor", "prd_vnet_jhub")}
    assert [w.split(" ")[0] for w in await estate.writes(mark)] == ["PUT", "DELETE"]


async def test_the_role_of_a_service_principal_is_narrowed_too(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    assert await roles(estate) == {("Contributor", "prd_vnet_jhub")}
    spec = runbook_spec(
        identity={"type": "ServicePrincipal", "servicePrincipal": {"name": "sp_aks_jhub", "role": "Network Contributor"}}
    )
    await settled(estate, spec)
    assert await roles(estate) == {("Network Contributor", "prd_vnet_jhub")}


async def test_the_scope_of_a_role_is_narrowed_from_the_network_to_the_subnet(estate: Estate) -> None:
    await settled(estate, with_identity())
    await settled(estate, with_identity(roleScope="Subnet"))
    assert await roles(estate) == {("Network Contributor", "default")}


async def test_a_subnet_that_is_taken_out_of_the_spec_takes_its_role_with_it(estate: Estate) -> None:
    spec = with_identity(roleScope="Subnet")
    spec["network"]["subnets"] = [{"name": "gpu", "addressPrefix": "10.241.0.0/24"}]
    await settled(estate, spec)
    assert await roles(estate) == {("Network Contributor", "default"), ("Network Contributor", "gpu")}
    await settled(estate, with_identity(roleScope="Subnet"))
    assert await roles(estate) == {("Network Contributor", "default")}


async def test_a_registry_that_is_detached_is_not_pulled_from_any_more(estate: Estate) -> None:
    await settled(estate, with_registries(registry("registryone"), registry("registrytwo")))
    await settled(estate, with_registries(registry("registrytwo")))
    assert {r for r in await roles(estate) if r[0] == "AcrPull"} == {("AcrPull", "registrytwo")}


async def test_a_registry_of_another_subscription_is_found_by_the_record(estate: Estate) -> None:
    await estate.control("PUT", f"/subscriptions/{OTHER_SUBSCRIPTION}", {"state": "Enabled"})
    await settled(estate, with_registries(registry("registryone", OTHER_SUBSCRIPTION)))
    assert ("AcrPull", "registryone") in await roles(estate) and "registries/registryone" in estate.secrets.data[RECORD][
        "roleAssignments"
    ]
    await settled(estate, with_registries())
    assert ("AcrPull", "registryone") not in await roles(estate)


async def test_whoever_may_not_list_the_subscription_finds_them_by_the_record(estate: Estate) -> None:
    await settled(estate, with_identity("Contributor"))
    await estate.new_operator()
    path = f"^/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments$"
    fault = {"method": "GET", "path": path, "count": None, "status": 403, "code": "AuthorizationFailed"}
    await estate.control("POST", "/faults", fault)
    await settled(estate, with_identity("Network Contributor"))
    assert await roles(estate) == {("Network Contributor", "prd_vnet_jhub")}


async def test_access_of_the_operator_itself_ends_when_the_cluster_gives_out_certificates_again(estate: Estate) -> None:
    await settled(estate, with_cluster(entra={"azureRBAC": True}, localAccounts=False))
    assert ("Azure Kubernetes Service RBAC Cluster Admin", "prd-aks-jhub") in await roles(estate)
    await settled(estate, with_cluster(entra={"azureRBAC": True}, localAccounts=True))
    assert await roles(estate) == {("Contributor", "prd_vnet_jhub")}


async def test_a_deletion_takes_assignments_that_no_pass_had_narrowed_yet(estate: Estate) -> None:
    await estate.control("PUT", f"/subscriptions/{OTHER_SUBSCRIPTION}", {"state": "Enabled"})
    await settled(estate, with_registries(registry("registryone"), registry("registrytwo", OTHER_SUBSCRIPTION)))
    results = await estate.delete(with_registries())
    assert all(isinstance(r.outcome, Ready) for r in results.values()), {n: r.outcome for n, r in results.items()}
    assert await roles(estate) == set()


async def test_with_drift_policy_warn_what_appears_later_is_shown_and_left(estate: Estate) -> None:
    spec = with_identity()
    await settled(estate, spec)
    stale = await put(estate, NETWORK, PRINCIPAL, "Contributor", TAG)
    results = await estate.once(spec, Policy(correct_drift=False))
    assert results["RolePruning"].drift and [str(c.action) for c in results["RolePruning"].changes] == ["delete"]
    assert stale in (await estate.state())["resources"]
    await estate.once(spec)
    assert stale not in (await estate.state())["resources"]


async def test_a_plan_shows_what_would_be_deleted_and_deletes_nothing(estate: Estate) -> None:
    await settled(estate, with_identity("Contributor"))
    mark = await estate.mark()
    results = await estate.once(with_identity("Network Contributor"), Policy(mode=Mode.PLAN))
    (change,) = results["RolePruning"].changes
    assert change.action == "delete" and change.path.startswith("roleAssignments/Contributor on ")
    assert await estate.writes(mark) == []


@pytest.mark.parametrize("stranger", ["another tag", "no tag", "another name"])
async def test_an_assignment_of_another_owner_is_never_deleted(estate: Estate, stranger: str) -> None:
    spec = with_identity()
    await settled(estate, spec)
    description = {"another tag": "test/platforms/other/uid-2", "no tag": None, "another name": TAG}[stranger]
    name = "11111111-1111-1111-1111-111111111111" if stranger == "another name" else None
    theirs = await put(estate, NETWORK, PRINCIPAL, "Contributor", description, name)
    entry = {"scope": NETWORK, "principalId": PRINCIPAL, "roleId": ROLES["Contributor"]}
    estate.secrets.data[RECORD] = {"roleAssignments": json.dumps([entry])}
    mark = await estate.mark()
    await settled(estate, spec)
    assert theirs in (await estate.state())["resources"] and await estate.writes(mark) == []
    await estate.delete(spec)
    assert not [w for w in await estate.writes(mark) if w.lower() == f"delete roleassignments/{theirs.rsplit('/', 1)[1]}"]


async def test_a_platform_that_shares_identity_and_network_keeps_its_role_when_the_other_goes(estate: Estate) -> None:
    spec = with_identity()
    resources = await settled(estate, spec)
    (mine,) = [r for i, r in resources.items() if "/roleassignments/" in i]
    theirs = "test/platforms/neighbour/uid-9"
    await estate.control("PATCH", f"/resources{NETWORK}/providers/Microsoft.Authorization/roleAssignments/{mine['name']}",
                         {"properties": {"description": theirs}})  # fmt: skip
    mark = await estate.mark()
    await settled(estate, spec)
    await estate.delete(spec)
    assert not [w for w in await estate.writes(mark) if "roleAssignments" in w]


async def test_an_orphaned_role_assignment_has_no_tag_and_is_narrowed_after_adoption(estate: Estate) -> None:
    await settled(estate, with_identity("Contributor"))
    await estate.orphan(with_identity("Contributor"))
    (left,) = [r for i, r in (await estate.state())["resources"].items() if "/roleassignments/" in i]
    assert not left["properties"]["description"]
    estate.uid = "uid-2"
    resources = await settled(estate, with_identity("Contributor") | {"adoption": "IfUnowned"})
    (adopted,) = [r for i, r in resources.items() if "/roleassignments/" in i]
    assert adopted["properties"]["description"] == TAG.replace("uid-1", "uid-2")
    await settled(estate, with_identity("Network Contributor") | {"adoption": "IfUnowned"})
    assert await roles(estate) == {("Network Contributor", "prd_vnet_jhub")}


async def test_nothing_is_pruned_while_the_identity_of_the_nodes_is_unknown(estate: Estate) -> None:
    spec = with_registries(registry("registryone"))
    await settled(estate, spec)
    mark = await estate.mark()
    await estate.control("PATCH", f"/resources{CLUSTER}", {"properties": {"identityProfile": None}})
    results = await estate.once(spec)
    assert isinstance(results["RolePruning"].outcome, Ready) and isinstance(granted := results["ClusterRoles"].outcome, Ready)
    assert isinstance(granted.output, ClusterRoles)
    assert not any(assignment.role_name == "AcrPull" for assignment in granted.output.assignments)
    assert ("AcrPull", "registryone") in await roles(estate) and not [
        w for w in await estate.writes(mark) if w.startswith("DELETE")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[1, null, [], {}]",
        json.dumps([{"scope": "/subscriptions/../x", "principalId": PRINCIPAL, "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": f"{NETWORK}/../y", "principalId": PRINCIPAL, "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": f"{NETWORK}?x=y", "principalId": PRINCIPAL, "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": f"{NETWORK}#z", "principalId": PRINCIPAL, "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": f"{NETWORK}%2f..", "principalId": PRINCIPAL, "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": f"{NETWORK}\n", "principalId": PRINCIPAL, "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": "https://evil.example.org", "principalId": PRINCIPAL, "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": NETWORK, "principalId": "x' or '1'='1", "roleId": ROLES["AcrPull"]}]),
        json.dumps([{"scope": NETWORK, "principalId": PRINCIPAL, "roleId": "../Owner"}]),
        json.dumps([{"scope": NETWORK, "principalId": [PRINCIPAL], "roleId": ROLES["AcrPull"]}]),
    ],
)
def test_a_forged_record_names_nothing(text: str) -> None:
    assert parse_record(text) == ()


@given(
    st.text(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), lambda n: st.lists(n) | st.dictionaries(st.text(), n)).map(json.dumps)
)
def test_no_record_raises(text: str) -> None:
    parse_record(text)


@given(st.sampled_from(sorted(ROLES)), st.uuids(), st.from_regex(r"\A[a-zA-Z][-a-zA-Z0-9]{0,20}\Z"))
def test_an_assignment_is_recognised_in_any_case_that_azure_returns(role: str, principal: object, name: str) -> None:
    made = Assignment(registry(name), str(principal), role)
    properties = {
        "scope": made.scope.upper().replace("/SUBSCRIPTIONS", "/subscriptions"),
        "principalId": str(principal).upper(),
        "roleDefinitionId": f"/x/{made.role.upper()}",
        "description": TAG,
    }
    item = {"name": made.name.upper(), "properties": properties}
    assert is_ours(item, TAG) and assignment_of(item).name == made.name
    assert not is_ours(item, f"{TAG}x") and not is_ours({**item, "name": str(principal)}, TAG)
