"""Describe the cluster's identity with its role on the network, and the registries that its nodes may pull from. Reads only."""

from collections.abc import Mapping, Sequence

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.arm_ids import ArmId
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.arm.paths import literal
from notebook_platform.azure.arm.resource_types import ROLE_ASSIGNMENTS, Wire
from notebook_platform.azure.arm.session_pool import SignedIn
from notebook_platform.azure.assignments import assignment_of
from notebook_platform.azure.importing.describe import Spec
from notebook_platform.engine import StepError
from notebook_platform.outputs import ROLES

ROLE_NAMES = {id_: name for name, id_ in ROLES.items()}
REGISTRY = ArmId("Microsoft.ContainerRegistry/registries")
MOST_REGISTRIES = 10
"""Items of spec.cluster.registries."""

Places = Mapping[str, Sequence[str]]
"""The scopes on which the operator would give the role, by spec.identity.roleScope."""


def role_places(network: Spec | None, default: str | None, pools: Sequence[Spec]) -> Places:
    """Return the places of the role for each roleScope but None. `default`: the default subnet; `pools`: items of spec.nodePools."""
    own = [pool["subnetId"] for pool in pools if "subnetId" in pool]
    if network is None or default is None:
        return {"VirtualNetwork": own} if own else {}
    root = default.rsplit("/", 1)[0]
    subnets = [default, *(f"{root}/{subnet['name']}" for subnet in network.get("subnets", ())), *own]
    whole = {"VirtualNetwork": [default.rsplit("/subnets/", 1)[0], *own]} if "virtualNetwork" in network else {}
    return {**whole, "Subnet": subnets}


async def describe_identity(azure: SignedIn, cluster: Wire, places: Places, secret: str, remarks: list[str]) -> Spec:
    """Return spec.identity, with its role on the network. `secret`: name of the Secret for a service principal's password."""
    identity, profile = cluster.get("identity") or {}, cluster["properties"].get("servicePrincipalProfile") or {}
    client_id, assigned = profile.get("clientId"), identity.get("userAssignedIdentities") or {}
    if client_id and client_id != "msi":
        remarks.append(
            f"The cluster signs in as the service principal {client_id}. Azure does not show its secret: put it in the Secret "
            f"{secret} with the keys clientId and clientSecret"
        )
        found: Spec = {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": secret}}}
        principal, member = await _principal(azure, client_id, remarks), found["servicePrincipal"]
    elif assigned and str(identity.get("type", "")).lower() != "systemassigned":
        id_, given = next(iter(assigned.items()))
        found = {"type": "UserAssigned", "userAssigned": {"resourceId": id_}}
        principal, member = (given or {}).get("principalId"), found["userAssigned"]
    else:
        found, member = {"type": "SystemAssigned"}, None
        principal = identity.get("principalId")
    role, scope = await _role(azure, principal, places, ("Contributor", "Network Contributor") if member is not None else None)
    if scope is None:
        remarks.append(
            "The cluster's identity has none of the operator's roles on its network. identity.roleScope None keeps this; remove the line "
            "to let the operator assign a role"
        )
    if member is not None and role is not None:
        member["role"] = role
    return {**found, "roleScope": scope or "None"} if scope != "VirtualNetwork" else found


async def _principal(azure: SignedIn, client_id: str, remarks: list[str]) -> str | None:
    """Return the object id of a service principal; None when it does not exist or Microsoft Graph may not be read."""
    try:
        async with azure_errors("--cluster"):
            return str((await azure.session.graph("GET", f"/servicePrincipals(appId={literal(client_id)})"))["id"])
    except HttpResponseError as error:
        if not is_missing(error):
            raise
    except StepError as refused:
        remarks.append(f"The service principal could not be read: {refused.failed.message}")
    return None


async def _role(
    azure: SignedIn, principal: str | None, places: Places, roles: Sequence[str] | None
) -> tuple[str | None, str | None]:
    """Return (the role that is assigned already, its roleScope); (None, None): none is; without places (None, the default). `roles`: the
    roles that spec.identity can name; None: it always means Network Contributor."""
    if not places:
        return None, "VirtualNetwork"
    given = await _given(azure, principal) if principal else set()
    for scope, wanted in places.items():
        for role in roles or ("Network Contributor",):
            if all((place.lower(), role) in given for place in wanted):
                return role, scope
    return None, None


async def _given(azure: SignedIn, principal: str) -> set[tuple[str, str]]:
    """Return (scope, role name) of a principal's assignments, scopes in lower case."""
    listed = await azure.cache.list_subscription(ROLE_ASSIGNMENTS, 60) or []
    mine = [item["properties"] for item in listed if assignment_of(item).principal_id.lower() == principal.lower()]
    return {(str(p["scope"]).lower(), ROLE_NAMES.get(str(p["roleDefinitionId"]).rsplit("/", 1)[1].lower(), "")) for p in mine}


async def describe_registries(azure: SignedIn, cluster: Wire, identity: Spec) -> list[str]:
    """Return the registries that the nodes may pull from."""
    kubelet = (cluster["properties"].get("identityProfile") or {}).get("kubeletidentity") or {}
    if identity["type"] == "ServicePrincipal" or not kubelet.get("objectId"):
        return []
    listed = await azure.cache.list_subscription(ROLE_ASSIGNMENTS, 60) or []
    found = [
        str(item["properties"]["scope"])
        for item in listed
        if assignment_of(item).principal_id.lower() == kubelet["objectId"].lower()
        and str(item["properties"]["roleDefinitionId"]).lower().endswith(ROLES["AcrPull"])
    ]
    return [id_ for id_ in dict.fromkeys(found) if REGISTRY.problem(id_) is None][:MOST_REGISTRIES]
