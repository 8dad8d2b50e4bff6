"""From agent pools to scale sets and nodes: whoever changes a count, this makes it real."""

import hashlib
from typing import Any

from sandbox.azure.backend import NodeSpec
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.store import Resource
from sandbox.azure.world import World

POOLS = "microsoft.containerservice/managedclusters/agentpools"
POOL_TAG = "aks-managed-poolName"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """Six digits, as scale sets number their instances."""
    text = ""
    for _ in range(6):
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text


def scale_set_name(cluster_id: str, pool: str) -> str:
    """`aks-POOL-HASH-vmss`."""
    number = int(hashlib.sha256(cluster_id.lower().encode()).hexdigest(), 16) % 10**8
    return f"aks-{pool}-{number:08d}-vmss"


def pools_of(world: World, cluster: Resource) -> list[Resource]:
    """The agent pools of a cluster."""
    return list(world.store.under(cluster.id, POOLS))


def scale_set_id(cluster: Resource, pool: str) -> str:
    """Id of the scale set behind a pool."""
    name = scale_set_name(cluster.id, pool)
    return f"{node_group_id(cluster)}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}"


def live_count(pool: dict[str, Any]) -> int:
    """Nodes that a pool with these properties has: none while it is stopped, though it keeps its count."""
    stopped = (pool.get("powerState") or {}).get("code") == "Stopped"
    return 0 if stopped else int(pool.get("count") or 0)


def write_scale_set(world: World, cluster: Resource, pool: Resource) -> Resource:
    """Make the scale set follow its pool."""
    properties = pool.body["properties"]
    id_ = scale_set_id(cluster, pool.body["name"])
    old = world.store.get(id_)
    tags = {
        POOL_TAG: pool.body["name"],
        "aks-managed-orchestrator": f"Kubernetes:{properties.get('currentOrchestratorVersion')}",
        "aks-managed-resourceNameSuffix": id_.rsplit("-", 2)[1],
        **(properties.get("tags") or {}),
    }
    body = {
        "name": id_.rsplit("/", 1)[1],
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "location": cluster.body["location"],
        "tags": tags,
        "sku": {"name": properties["vmSize"], "tier": "Standard", "capacity": live_count(properties)},
        "properties": {
            "provisioningState": "Succeeded",
            "overprovision": False,
            "upgradePolicy": {"mode": "Manual"},
            "singlePlacementGroup": False,
            "uniqueId": hashlib.md5(id_.encode(), usedforsecurity=False).hexdigest(),
        },
    }
    if old:
        body["properties"]["instances"] = old.body["properties"].get("instances", [])
    return world.store.put(id_, body)


def _instances(scale_set: Resource, count: int) -> list[int]:
    """Instance numbers are never used twice; the newest goes first."""
    numbers: list[int] = list(scale_set.body["properties"].get("instances", []))
    while len(numbers) < count:
        numbers.append(numbers[-1] + 1 if numbers else 0)
    numbers = numbers[:count]
    scale_set.body["properties"]["instances"] = numbers
    return numbers


async def show_nodes(world: World, cluster: Resource) -> None:
    """Make the cluster's nodes what its pools say; none without their resource group."""
    nodes = []
    for pool in pools_of(world, cluster) if world.store.get(node_group_id(cluster)) else ():
        properties = pool.body["properties"]
        if properties.get("provisioningState") == "Creating":
            continue
        scale_set = write_scale_set(world, cluster, pool)
        size = world.catalog.size(properties["vmSize"])
        zones = properties.get("availabilityZones") or [None]
        for place, number in enumerate(_instances(scale_set, live_count(properties))):
            nodes.append(
                NodeSpec(
                    name=f"{scale_set.body['name']}{base36(number)}",
                    pool=pool.body["name"],
                    vm_size=properties["vmSize"],
                    mode=properties.get("mode") or "System",
                    kubernetes_version=properties.get("currentOrchestratorVersion") or "",
                    labels=properties.get("nodeLabels") or {},
                    taints=properties.get("nodeTaints") or [],
                    zone=zones[place % len(zones)],
                    cpu=size.cpu if size else 2,
                    memory=size.memory if size else 8,
                )
            )
    await world.backend.set_nodes(cluster.id, nodes)


def node_group_id(cluster: Resource) -> str:
    """Id of the resource group that holds a cluster's nodes."""
    return f"/subscriptions/{cluster.id.split('/')[2]}/resourceGroups/{cluster.body['properties']['nodeResourceGroup']}"


def require_node_group(world: World, cluster: Resource) -> None:
    """Raises ResourceGroupNotFound for a cluster whose node resource group was deleted: AKS does not create it again."""
    if world.store.get(node_group_id(cluster)) is None:
        name = cluster.body["properties"]["nodeResourceGroup"]
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


async def lose_nodes(world: World, group: str) -> None:
    """Take away the nodes of each cluster that has them in the resource group with this id; the cluster stays as it is."""
    for cluster in world.store.under("/subscriptions", "microsoft.containerservice/managedclusters"):
        if node_group_id(cluster).lower() == group.lower():
            await world.backend.set_nodes(cluster.id, [])


async def resize(world: World, cluster: Resource, pool: Resource, count: int) -> None:
    """Another hand (the cluster autoscaler, Monitor) moves a pool's count."""
    pool.body["properties"]["count"] = count
    await show_nodes(world, cluster)


def cluster_of_scale_set(world: World, scale_set: str) -> tuple[Resource, Resource] | None:
    """(cluster, pool) behind a scale set's id."""
    node_group = world.store.get(scale_set.lower().partition("/providers/")[0])
    cluster = world.store.get((node_group.body.get("managedBy") or "") if node_group else "")
    if cluster:
        for pool in pools_of(world, cluster):
            if scale_set_id(cluster, pool.body["name"]).lower() == scale_set.lower():
                return cluster, pool
    return None


def inline(world: World, cluster: Resource) -> dict[str, Any]:
    """Return the body of a GET of the cluster: with its pools, without secrets."""
    body = {**cluster.body, "properties": dict(cluster.body["properties"])}
    body["properties"]["agentPoolProfiles"] = [
        {"name": pool.body["name"], **pool.body["properties"]} for pool in pools_of(world, cluster)
    ]
    profile = body["properties"].get("servicePrincipalProfile")
    if profile:
        body["properties"]["servicePrincipalProfile"] = {"clientId": profile["clientId"]}
    return body
