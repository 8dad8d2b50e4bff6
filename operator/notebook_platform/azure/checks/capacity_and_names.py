"""Checks of capacity and names: enough addresses in the subnets, and names that are not taken."""

from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.addresses import Room, kept_subnets, room, room_findings, subnet_findings
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import CLUSTERS, GROUPS, IDENTITIES, MONITOR_WORKSPACES, NETWORKS, ResourceType
from notebook_platform.azure.checks.finding import Finding
from notebook_platform.azure.checks.lookup import cluster_exists, look_up
from notebook_platform.azure.checks.public_names import public_names
from notebook_platform.azure.cluster_body import default_node_group
from notebook_platform.azure.monitor_workspace import workspace_name
from notebook_platform.azure.scope import AzureScope

Wire = Mapping[str, Any]


async def addresses(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check the addresses in the subnets: in the platform's own, and before the cluster exists in existing ones too."""
    spec = scope.spec
    others = await _subnets_of_others(scope, fresh)
    problems = [*subnet_findings(spec), *room_findings(spec, others)]
    if problems:
        return [Finding(reason=reason, sentence=sentence, remedy=remedy) for reason, sentence, remedy in problems]
    answer = [f"{r.prefix} has {r.free} addresses, {r.needed} needed at most" for r in (*kept_subnets(spec), *others)]
    return [Finding(sentence="; ".join(answer) or "AKS creates its own network")]


async def _subnets_of_others(scope: AzureScope, fresh: bool) -> list[Room]:
    """Yield the free addresses of existing subnets, as far as they are visible. An existing cluster has taken its addresses
    already."""
    async with azure_errors("spec.network.subnetId"):
        wanted = _pools_by_subnet(scope)
        if not wanted or await cluster_exists(scope, fresh):
            return []
        found = [(field, pools, await _subnet(scope, id_, fresh)) for id_, (field, pools) in wanted.items()]
    rooms = []
    for field, pools, subnet in found:
        properties = (subnet or {}).get("properties") or {}
        prefix = properties.get("addressPrefix") or next(iter(properties.get("addressPrefixes") or ()), None)
        if prefix:
            rooms.append(room(scope.spec, field, prefix, pools, taken=len(properties.get("ipConfigurations") or ())))
    return rooms


def _pools_by_subnet(scope: AzureScope) -> dict[str, tuple[str, list[NodePool]]]:
    """Return existing subnets in the platform's subscription: the member of the spec that names each, and its pools."""
    spec = scope.spec
    default = spec.network.subnet_id if spec.network else None
    found: dict[str, tuple[str, list[NodePool]]] = {default: ("spec.network.subnetId", [])} if default else {}
    for pool in spec.node_pools:
        id_ = pool.subnet_id or default
        if id_:
            found.setdefault(id_, (f"spec.nodePools[{pool.name}].subnetId", []))[1].append(pool)
    inside = f"/subscriptions/{spec.azure.subscription_id}/".lower()
    return {id_: said for id_, said in found.items() if id_.lower().startswith(inside)}


async def _subnet(scope: AzureScope, id_: str, fresh: bool) -> Wire | None:
    parts = id_.split("/")
    network = await look_up(scope, NETWORKS, parts[8], parts[4], fresh)
    subnets = (network or {}).get("properties", {}).get("subnets") or ()
    return next((subnet for subnet in subnets if subnet["name"].lower() == parts[10].lower()), None)


async def names(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check whether resources of these names exist, and who owns them."""
    found = []
    for what, field, kind, name, group in _named(scope):
        async with azure_errors(field):
            existing = await look_up(scope, kind, name, group, fresh)
        if existing is None or (existing.get("properties") or {}).get("provisioningState") == "Deleting":
            continue
        failed = scope.owner.ownership_conflict(f"{what} {name!r}", field, existing.get("tags"), scope.spec.adoption)
        if failed:
            found.append(Finding(sentence=failed.message, reason=failed.reason, remedy=failed.remedy))
    found += [*await _node_group(scope, fresh), *await public_names(scope, fresh)]
    return found or [Finding(sentence="free, or owned by this platform")]


def _named(scope: AzureScope) -> Iterator[tuple[str, str, ResourceType, str, str]]:
    """Return (description, member of the spec that names it, kind, name, group) of what the platform creates."""
    spec, group = scope.spec, scope.group
    yield "the resource group", "spec.azure.resourceGroup", GROUPS, group, ""
    if spec.network and spec.network.virtual_network:
        yield "the virtual network", "spec.network.virtualNetwork.name", NETWORKS, spec.network.virtual_network.name, group
    if spec.identity.user_assigned and spec.identity.user_assigned.name:
        yield "the identity", "spec.identity.userAssigned.name", IDENTITIES, spec.identity.user_assigned.name, group
    yield "the managed cluster", "spec.cluster.name", CLUSTERS, spec.cluster.name, group
    if spec.managed_prometheus and spec.managed_prometheus.workspace_id is None:
        yield "the Azure Monitor workspace", "spec.monitoring", MONITOR_WORKSPACES, workspace_name(spec.cluster.name), group


async def _node_group(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check the node resource group: AKS creates it and rejects an existing one
    (https://learn.microsoft.com/azure/aks/faq#can-i-provide-my-own-name-for-the-aks-node-resource-group-)."""
    name = scope.spec.cluster.node_resource_group or default_node_group(scope.spec)
    async with azure_errors("spec.cluster.nodeResourceGroup"):
        if await cluster_exists(scope, fresh):
            return []
        group = await look_up(scope, GROUPS, name, "", fresh)
    if group is None or (group.get("properties") or {}).get("provisioningState") == "Deleting":
        return []
    sentence = f"spec.cluster.nodeResourceGroup: the resource group {name!r} exists already, but AKS has to create it"
    return [
        Finding(
            sentence=sentence,
            reason=Reason.NODE_RESOURCE_GROUP_TAKEN,
            remedy="Delete that group. If it is needed, delete this platform and create one with another "
            "spec.cluster.nodeResourceGroup: the field cannot change.",
        )
    ]
