"""Scan of everything that a platform could consist of, for `import`. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.utils import CaseInsensitiveDict

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.cache import (
    AUTOSCALE_SETTINGS,
    CLUSTERS,
    GROUPS,
    NETWORKS,
    ROLE_ASSIGNMENTS,
    SCALE_SETS,
    Wire,
    wire,
)
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.arm.paths import literal
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.azure.importing.describe import describe_autoscale, describe_cluster, describe_network, describe_pool
from notebook_platform.azure.importing.patches import add_patches
from notebook_platform.azure.node_pools import POOL_TAG
from notebook_platform.engine import StepError
from notebook_platform.outputs import ROLES
from notebook_platform.versions import minor

Spec = dict[str, Any]
ROLE_NAMES = {id_: name for name, id_ in ROLES.items()}


@dataclass(frozen=True)
class Taken:
    """The spec of the existing resources, a name for it, its cluster, and what a user must know or do besides."""

    name: str
    spec: Spec
    cluster: Wire
    remarks: list[str] = field(default_factory=list)


async def scan(session: AzureSession, group: str, cluster_name: str | None, name: str | None = None) -> Taken:
    """Read the group, the cluster in it and what belongs to it. `name`: of the platform; None: the cluster's.
    Raises StepError (ResourceGroupNotFound, ClusterNotFound, ClusterNotNamed)."""
    cache = session.cache
    async with azure_errors("--resource-group"):
        found = await cache.get(GROUPS, "", group, max_age=0, fresh=True)
        if found is None:
            raise StepError(Reason.RESOURCE_GROUP_NOT_FOUND, f"there is no resource group {group!r}", "Check --resource-group.")
        cluster = await _cluster(session, group, cluster_name)
        networks = await cache.list_subscription(NETWORKS, 0) or []
        windows = await _windows(session, group, cluster["name"])
    name = name or cluster["name"].lower().replace("_", "-")
    pools = [dict(pool) for pool in cluster["properties"].get("agentPoolProfiles") or ()]
    remarks: list[str] = []
    network, default = describe_network(networks, group, pools)
    managed = _managed_subnets(network, default)
    identity = await _identity(session, cluster, network, default, f"{name}-principal", remarks)
    spec: Spec = {
        "azure": {"subscriptionId": session.subscription_id, "location": cluster["location"], "resourceGroup": found["name"]},
        **({"network": network} if network else {}),
        "identity": identity,
        "cluster": describe_cluster(cluster, windows),
        "nodePools": [describe_pool(pool, default, managed) for pool in pools],
    }
    if registries := await _registries(session, cluster, identity):
        spec["cluster"]["registries"] = registries
    if autoscale := await _autoscale(session, cluster["properties"]["nodeResourceGroup"], remarks):
        spec["autoscale"] = autoscale
    if found["location"] != cluster["location"]:
        remarks.append(
            f"The resource group is in {found['location']} and the cluster in {cluster['location']}: that cannot be kept"
        )
    remarks += _versions(cluster, pools)
    add_patches(spec, cluster, remarks)
    return Taken(name, spec, cluster, remarks)


def _versions(cluster: Wire, pools: Sequence[Wire]) -> list[str]:
    """Report pools with another minor version than the control plane: the spec has one for all."""
    answer = cluster["properties"]
    ours = minor(str(answer.get("currentKubernetesVersion") or answer["kubernetesVersion"]))
    theirs = {p["name"]: str(p.get("currentOrchestratorVersion") or p.get("orchestratorVersion") or "") for p in pools}
    behind = [f"{name} ({version})" for name, version in theirs.items() if version and minor(version) != ours]
    if not behind:
        return []
    return [f"Agent pools of another version than the control plane will be upgraded to its version: {', '.join(behind)}"]


async def _cluster(session: AzureSession, group: str, name: str | None) -> Wire:
    listed = await session.cache.list_subscription(CLUSTERS, 0) or []
    existing = [c for c in listed if str(c["id"]).lower().split("/")[4] == group.lower()]
    if name is not None:
        existing = [cluster for cluster in existing if cluster["name"].lower() == name.lower()]
    if len(existing) == 1:
        return existing[0]
    names = ", ".join(cluster["name"] for cluster in existing)
    if existing:
        raise StepError(Reason.CLUSTER_NOT_NAMED, f"the resource group {group!r} holds {names}", "Name one with --cluster.")
    raise StepError(Reason.CLUSTER_NOT_FOUND, f"there is no managed cluster {name or ''} in {group!r}", "Check --cluster.")


async def _windows(session: AzureSession, group: str, name: str) -> Mapping[str, Wire]:
    listed = session.container_service.maintenance_configurations.list_by_managed_cluster(group, name)
    return {item.name: wire(item)["properties"].get("maintenanceWindow") or {} async for item in listed}


def _managed_subnets(network: Spec | None, default: str | None) -> dict[str, str]:
    if not network or "virtualNetwork" not in network or default is None:
        return {}
    root = default.rsplit("/", 1)[0].lower()
    return {f"{root}/{s['name']}".lower(): s["name"] for s in (network["subnet"], *network.get("subnets", ()))}


async def _identity(
    session: AzureSession, cluster: Wire, network: Spec | None, subnet: str | None, secret: str, remarks: list[str]
) -> Spec:
    """Return spec.identity, with its role on the network."""
    identity, profile = cluster.get("identity") or {}, cluster["properties"].get("servicePrincipalProfile") or {}
    client_id, kind = profile.get("clientId"), str(identity.get("type", ""))
    if client_id and client_id != "msi":
        async with azure_errors("--cluster"):
            try:
                principal = (await session.graph("GET", f"/servicePrincipals(appId={literal(client_id)})"))["id"]
            except HttpResponseError as error:
                if not is_missing(error):
                    raise
                principal = None
        remarks.append(
            f"The cluster signs in as the service principal {client_id}. Azure does not show its secret: put it in the Secret "
            f"{secret} with the keys clientId and clientSecret"
        )
        role = await _role(session, principal, network, subnet, remarks)
        found: Spec = {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": secret}}}
        found["servicePrincipal"] |= {"role": role["role"]} if "role" in role else {}
    elif kind == "UserAssigned":
        id_, given = next(iter(identity["userAssignedIdentities"].items()))
        role = await _role(session, (given or {}).get("principalId"), network, subnet, remarks)
        found = {"type": "UserAssigned", "userAssigned": {"resourceId": id_}}
        found["userAssigned"] |= {"role": role["role"]} if "role" in role else {}
    else:
        role = await _role(session, identity.get("principalId"), network, subnet, remarks)
        found = {"type": "SystemAssigned"}
    return {**found, **({"roleScope": role["roleScope"]} if "roleScope" in role else {})}


async def _role(
    session: AzureSession, principal: str | None, network: Spec | None, subnet: str | None, remarks: list[str]
) -> dict[str, str]:
    """Return the operator's role that is assigned already, and whether on the network or on its subnet."""
    if principal is None or subnet is None or network is None:
        return {}
    given = await _given(session, principal)
    whole = subnet.rsplit("/subnets/", 1)[0].lower()
    for scope, word in ((whole, "VirtualNetwork"), (subnet.lower(), "Subnet")):
        for role in ("Contributor", "Network Contributor"):
            if (scope, role) in given and (word == "Subnet" or "virtualNetwork" in network):
                return {"role": role, **({"roleScope": word} if word == "Subnet" else {})}
    remarks.append("The cluster's identity has no role on its network; the operator will give it one")
    return {}


async def _given(session: AzureSession, principal: str) -> set[tuple[str, str]]:
    """Return (scope, role name) of a principal's assignments, scopes in lower case."""
    listed = await session.cache.list_subscription(ROLE_ASSIGNMENTS, 60) or []
    mine = [item["properties"] for item in listed if str(item["properties"].get("principalId")).lower() == principal.lower()]
    return {(str(p["scope"]).lower(), ROLE_NAMES.get(str(p["roleDefinitionId"]).rsplit("/", 1)[1].lower(), "")) for p in mine}


async def _registries(session: AzureSession, cluster: Wire, identity: Spec) -> list[str]:
    """Return the registries that the nodes may pull from."""
    kubelet = (cluster["properties"].get("identityProfile") or {}).get("kubeletidentity") or {}
    if identity["type"] == "ServicePrincipal" or not kubelet.get("objectId"):
        return []
    listed = await session.cache.list_subscription(ROLE_ASSIGNMENTS, 60) or []
    return [
        str(item["properties"]["scope"])
        for item in listed
        if item["properties"].get("principalId") == kubelet["objectId"]
        and str(item["properties"]["roleDefinitionId"]).lower().endswith(ROLES["AcrPull"])
    ]


async def _autoscale(session: AzureSession, node_group: str, remarks: list[str]) -> list[Spec]:
    cache = session.cache
    async with azure_errors("--cluster"):
        sets = await cache.list_group(SCALE_SETS, node_group, max_age=0, fresh=True) or []
        settings = await cache.list_group(AUTOSCALE_SETTINGS, node_group, max_age=0, fresh=True) or []
    pools = CaseInsensitiveDict({str(s["id"]): s["tags"][POOL_TAG] for s in sets if (s.get("tags") or {}).get(POOL_TAG)})
    targets = CaseInsensitiveDict({str(s["properties"]["targetResourceUri"]): s for s in settings})
    taken = [setting for target, setting in targets.items() if target in pools]
    for setting in taken:
        if dated := [p["name"] for p in setting["properties"]["profiles"] if p.get("fixedDate")]:
            remarks.append(f"Profiles of {setting['name']} with a fixed date cannot be kept and would go: {', '.join(dated)}")
    return [describe_autoscale(setting, pools[setting["properties"]["targetResourceUri"]]) for setting in taken]
