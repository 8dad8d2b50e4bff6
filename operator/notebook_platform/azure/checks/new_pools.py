"""Checks of the pools of an existing cluster that are to be created, made anew or upgraded: what Azure would refuse, by pool, so that one
does not hold up the rest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.agent_pools import pool_of
from notebook_platform.azure.checks.finding import Finding, failure
from notebook_platform.azure.checks.quota import REMEDY, Left, demands, left_in, surge_findings
from notebook_platform.azure.checks.vm_sizes import Sizes, size_findings, sizes_of
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.versions import ignores_pool_version, reached
from notebook_platform.engine import Action, Change, Failed, StepError
from notebook_platform.engine.change import Impossible

Wire = Mapping[str, Any]


async def pool_obstacles(scope: AzureScope, existing: Mapping[str, Wire], control_plane: str) -> Mapping[str, Failed]:
    """Return why Azure would refuse pools of the spec, by name.

    `existing`: the cluster's pools in wire form; `control_plane`: its version, which pools wait for before they are upgraded. A failure has
    no time of a retry, so that it holds up no later step: each interval checks again. What the principal may not read counts as no
    obstacle. Reads nothing when no pool is to be created or upgraded. Raises StepError.
    """
    pools = {pool.name: pool for pool in scope.spec.node_pools}
    made = [pool for name, pool in pools.items() if _is_made(pool, existing.get(name))]
    upgraded = [pool for pool in pools.values() if pool not in made and _is_upgraded(scope, existing[pool.name], control_plane)]
    if scope.deleting or not (made or upgraded):
        return {}
    try:
        known, left = await sizes_of(scope, False), await left_in(scope, True)
    except StepError as refused:
        if refused.failed.reason == Reason.PERMISSION_MISSING:
            return {}
        raise
    location = scope.spec.azure.location
    findings = [finding for pool in made for finding in _creation(pool, known, left, location)]
    for pool in upgraded:
        wanted = {name: demand for name, demand in demands([pool], known, [existing[pool.name]]).items() if name in left}
        findings += surge_findings(wanted, left, location, upgrade=scope.spec.cluster.kubernetes_version)
    found = {name: failure(finding for finding in findings if finding.pool == name) for name in pools}
    return {name: failed for name, failed in found.items() if failed}


def _is_made(pool: NodePool, existing: Wire | None) -> bool:
    """Return whether a pool is to be created, or created anew with another size."""
    return existing is None or str(existing.get("vmSize", "")).lower() != pool.vm_size.lower()


def _is_upgraded(scope: AzureScope, existing: Wire, control_plane: str) -> bool:
    """Return whether the operator upgrades a pool as soon as the control plane is there."""
    wanted, floor = scope.spec.cluster.kubernetes_version, scope.spec.cluster.upgrades.moves_version
    current = str(existing.get("currentOrchestratorVersion") or wanted)
    if ignores_pool_version(scope.spec, str(existing["name"])):
        return False
    return reached(control_plane, wanted, floor=floor) and not reached(current, wanted, floor=floor)


def _creation(pool: NodePool, known: Sizes, left: Left, location: str) -> Iterator[Finding]:
    yield from size_findings(pool, known, location) if known else ()
    for name, demand in demands([pool], known).items():
        called, free = left.get(name, ("", demand.first))
        if demand.first > free:
            yield Finding(
                sentence=f"spec.nodePools[{pool.name}] needs {demand.first} vCPUs but only {free} are left in {location} ({called})",
                reason=Reason.QUOTA_EXCEEDED,
                remedy=REMEDY,
                pool=pool.name,
            )


def gated(changes: Sequence[Change], obstacles: Mapping[str, Failed]) -> list[Change]:
    """Return the changes of pools, with those that Azure would refuse marked as impossible. Pure."""
    return [_gated(change, obstacles.get(pool_of(change))) for change in changes]


def _gated(change: Change, obstacle: Failed | None) -> Change:
    concerned = change.action in (Action.CREATE, Action.REPLACE) or change.path.endswith(".orchestratorVersion")
    if obstacle is None or not concerned or isinstance(change.gate, Impossible):
        return change
    return replace(change, gate=Impossible(obstacle, disruptive=change.disruptive))
