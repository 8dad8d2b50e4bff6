"""Checks of the quota of vCPUs: for the pools at creation, at their maximum, and for the surge nodes of an upgrade.

An upgrade of a pool adds nodes before it drains old ones (`maxSurge`), and AKS fails it where the quota does not allow them. The operator
upgrades one pool at a time, so the largest surge counts. https://learn.microsoft.com/azure/aks/upgrade-aks-node-pools-rolling
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.utils import CaseInsensitiveDict

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.addresses import most_nodes
from notebook_platform.azure.agent_pools import initial_count
from notebook_platform.azure.arm.answer import all_items
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.checks.finding import Finding, oldest
from notebook_platform.azure.checks.vm_sizes import Sizes, sizes_of
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.versions import ignores_pool_version, reached

REGIONAL, SPOT = "cores", "lowprioritycores"
"""Quotas of all vCPUs of a region, and of its Spot vCPUs (https://learn.microsoft.com/azure/quotas/spot-quota)."""

DEFAULT_SURGE = "10%"
"""https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update#agentpoolupgradesettings"""

REQUEST = "Request more quota (portal: Quotas; `az vm list-usage --location REGION` shows the limits)"
REMEDY = f"{REQUEST}, or use fewer or smaller nodes."

QUOTA_AGAIN = 300.0
"""Seconds. Other work of the subscription ends, and quota is granted within minutes."""

Left = Mapping[str, tuple[str, int]]
"""The free vCPUs of each quota by its name in any case: (its name for people, number)."""


@dataclass
class Demand:
    """vCPUs that the pools need of one quota: at creation, at most, and for the largest surge of an upgrade, with its pool."""

    first: int = 0
    most: int = 0
    surge: int = 0
    pool: str = ""


def surge_nodes(pool: NodePool, nodes: int) -> int:
    """Return how many nodes an upgrade adds to a pool that has `nodes`. Pure."""
    text = pool.max_surge or DEFAULT_SURGE
    return math.ceil(nodes * int(text[:-1]) / 100) if text.endswith("%") else min(int(text), nodes)


def _quotas(size: str, spot: bool, known: Sizes) -> tuple[int, Sequence[str]]:
    """Return (vCPUs of a node, the quotas that they count against)."""
    if (sku := known.get(size)) is None:
        return 0, ()
    return sku.quota_vcpus, (SPOT,) if spot else (REGIONAL, sku.family)


def demands(pools: Iterable[NodePool], known: Sizes, existing: Sequence[Mapping[str, Any]] = ()) -> dict[str, Demand]:
    """Return what pools need of each quota beyond the existing ones (`existing`, in wire form). Pure."""
    found: dict[str, Demand] = {}
    live = {str(pool.get("name")): int(pool.get("count") or 0) for pool in existing}
    for pool in pools:
        vcpus, quotas = _quotas(pool.vm_size, pool.spot is not None, known)
        surge = vcpus * surge_nodes(pool, live.get(pool.name, initial_count(pool)))
        for name in quotas:
            demand = found.setdefault(name, Demand())
            demand.first += initial_count(pool) * vcpus
            demand.most += most_nodes(pool) * vcpus
            if surge > demand.surge:
                demand.surge, demand.pool = surge, pool.name
    for running in existing:
        spot = str(running.get("scaleSetPriority")).lower() == "spot"
        vcpus, quotas = _quotas(str(running.get("vmSize")), spot, known)
        for name in quotas:
            demand = found.setdefault(name, Demand())
            demand.first -= vcpus * int(running.get("count") or 0)
            demand.most -= vcpus * int(running.get("count") or 0)
    return found


async def left_in(scope: AzureScope, fresh: bool) -> Left:
    """Return the free vCPUs of the region. Raises StepError."""
    location, compute = scope.spec.azure.location, scope.session.compute

    async def ask() -> Left:
        listed = [u async for u in all_items(compute.usage.list(location))]
        return CaseInsensitiveDict(
            {u.name.value: (str(u.name.localized_value or u.name.value), int(u.limit - u.current_value)) for u in listed}
        )

    async with azure_errors("spec.nodePools"):
        left: Left = await scope.cache.cached_call(f"quota/{location}", ask, max_age=oldest(scope), fresh=fresh)
    return left


async def _cluster(scope: AzureScope, fresh: bool) -> Mapping[str, Any]:
    """Return the properties of the platform's cluster; empty when there is none."""
    async with azure_errors("spec.cluster"):
        cache, name = scope.cache, scope.spec.cluster.name
        found = await cache.get(CLUSTERS, scope.group, name, max_age=oldest(scope), fresh=fresh)
    properties: Mapping[str, Any] = (found or {}).get("properties") or {}
    return properties


async def quota(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Compare the free vCPUs of the region with those at creation, at the maximum, and in an upgrade."""
    location, left, cluster = scope.spec.azure.location, await left_in(scope, fresh), await _cluster(scope, fresh)
    wanted = demands(scope.spec.node_pools, await sizes_of(scope, False), cluster.get("agentPoolProfiles") or ())
    known = {name: demand for name, demand in wanted.items() if name in left}
    if not known:
        return [Finding(sentence=f"Azure does not show the quota of {location}", reason=Reason.UNKNOWN, blocks=False)]
    upgrade = _upgrade(scope, cluster) if cluster else ""
    surges = await _surges(scope, cluster, left) if upgrade else known
    problems = [*_short(known, left, location), *surge_findings(surges, left, location, upgrade=upgrade)]
    return problems or [Finding(sentence=_room(known, left, location))]


async def upgrade_quota(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check the quota for the surge nodes of the upgrade that the spec asks for."""
    cluster = await _cluster(scope, fresh)
    if not cluster or not (upgrade := _upgrade(scope, cluster)):
        return []
    left = await left_in(scope, fresh)
    return list(surge_findings(await _surges(scope, cluster, left), left, scope.spec.azure.location, upgrade=upgrade))


async def _surges(scope: AzureScope, cluster: Mapping[str, Any], left: Left) -> dict[str, Demand]:
    """Return what the pools need that the operator upgrades, for the quotas that Azure shows."""
    pools = [pool for pool in scope.spec.node_pools if not ignores_pool_version(scope.spec, pool.name)]
    wanted = demands(pools, await sizes_of(scope, False), cluster.get("agentPoolProfiles") or ())
    return {name: demand for name, demand in wanted.items() if name in left}


def _upgrade(scope: AzureScope, cluster: Mapping[str, Any]) -> str:
    """Return the version that the spec upgrades the cluster or its pools to; empty: they run that already."""
    wanted = scope.spec.cluster.kubernetes_version
    running = [str(cluster.get("currentKubernetesVersion") or cluster.get("kubernetesVersion") or wanted)]
    pools = [
        pool for pool in cluster.get("agentPoolProfiles") or () if not ignores_pool_version(scope.spec, str(pool.get("name")))
    ]
    running += [str(pool.get("currentOrchestratorVersion") or wanted) for pool in pools]
    return "" if all(reached(current, wanted, floor=scope.spec.cluster.upgrades.moves_version) for current in running) else wanted


def _short(wanted: Mapping[str, Demand], left: Left, location: str) -> Iterator[Finding]:
    for name, demand in wanted.items():
        called, free = left[name]
        if demand.first > free:
            sentence = f"spec.nodePools need {demand.first} vCPUs but only {free} are left in {location} ({called})"
            yield Finding(sentence=sentence, reason=Reason.QUOTA_EXCEEDED, remedy=REMEDY, retry_in=QUOTA_AGAIN)
        elif demand.most > free:
            sentence = f"spec.nodePools may need up to {demand.most} vCPUs but only {free} are left in {location} ({called})"
            yield Finding(sentence=sentence, reason=Reason.QUOTA_TIGHT, remedy=REMEDY, blocks=False)


def surge_findings(wanted: Mapping[str, Demand], left: Left, location: str, *, upgrade: str = "") -> Iterator[Finding]:
    """Yield the quotas that do not allow the surge nodes of an upgrade. `upgrade`: the version of one that the spec asks for, which
    they block; empty: a later one, for which the new nodes are counted too. Pure."""
    for name, demand in wanted.items():
        called, free = left[name]
        rest = free if upgrade else free - max(demand.first, 0)
        if demand.surge <= rest or rest < 0:
            continue
        field = f"spec.nodePools[{demand.pool}]"
        what = f"The upgrade to {upgrade}" if upgrade else "An upgrade of Kubernetes"
        yield Finding(
            sentence=f"{what} needs {demand.surge} more vCPUs for the surge nodes of {field} but only {rest} "
            f"{'are' if upgrade else 'stay'} free in {location} ({called})",
            reason=Reason.QUOTA_EXCEEDED if upgrade else Reason.QUOTA_TIGHT,
            remedy=f"{REQUEST}, or lower {field}.maxSurge.",
            blocks=bool(upgrade),
            pool=demand.pool,
        )


def _room(wanted: Mapping[str, Demand], left: Left, location: str) -> str:
    """Return the quota with the least to spare."""
    name = min(wanted, key=lambda name: left[name][1] - wanted[name].most)
    (called, free), demand = left[name], wanted[name]
    if demand.most <= 0:
        return f"{free} vCPUs left in {location} ({called}), no more are needed"
    begin = f"{demand.first} at first and " if demand.first > 0 else ""
    return f"{free} vCPUs left in {location} ({called}); needed: {begin}{demand.most} at most"
