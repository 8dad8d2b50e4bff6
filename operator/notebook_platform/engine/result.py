"""Result: what one reconcile or teardown did with a step, and what follows from all results: the next wait, the recorded operations.

The engine makes one Result for each step; conditions, events, metrics and the reconciler read them. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notebook_platform.engine.change import Change
from notebook_platform.engine.outcome import Failed, Operation, Outcome, Progressing, Ready, Rechecked, Waiting
from notebook_platform.engine.step import Notice


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of one step in one reconcile.

    `drift`: those of the changes that undo what another client has changed. `applied`: those that were sent. `remaining`: when nothing
    else is to be applied now, the paths of the changes that are left for another reason than drift; None: the step is not in sync, or
    nothing is known. `varying`: what `Step.varying` returns. `wanted`: the spec asks for this step. `exists`: the resource exists,
    if only in part. `unobserved`: its observation waits for its turn, so nothing new is known.
    `dormant`: the resource is stopped, so it and what runs in it cannot be compared in full. Times are in seconds.
    """

    outcome: Outcome
    changes: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    applied: tuple[Change, ...] = ()
    remaining: tuple[str, ...] | None = None
    varying: Mapping[str, Any] = field(default_factory=dict)
    wanted: bool = True
    unobserved: bool = False
    exists: bool = False
    dormant: bool = False
    notices: tuple[Notice, ...] = ()
    requeue_after: float | None = None
    estimate_seconds: float = 0.0


def is_settled(result: Result) -> bool:
    """Return whether nothing is left to do for a step. Pure."""
    return isinstance(result.outcome, Ready) and not result.changes and not result.applied


def moves_on(results: Mapping[str, Result]) -> bool:
    """Return whether the next reconcile comes when it is due and goes on: something is in progress or failed, and no step waits for its
    turn, which may come later. Pure."""
    working = [r.outcome for r in results.values() if isinstance(r.outcome, Progressing | Failed)]
    return bool(working) and not any(isinstance(one, Progressing) and one.queued for one in working)


def requeue_after(results: Mapping[str, Result], interval: float, now: datetime, *, queued: bool = True) -> float:
    """Return the seconds until the next reconcile: the shortest wait that an outcome asks for, at most the interval.

    Without `queued`, steps that wait for their turn do not count.
    """
    rechecked = [r.outcome for r in results.values() if isinstance(r.outcome, Rechecked)]
    progressing = [one for one in rechecked if isinstance(one, Progressing)]
    waits = [one.requeue_after for one in rechecked if not isinstance(one, Progressing)]
    waits += [one.next_poll(now) for one in progressing if queued or not one.queued]
    waits += [r.requeue_after for r in results.values() if r.requeue_after is not None]
    return min([interval, *waits])


def up_to_date(results: Mapping[str, Result]) -> frozenset[str]:
    """Return the steps that are as the spec asks, with no change left. Pure."""
    compared = results.keys() - asleep(results)
    return frozenset(name for name in compared if isinstance(results[name].outcome, Ready) and not results[name].changes)


def asleep(results: Mapping[str, Result]) -> frozenset[str]:
    """Return the steps that cannot be compared in full because a resource is stopped: its own, and those that may want something again
    once it runs. Pure."""
    if not any(result.dormant for result in results.values()):
        return frozenset()
    return frozenset(name for name, result in results.items() if result.dormant or not (result.wanted or result.exists))


def operations_in_progress(results: Mapping[str, Result]) -> dict[str, Operation]:
    """Return the operations that are in progress in the cloud after the reconcile, or whose state could not be read. Pure.

    The key is the step's name, or the key that the step gives its operation.
    """
    return {
        result.outcome.operation.key or name: result.outcome.operation
        for name, result in results.items()
        if isinstance(result.outcome, Progressing | Failed) and result.outcome.operation is not None
    }


def operations_not_polled(results: Mapping[str, Result], recorded: Mapping[str, Operation]) -> dict[str, Operation]:
    """Return the recorded operations of steps that the reconcile did not reach because they wait for other steps. Pure."""
    waiting = {name for name, result in results.items() if isinstance(result.outcome, Waiting)}
    return {key: operation for key, operation in recorded.items() if key.split("/")[0] in waiting}
