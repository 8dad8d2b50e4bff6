"""Scan of everything that a platform could consist of, for `import`. Reads only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.core.utils import CaseInsensitiveDict

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import all_items, complete, is_complete
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.ownership import holder_of
from notebook_platform.azure.arm.resource_types import (
    AUTOSCALE_SETTINGS,
    CLUSTERS,
    GROUPS,
    NETWORKS,
    SCALE_SETS,
    Wire,
    wire,
)
from notebook_platform.azure.arm.session_pool import SignedIn
from notebook_platform.azure.importing.autoscale import NotDescribed, describe_autoscale
from notebook_platform.azure.importing.describe import describe_cluster
from notebook_platform.azure.importing.monitoring import describe_monitoring
from notebook_platform.azure.importing.network import describe_network, managed_subnets
from notebook_platform.azure.importing.patches import add_patches
from notebook_platform.azure.importing.pools import describe_pool, obstacle
from notebook_platform.azure.importing.roles import describe_identity, describe_registries, role_places
from notebook_platform.azure.pool_state import POOL_TAG
from notebook_platform.engine import StepError
from notebook_platform.versions import minor

Spec = dict[str, Any]
MOST_POOLS = 20
"""Items of spec.nodePools."""


@dataclass(frozen=True)
class Taken:
    """The spec of the existing resources, a name for it, its cluster, and what a user must know or do besides. `left_out`: remarks on
    values that the spec does not take, by their path in it."""

    name: str
    spec: Spec
    cluster: Wire
    remarks: list[str] = field(default_factory=list)
    left_out: dict[tuple[str | int, ...], str] = field(default_factory=dict)


async def scan(azure: SignedIn, group: str, cluster_name: str | None, name: str | None = None) -> Taken:
    """Read the group, the cluster in it and what belongs to it. `name`: of the platform; None: the cluster's.
    Raises StepError (ResourceGroupNotFound, ClusterNotFound, ClusterNotNamed)."""
    cache = azure.cache
    async with azure_errors("--resource-group"):
        found = await cache.get(GROUPS, "", group, max_age=0, fresh=True)
        if found is None:
            remedy = "Set --resource-group to one that `az group list --output table` shows."
            raise StepError(Reason.RESOURCE_GROUP_NOT_FOUND, f"there is no resource group {group!r}", remedy)
        cluster = await _cluster(azure, group, cluster_name)
        networks = [one for one in await cache.list_subscription(NETWORKS, 0) or () if is_complete(one)]
        windows = await _windows(azure, group, cluster["name"])
    name = name or cluster["name"].lower().replace("_", "-")
    remarks: list[str] = []
    properties = cluster["properties"]
    pools = [dict(pool) for pool in properties.get("agentPoolProfiles") or ()]
    network, default = describe_network(networks, group, pools, holder_of(cluster.get("tags")))
    named = _pools(pools, default, managed_subnets(network, default), remarks)
    identity = await describe_identity(azure, cluster, role_places(network, default, named), f"{name}-principal", remarks)
    location = str(cluster["location"]).replace(" ", "").lower()
    spec: Spec = {
        "azure": {"subscriptionId": azure.session.subscription_id, "location": location, "resourceGroup": found["name"]},
        **({"network": network} if network else {}),
        "identity": identity,
        "cluster": describe_cluster(cluster, windows),
        "nodePools": named,
    }
    if registries := await describe_registries(azure, cluster, identity):
        spec["cluster"]["registries"] = registries
    if autoscale := await _autoscale(
        azure, str(properties.get("nodeResourceGroup") or ""), {pool["name"] for pool in named}, remarks
    ):
        spec["autoscale"] = autoscale
    if monitoring := await describe_monitoring(azure.session, cluster, identity, remarks):
        spec["monitoring"] = monitoring
    remarks += [*_versions(cluster, pools), *_states(cluster), *_windows_left(windows, spec["cluster"])]
    add_patches(spec, cluster, remarks)
    return Taken(name, spec, cluster, remarks)


def _pools(pools: Sequence[Wire], default: str | None, managed: Mapping[str, str], remarks: list[str]) -> list[Spec]:
    """Return spec.nodePools. Pools that it cannot hold are remarked, and left alone by the operator."""
    found: list[Spec] = []
    for pool in pools:
        if why := obstacle(pool):
            remarks.append(f"Agent pool {pool['name']} is not in spec.nodePools, because {why}; the operator does not change it")
        elif len(found) == MOST_POOLS:
            remarks.append(
                f"Agent pool {pool['name']} is not in spec.nodePools, which holds {MOST_POOLS}; the operator does not change it"
            )
        else:
            found.append(describe_pool(pool, default, managed))
    if not any(pool["mode"] == "System" for pool in found):
        remarks.append("No pool with mode System is in spec.nodePools: keep spec.adoption IfUnowned, or add one")
    return found


def _states(cluster: Wire) -> list[str]:
    """Report a cluster whose state is not final: its description may be of a moment."""
    state = str(cluster["properties"].get("provisioningState") or "Succeeded")
    if state in ("Succeeded", "Failed", "Canceled"):
        return []
    return [f"The managed cluster is {state}: run import again when that has ended"]


def _windows_left(windows: Mapping[str, Wire], cluster: Spec) -> list[str]:
    """Report AKS's maintenance schedules that the spec does not hold."""
    if not windows or "maintenanceWindow" in cluster:
        return []
    return [
        f"AKS's maintenance schedules are not changed, because spec.cluster.maintenanceWindow cannot hold them: {', '.join(windows)}. "
        "Without it the operator makes disruptive changes at any time"
    ]


def _versions(cluster: Wire, pools: Sequence[Wire]) -> list[str]:
    """Report pools with another minor version than the control plane: the spec has one for all."""
    answer = cluster["properties"]
    ours = minor(str(answer.get("currentKubernetesVersion") or answer["kubernetesVersion"]))
    theirs = {p["name"]: str(p.get("currentOrchestratorVersion") or p.get("orchestratorVersion") or "") for p in pools}
    behind = [f"{name} ({version})" for name, version in theirs.items() if version and minor(version) != ours]
    if not behind:
        return []
    return [f"Agent pools with another version than the control plane keep it, because of spec.driftIgnore: {', '.join(behind)}"]


async def _cluster(azure: SignedIn, group: str, name: str | None) -> Wire:
    listed = await azure.cache.list_subscription(CLUSTERS, 0) or []
    existing = [c for c in listed if str(c["id"]).lower().split("/")[4] == group.lower()]
    if name is not None:
        existing = [cluster for cluster in existing if cluster["name"].lower() == name.lower()]
    if len(existing) == 1:
        return complete(existing[0])
    names = ", ".join(cluster["name"] for cluster in existing)
    if existing:
        raise StepError(Reason.CLUSTER_NOT_NAMED, f"the resource group {group!r} contains {names}", "Select one with --cluster.")
    wanted = f"managed cluster {name}" if name else "managed cluster"
    remedy = f"Set --cluster to one that `az aks list --resource-group {group} --output table` shows."
    raise StepError(Reason.CLUSTER_NOT_FOUND, f"there is no {wanted} in {group!r}", remedy)


async def _windows(azure: SignedIn, group: str, name: str) -> Mapping[str, Wire]:
    listed = azure.session.container_service.maintenance_configurations.list_by_managed_cluster(group, name)
    return {item.name: wire(item)["properties"].get("maintenanceWindow") or {} async for item in all_items(listed)}


async def _autoscale(azure: SignedIn, node_group: str, named: Collection[str], remarks: list[str]) -> list[Spec]:
    """Return spec.autoscale: the settings on the scale sets of the pools of the spec. Other settings stay as they are."""
    cache = azure.cache
    async with azure_errors("--cluster"):
        sets = await cache.list_group(SCALE_SETS, node_group, max_age=0, fresh=True) or []
        settings = await cache.list_group(AUTOSCALE_SETTINGS, node_group, max_age=0, fresh=True) or []
    pools = CaseInsensitiveDict({str(s["id"]): s["tags"][POOL_TAG] for s in sets if (s.get("tags") or {}).get(POOL_TAG)})
    found: dict[str, Spec] = {}
    for setting in settings:
        pool = str(pools.get(str((setting.get("properties") or {}).get("targetResourceUri") or ""), ""))
        try:
            if pool in found:
                raise NotDescribed(f"the pool {pool} has another setting")
            if pool in named:
                found[pool] = describe_autoscale(setting, pool)
        except NotDescribed as why:
            remarks.append(
                f"The autoscale setting {setting['name']} is not in spec.autoscale, because {why}; the operator does not change it"
            )
    return list(found.values())
