"""Checks of what the subscription and the region offer: providers, versions, VM sizes, quota."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.utils import CaseInsensitiveDict

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.addresses import most_nodes
from notebook_platform.azure.agent_pools import initial_count
from notebook_platform.azure.arm.cache import CLUSTERS
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.checks.finding import Finding, oldest
from notebook_platform.azure.checks.permissions import Need, lacking
from notebook_platform.azure.providers import REGISTERED, Providers
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Inputs
from notebook_platform.versions import parse

LISTS_LAST = 3600.0
"""Seconds for which the sizes of a region are taken to be the same."""

REGIONAL, SPOT = "cores", "lowprioritycores"
"""Quotas of all vCPUs of a region, and of its Spot vCPUs (https://learn.microsoft.com/azure/quotas/spot-quota)."""

QUOTA_AGAIN = 300.0


async def providers(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check resource providers and preview features; the operator registers the missing ones."""
    states = (await Providers(scope).observe(Inputs(), fresh=fresh)).found or {}
    missing = [name for name, state in states.items() if state != REGISTERED]
    if not missing:
        return [Finding(sentence=f"{', '.join(states)} are registered")]
    sentence = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not registered yet"
    found = [Finding(sentence=sentence, reason=Reason.NOT_REGISTERED, remedy="The operator does it.", blocks=False)]
    subscription = f"/subscriptions/{scope.spec.azure.subscription_id}"
    wanted = [Need(f"{name}/register/action", subscription) for name in dict.fromkeys(n.split("/")[0] for n in missing)]
    return [*found, *(finding for finding in await lacking(scope, wanted, fresh) if finding.blocks)]


async def version(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check whether the region offers the wanted version."""
    location, wanted = scope.spec.azure.location, scope.spec.cluster.kubernetes_version
    clusters, cache = scope.session.container_service.managed_clusters, scope.session.cache

    async def ask() -> Sequence[Mapping[str, Any]]:
        answer: Mapping[str, Any] = (await clusters.list_kubernetes_versions(location)).as_dict()
        return tuple(answer.get("values", ()))

    async with azure_errors("spec.cluster.kubernetesVersion"):
        values = await cache.cached_call(f"versions/{location}", ask, max_age=oldest(scope), fresh=fresh)
    offered = sorted((str(v["version"]) for v in values if not v.get("isPreview")), key=parse)
    patches = {patch for v in values for patch in v.get("patchVersions") or {}}
    shown = ", ".join(offered)
    if wanted in offered or wanted in patches:
        return [Finding(sentence=f"{wanted} is offered in {location}, as are {', '.join(v for v in offered if v != wanted)}")]
    sentence = f"spec.cluster.kubernetesVersion {wanted} is not offered in {location}; offered: {shown}"
    remedy = "Set spec.cluster.kubernetesVersion to one of those."
    return [Finding(sentence=sentence, reason=Reason.VERSION_NOT_OFFERED, remedy=remedy)]


@dataclass(frozen=True)
class Size:
    """An offered VM size: its vCPUs, and the quota that they count against (lower case)."""

    vcpus: int
    family: str


async def _sizes(scope: AzureScope, fresh: bool) -> Mapping[str, Size]:
    """Return the VM sizes that the subscription may use in the region, by name in any case."""
    location = scope.spec.azure.location

    async def ask() -> Mapping[str, Size]:
        listed = scope.session.compute.resource_skus.list(filter=f"location eq '{location}'")
        offered = [sku async for sku in listed if sku.resource_type == "virtualMachines" and not _closed(sku)]
        return CaseInsensitiveDict({sku.name: Size(_vcpus(sku), str(sku.family or "").lower()) for sku in offered})

    async with azure_errors("spec.nodePools"):
        cache = scope.session.cache
        found: Mapping[str, Size] = await cache.cached_call(f"sizes/{location}", ask, max_age=LISTS_LAST, fresh=fresh)
    return found


def _vcpus(sku: Any) -> int:
    return next((int(c.value) for c in sku.capabilities or () if c.name == "vCPUs"), 0)


def _closed(sku: Any) -> bool:
    """Return whether the subscription may not use the size in the region (https://aka.ms/azureskunotavailable)."""
    return any(str(getattr(r.type, "value", r.type)).lower() == "location" for r in sku.restrictions or ())


async def sizes(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check whether the region has the VM sizes."""
    known, pools, location = await _sizes(scope, fresh), scope.spec.node_pools, scope.spec.azure.location
    unknown = [pool for pool in pools if known and pool.vm_size not in known]
    if not unknown:
        return [Finding(sentence=f"{', '.join(dict.fromkeys(p.vm_size for p in pools))} offered in {location}")]
    return [
        Finding(
            sentence=f"spec.nodePools[{pool.name}].vmSize {pool.vm_size} is not offered in {location}",
            reason=Reason.VM_SIZE_NOT_OFFERED,
            remedy=f"Choose a size that `az vm list-skus --location {location}` lists without a restriction.",
        )
        for pool in unknown
    ]


@dataclass
class Demand:
    """vCPUs that the pools need of one quota: at creation, and at most."""

    first: int = 0
    most: int = 0


def demands(scope: AzureScope, known: Mapping[str, Size], existing: Sequence[Mapping[str, Any]]) -> dict[str, Demand]:
    """Return what the spec needs of each quota beyond the existing pools (`there`, in wire form)."""
    found: dict[str, Demand] = {}

    def add(size: str, spot: bool, first: int, most: int) -> None:
        if (sku := known.get(size)) is None:
            return
        for name in (SPOT,) if spot else (REGIONAL, sku.family):
            demand = found.setdefault(name, Demand())
            demand.first, demand.most = demand.first + first * sku.vcpus, demand.most + most * sku.vcpus

    for pool in scope.spec.node_pools:
        add(pool.vm_size, pool.spot is not None, initial_count(pool), most_nodes(pool))
    for running in existing:
        count = int(running.get("count") or 0)
        add(str(running.get("vmSize")), str(running.get("scaleSetPriority")).lower() == "spot", -count, -count)
    return found


async def quota(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Compare the free vCPUs of the region with those at creation, and with the maximum."""
    location, compute = scope.spec.azure.location, scope.session.compute

    async def ask() -> Mapping[str, tuple[str, int]]:
        listed = [u async for u in compute.usage.list(location)]
        return CaseInsensitiveDict(
            {u.name.value: (str(u.name.localized_value or u.name.value), int(u.limit - u.current_value)) for u in listed}
        )

    async with azure_errors("spec.nodePools"):
        left = await scope.session.cache.cached_call(f"quota/{location}", ask, max_age=oldest(scope), fresh=fresh)
        name, cache = scope.spec.cluster.name, scope.session.cache
        cluster = await cache.get(CLUSTERS, scope.group, name, max_age=oldest(scope), fresh=fresh)
    existing = (cluster or {}).get("properties", {}).get("agentPoolProfiles") or ()
    wanted = demands(scope, await _sizes(scope, False), existing)
    known = {name: demand for name, demand in wanted.items() if name in left}
    if not known:
        return [Finding(sentence=f"Azure does not show the quota of {location}", reason=Reason.UNKNOWN, blocks=False)]
    return list(_short(known, left, location)) or [Finding(sentence=_room(known, left, location))]


def _short(wanted: Mapping[str, Demand], left: Mapping[str, tuple[str, int]], location: str) -> Iterator[Finding]:
    remedy = "Ask for more quota (portal: Quotas), or use fewer or smaller nodes."
    for name, demand in wanted.items():
        called, free = left[name]
        if demand.first > free:
            sentence = f"spec.nodePools ask for {demand.first} vCPUs but only {free} are left in {location} ({called})"
            yield Finding(sentence=sentence, reason=Reason.QUOTA_EXCEEDED, remedy=remedy, retry_in=QUOTA_AGAIN)
        elif demand.most > free:
            sentence = f"spec.nodePools may come to need {demand.most} vCPUs but only {free} are left in {location} ({called})"
            yield Finding(sentence=sentence, reason=Reason.QUOTA_TIGHT, remedy=remedy, blocks=False)


def _room(wanted: Mapping[str, Demand], left: Mapping[str, tuple[str, int]], location: str) -> str:
    """Return the quota with the least to spare."""
    name = min(wanted, key=lambda name: left[name][1] - wanted[name].most)
    (called, free), demand = left[name], wanted[name]
    if demand.most <= 0:
        return f"{free} vCPUs left in {location} ({called}), no more are needed"
    begin = f"{demand.first} to begin with and " if demand.first > 0 else ""
    return f"{free} vCPUs left in {location} ({called}); needed: {begin}{demand.most} at most"
