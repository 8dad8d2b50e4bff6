"""What Azure would refuse later, found before anything costs money: one function a check, each finding with its remedy.

The step Preflight runs those that a creation or an upgrade needs; `notebook-platform doctor` runs all and shows the good ones too.
"""

import fnmatch
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure.addresses import most_nodes, subnet_findings
from notebook_platform.azure.agent_pools import initial_count
from notebook_platform.azure.arm.errors import is_missing, speaking_of
from notebook_platform.azure.arm.inventory import CLUSTERS, GROUPS, NETWORKS
from notebook_platform.azure.context import AzureContext
from notebook_platform.azure.providers import REGISTERED, needed
from notebook_platform.azure.versions import parts

SKEW_SECONDS = 300
"""Entra ID refuses assertions whose clock is further off (AADSTS700024)."""

PERMISSIONS_API = "2022-04-01"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at. `reason` is empty when it is well; `blocks`: nothing can be made before it is."""

    check: str
    sentence: str
    reason: str = ""
    remedy: str = ""
    blocks: bool = True


Check = Callable[[AzureContext], Awaitable[list[Finding]]]


async def clock(context: AzureContext) -> list[Finding]:
    """Our clock against Azure's."""
    path = f"/subscriptions/{context.spec.azure.subscription_id}"
    async with speaking_of("spec.azure.subscriptionId"):
        answer = await context.session.send("GET", path, api_version="2022-12-01")
    theirs = answer.headers.get("Date")
    skew = abs((datetime.now(UTC) - parsedate_to_datetime(theirs)).total_seconds()) if theirs else 0.0
    if skew > SKEW_SECONDS:
        sentence = f"this machine's clock is {skew:.0f} s off Azure's"
        return [Finding(check="clock", sentence=sentence, reason="ClockSkew", remedy="Synchronise it (NTP).")]
    return [Finding(check="clock", sentence=f"{skew:.0f} s off Azure's")]


async def permissions(context: AzureContext) -> list[Finding]:
    """Which actions are missing, and on which scope."""
    subscription = f"/subscriptions/{context.spec.azure.subscription_id}"
    async with speaking_of("spec.azure.resourceGroup"):
        group = await context.look(GROUPS, context.group, sharp=True, group="")
        scope = group["id"] if group else subscription
        path = f"{scope}/providers/Microsoft.Authorization/permissions"
        answer = await context.session.send("GET", path, api_version=PERMISSIONS_API)
    granted = answer.json().get("value", ())
    missing = [action for action in actions_needed(context, group is not None) if not is_granted(action, granted)]
    if not missing:
        return [Finding(check="permissions", sentence=f"all that is needed is granted on {scope}")]
    sentence = f"spec.azure.credentials may not {', '.join(missing)} on {scope}"
    roles = "Give it Contributor" + (
        " and Role Based Access Control Administrator" if any("roleAssignments" in action for action in missing) else ""
    )
    blocks = any(not action.endswith("/delete") for action in missing)
    return [
        Finding(check="permissions", sentence=sentence, reason="PermissionMissing", remedy=f"{roles} on {scope}.", blocks=blocks)
    ]


def actions_needed(context: AzureContext, group_exists: bool) -> list[str]:
    """What the operator does in the platform's group for this spec, in the words of roles. Rights on what lies elsewhere (an
    existing subnet, registries) may be given there alone."""
    spec = context.spec
    keeps_network = spec.network is not None and spec.network.virtual_network is not None
    wanted = {
        "Microsoft.Resources/subscriptions/resourceGroups/write": not group_exists,
        "Microsoft.Resources/subscriptions/resourceGroups/delete": spec.deletion_policy == "Delete",
        "Microsoft.ContainerService/managedClusters/write": True,
        "Microsoft.ContainerService/managedClusters/agentPools/write": True,
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action": True,
        "Microsoft.Network/virtualNetworks/write": keeps_network,
        "Microsoft.Network/virtualNetworks/subnets/join/action": keeps_network,
        "Microsoft.ManagedIdentity/userAssignedIdentities/write": bool(
            spec.identity.user_assigned and spec.identity.user_assigned.name
        ),
        "Microsoft.Authorization/roleAssignments/write": keeps_network,
        "Microsoft.Insights/autoscaleSettings/write": bool(spec.autoscale),
        "Microsoft.Compute/virtualMachineScaleSets/read": True,
    }
    return [action for action, used in wanted.items() if used]


def is_granted(action: str, permissions: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the roles' permissions allows an action (https://learn.microsoft.com/azure/role-based-access-control/role-definitions)."""

    def matches(patterns: Iterable[str]) -> bool:
        return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    return any(matches(p.get("actions") or ()) and not matches(p.get("notActions") or ()) for p in permissions)


async def providers(context: AzureContext) -> list[Finding]:
    """The resource providers; those that are missing the operator registers itself."""
    names, found = needed(context.spec), []
    async with speaking_of("spec.azure.features"):
        for name in names:
            provider = await context.session.resources.providers.get(name)
            if str(provider.registration_state) != REGISTERED:
                found.append(name)
    if not found:
        return [Finding(check="providers", sentence=f"{', '.join(names)} are registered")]
    sentence = f"{', '.join(found)} not registered yet; the operator does it"
    return [Finding(check="providers", sentence=sentence, reason="NotRegistered", remedy="Nothing to do.", blocks=False)]


async def version(context: AzureContext) -> list[Finding]:
    """Whether the region offers the wanted version."""
    location, wanted = context.spec.azure.location, context.spec.cluster.kubernetes_version
    async with speaking_of("spec.cluster.kubernetesVersion"):
        clusters = context.session.container_service.managed_clusters
        answer = (await clusters.list_kubernetes_versions(location)).as_dict()
    values = answer.get("values", ())
    offered = sorted((str(v["version"]) for v in values if not v.get("isPreview")), key=parts)
    patches = {patch for v in values for patch in v.get("patchVersions") or {}}
    shown = ", ".join(offered)
    if wanted in offered or wanted in patches:
        return [Finding(check="version", sentence=f"{wanted} is offered in {location} (of {shown})")]
    sentence = f"spec.cluster.kubernetesVersion {wanted} is not offered in {location}; offered: {shown}"
    remedy = "Set spec.cluster.kubernetesVersion to one of those."
    return [Finding(check="version", sentence=sentence, reason="VersionNotOffered", remedy=remedy)]


async def _vm_sizes(context: AzureContext) -> Mapping[str, int]:
    """vCPUs by size in the region, names in lower case."""

    async def ask() -> Mapping[str, int]:
        listed = context.session.compute.resource_skus.list(filter=f"location eq '{context.spec.azure.location}'")
        return {
            sku.name.lower(): next((int(c.value) for c in sku.capabilities or () if c.name == "vCPUs"), 0)
            async for sku in listed
            if sku.resource_type == "virtualMachines"
        }

    key = f"sizes/{context.spec.azure.location}"
    async with speaking_of("spec.nodePools"):
        sizes: Mapping[str, int] = await context.session.inventory.answer(key, ask, max_age=3600, sharp=False)
    return sizes


async def sizes(context: AzureContext) -> list[Finding]:
    """Whether the region has the VM sizes."""
    known, pools, location = await _vm_sizes(context), context.spec.node_pools, context.spec.azure.location
    unknown = [p for p in pools if known and p.vm_size.lower() not in known]
    if not unknown:
        names = ", ".join(dict.fromkeys(p.vm_size for p in pools))
        return [Finding(check="VM sizes", sentence=f"{names} offered in {location}")]
    return [
        Finding(
            check="VM sizes",
            sentence=f"spec.nodePools[{pool.name}].vmSize {pool.vm_size} is not offered in {location}",
            reason="VMSizeNotOffered",
            remedy="Choose a size that `az vm list-skus` lists for the region.",
        )
        for pool in unknown
    ]


async def quota(context: AzureContext) -> list[Finding]:
    """vCPUs left in the region against those at creation, and against the most that may come."""
    known, pools, location = await _vm_sizes(context), context.spec.node_pools, context.spec.azure.location
    first = sum(known.get(pool.vm_size.lower(), 0) * initial_count(pool) for pool in pools)
    most = sum(known.get(pool.vm_size.lower(), 0) * most_nodes(pool) for pool in pools)
    async with speaking_of("spec.nodePools"):
        left = {u.name.value: u.limit - u.current_value async for u in context.session.compute.usage.list(location)}
    free, remedy = left.get("cores"), "Ask for more quota (portal: Quotas), or use fewer or smaller nodes."
    if free is None:
        return [Finding(check="quota", sentence=f"Azure does not tell the quota of {location}")]
    if first > free:
        sentence = f"spec.nodePools ask for {first} vCPUs but only {free} are left in {location}"
        return [Finding(check="quota", sentence=sentence, reason="QuotaExceeded", remedy=remedy)]
    if most > free:
        sentence = f"spec.nodePools may come to need {most} vCPUs but only {free} are left in {location}"
        return [Finding(check="quota", sentence=sentence, reason="QuotaTight", remedy=remedy, blocks=False)]
    return [Finding(check="quota", sentence=f"{free} vCPUs left in {location}, {first} to begin with and {most} at most")]


async def addresses(context: AzureContext) -> list[Finding]:
    """Room in the subnets."""
    found = [Finding(check="addresses", reason=r, sentence=s, remedy=m) for r, s, m in subnet_findings(context.spec)]
    return found or [Finding(check="addresses", sentence="room for every node and pod")]


async def names(context: AzureContext) -> list[Finding]:
    """Whether things of these names are there already, and whose they are."""
    spec, found = context.spec, []
    managed = spec.network.virtual_network if spec.network else None
    wanted = [("the resource group", "spec.azure.resourceGroup", GROUPS, context.group, "")]
    if managed:
        wanted.append(("the virtual network", "spec.network.virtualNetwork.name", NETWORKS, managed.name, context.group))
    wanted.append(("the managed cluster", "spec.cluster.name", CLUSTERS, spec.cluster.name, context.group))
    for what, field, kind, name, group in wanted:
        async with speaking_of(field):
            try:
                there = await context.look(kind, name, sharp=True, group=group)
            except HttpResponseError as error:
                if not is_missing(error):
                    raise
                there = None
        if there is None:
            continue
        failed = context.owner.objection(f"{what} {name!r}", field, there.get("tags"), spec.adoption)
        if failed:
            found.append(Finding(check="names", sentence=failed.message, reason=failed.reason, remedy=failed.remedy))
    return found or [Finding(check="names", sentence="free, or ours")]


BEFORE_CREATION: tuple[Check, ...] = (clock, permissions, version, addresses, sizes, quota)
"""Names that are taken and providers are told by the steps themselves, which look before they write."""
ALL: tuple[Check, ...] = (clock, permissions, providers, version, sizes, quota, addresses, names)
