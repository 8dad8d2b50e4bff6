"""The desired and the observed state of the step NodePools, and what follows from both. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.agent_pools import FIELD, Wire, pool_of
from notebook_platform.azure.arm.operations import working
from notebook_platform.azure.states import is_busy
from notebook_platform.engine import Action, Change, Failed, Outcome, Progressing, StepError
from notebook_platform.engine.outcome import Deferred

POOL_TAG = "aks-managed-poolName"

AT_ONCE = 0.05
DRAIN_RECHECK, LONGEST_RECHECK, DRAIN_STALLS_AFTER = 3.0, 60.0, 1800.0
"""Seconds until the pods of a pool are evicted again, at first and at most, and until a user has to act."""


@dataclass(frozen=True)
class Wanted:
    """The bodies of the agent pools by name, and the cluster that they belong to."""

    pools: Mapping[str, Wire]
    cluster: outputs.Cluster


@dataclass(frozen=True)
class Found:
    """The agent pools in wire form, and their scale sets, by name. `obstacles`: why Azure would refuse pools; only if read fresh."""

    pools: Mapping[str, Wire]
    scale_sets: Mapping[str, str]
    obstacles: Mapping[str, Failed] = field(default_factory=dict)


def by_pool(scale_sets: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """Return the ids of scale sets by the name of the agent pool that each belongs to."""
    return {s["tags"][POOL_TAG]: str(s["id"]) for s in scale_sets or () if (s.get("tags") or {}).get(POOL_TAG)}


def work_on(pools: Mapping[str, Wire]) -> Progressing | None:
    """Return that Azure works on pools; None: it does not."""
    moving = [f"{name} is {pool['provisioningState']}" for name, pool in pools.items() if is_busy(pool)]
    return working("Updating", f"Agent pool {', '.join(moving)}", 3, "agent pool") if moving else None


def scheduled_bounds(spec: Mapping[str, NodePool], pools: Mapping[str, Wire]) -> dict[str, int]:
    """Return the bounds that schedules decide, by the path of their changes. `spec`, `pools`: the pools and their wanted bodies by name."""
    return {
        f"agentPools[{name}].{member}": pools[name][member]
        for name, pool in spec.items()
        if pool.schedules
        for member in ("minCount", "maxCount")
        if member in pools[name]
    }


def replaced(changes: Sequence[Change]) -> frozenset[str]:
    """Return the names of the pools of which an immutable property changes now."""
    return frozenset(pool_of(change) for change in changes if change.action is Action.REPLACE)


def without_rotations(changes: Sequence[Change], rotating: Collection[str]) -> list[Change]:
    """Return the changes; those that finish the rotation of one of these pools are no drift."""
    whole = (Action.CREATE, Action.REPLACE, Action.DELETE)
    return [replace(c, drift=False) if c.action in whole and pool_of(c) in rotating else c for c in changes]


def check_not_last(name: str, pools: Mapping[str, Wire]) -> None:
    """Raise StepError if a pool that is to be removed is the last one with mode System."""
    if [n for n, pool in pools.items() if str(pool.get("mode") or "System").casefold() == "system"] == [name]:
        raise StepError(
            Reason.LAST_SYSTEM_POOL,
            f"{FIELD}: the agent pool {name} is the cluster's last one with mode System, and a cluster needs one",
            "Restore it in spec.nodePools, or add another System pool first.",
        )


def draining(name: str, left: str) -> Progressing:
    """Return that the nodes of a pool are drained. `left`: the pods that have not moved, as a clause. A PodDisruptionBudget may keep one
    without limit."""
    return Progressing(
        reason=Reason.DRAINING,
        message=f"Agent pool {name}: {left}",
        requeue_after=DRAIN_RECHECK,
        longest_wait=LONGEST_RECHECK,
        stall_after=DRAIN_STALLS_AFTER,
        remedy="Delete these pods, or let their PodDisruptionBudgets allow a disruption (`kubectl get pdb -A`).",
    )


def waits_for_control_plane(cluster: outputs.Cluster, output: outputs.NodePools | None) -> Outcome:
    """Return that the pools have the control plane's version. It is upgraded next if it has waited for them: then the next reconcile begins
    at once."""
    if not cluster.awaits_pools:
        wait = "The agent pools wait for the control plane, which cannot be upgraded further yet"
        return Deferred(output=output, reason=Reason.CONTROL_PLANE_PENDING, message=wait)
    message = "The agent pools have reached the control plane's version; the control plane is upgraded next"
    return Progressing(reason=Reason.UPGRADING, message=message, requeue_after=AT_ONCE)
