"""Reconcile the graph once: every step whose needs are Ready or Deferred runs, in parallel.

Deletion traverses the same graph backwards (`engine/teardown.py`). The reconciler calls `reconcile` to apply a spec,
`notebook-platform plan` to print its changes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from notebook_platform.engine.change import Action, Change, Impossible, NeedsApproval, Scheduled, Split, split_by_gate
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import (
    Deferred,
    Failed,
    Operation,
    Outcome,
    Progressing,
    Ready,
    Rechecked,
    StepError,
    Unblocking,
    Waiting,
)
from notebook_platform.engine.step import AnyStep, Inputs, Notice, Observed
from notebook_platform.observability.context import log_applied, step_span

log = logging.getLogger(__name__)

STEP_SECONDS = 120.0
"""Upper bound, in seconds, for one step; longer work is a cloud operation that is polled."""

GATE_RECHECK = 60.0
"""Seconds. Users start and stop servers at any time, so changes deferred until they stop are checked more often than drift."""


class Mode(Enum):
    """APPLY makes changes; PLAN only lists them (suspend, `notebook-platform plan`)."""

    APPLY = "apply"
    PLAN = "plan"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of one step in one reconcile.

    `drift`: the changes appeared although this spec had been applied before. `applied`: the changes were sent. `wanted`: the
    spec asks for this step. `exists`: the resource exists, if only in part. Times are in seconds.
    """

    outcome: Outcome
    changes: tuple[Change, ...] = ()
    drift: bool = False
    applied: bool = False
    wanted: bool = True
    exists: bool = False
    notices: tuple[Notice, ...] = ()
    requeue_after: float | None = None
    estimate_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules of one reconcile.

    `applied_steps` names the steps that were already applied for this very spec: a change found there is drift, and applied
    only if `correct_drift`. `backing_off`: failures whose time to retry has not come; their steps are skipped.
    `result_cache`: recent results; these steps are not observed again while another step's operation is polled every few
    seconds. `ignored` returns for (step, path) whether the spec ignores the difference. `disruption_waits`: what disruptive
    changes are deferred until; empty: nothing. `occupied` returns the same where it takes a request to find out; it is called
    only for a disruptive change.
    """

    mode: Mode = Mode.APPLY
    applied_steps: Collection[str] = frozenset()
    correct_drift: bool = True
    backing_off: Mapping[str, Failed] = field(default_factory=dict)
    result_cache: Mapping[str, Result] = field(default_factory=dict)
    ignored: Callable[[str, str], bool] = lambda step, path: False
    disruption_waits: str = ""
    occupied: Callable[[], Awaitable[str]] | None = None


Listener = Callable[[str, Result], Awaitable[None]]
"""Called with each step's result at once: an accepted operation must be recorded before anything else."""


async def ignore_result(name: str, result: Result) -> None:
    """Do nothing with a result."""


async def reconcile(graph: Graph, policy: Policy, on_result: Listener = ignore_result) -> dict[str, Result]:
    """Reconcile every step. Returns a result for each, in the graph's order; no exception of a step is raised."""

    async def act(step: AnyStep, inputs: Inputs) -> Result:
        if step.name in policy.backing_off:
            return Result(outcome=policy.backing_off[step.name])
        if step.name in policy.result_cache:
            return policy.result_cache[step.name]
        return await guarded(step, _reconcile_step(step, inputs, policy))

    return await walk(graph, graph.needs, act, on_result)


async def _reconcile_step(step: AnyStep, inputs: Inputs, policy: Policy) -> Result:
    """Observe one step, and apply those of its changes that may be applied now. Raises what the step raises."""
    await step.prepare(inputs)
    desired = step.desired(inputs)
    observed, changes = await _observe(step, desired, inputs, policy)
    result = Result(
        outcome=Ready(),
        changes=changes,
        drift=any(not isinstance(c.gate, Scheduled) for c in changes)
        and desired is not None
        and step.name in policy.applied_steps,
        wanted=desired is not None,
        exists=observed.found is not None,
        notices=observed.notices,
        requeue_after=observed.requeue_after,
        estimate_seconds=step.estimate_seconds([c for c in changes if not isinstance(c.gate, Impossible)]),
    )
    if unusable := observed.failed or observed.busy:
        return replace(result, outcome=unusable, changes=(), drift=False)
    if not changes:
        return replace(result, outcome=_health(step, observed.found))
    uncorrected = result.drift and not policy.correct_drift
    allowed = [change for change in changes if isinstance(change.gate, Scheduled) or not uncorrected]
    if policy.mode is Mode.PLAN or not allowed:
        return replace(result, outcome=_planned(step, desired, observed.found, policy.mode))
    waits_for = await _disruption_waits(allowed, policy) if result.exists else ""  # a creation disrupts no user
    split = split_by_gate(allowed, waits_for)
    if waits_for and policy.occupied:
        result = replace(result, requeue_after=min(GATE_RECHECK, result.requeue_after or GATE_RECHECK))
    if not split.now:
        return _without_apply(step, observed.found, split, result)
    log_applied([change.path for change in split.now])
    outcome = await step.apply(desired, observed.found, split.now)
    applied = not isinstance(outcome, Deferred)
    if isinstance(outcome, Ready) and outcome.output is None:
        outcome = await _observe_applied(step, inputs, split)
    return replace(result, outcome=outcome, applied=applied, drift=result.drift and applied)


async def _observe(step: AnyStep, desired: Any, inputs: Inputs, policy: Policy) -> tuple[Observed[Any], tuple[Change, ...]]:
    """Return the observed resource and its changes. A cached observation that has changes is confirmed by a fresh one."""
    observed = await step.observe(inputs, fresh=not step.cacheable)
    changes = _changes(step, desired, observed, policy)
    polled = observed.busy is not None and observed.busy.operation is not None
    if step.cacheable and not polled and (changes or observed.failed or observed.busy):
        observed = await step.observe(inputs, fresh=True)
        changes = _changes(step, desired, observed, policy)
    return observed, changes


def _changes(step: AnyStep, desired: Any, observed: Observed[Any], policy: Policy) -> tuple[Change, ...]:
    """Return what the step would change, except what spec.driftIgnore names; nothing while the resource may not be changed."""
    if observed.failed or observed.busy:
        return ()
    planned = step.plan(desired, observed.found)
    return tuple(c for c in planned if c.action is Action.CREATE or not policy.ignored(step.name, c.path))


async def _disruption_waits(changes: Sequence[Change], policy: Policy) -> str:
    """Return what disruptive changes are deferred until; checked only if one of the changes is disruptive and not blocked
    otherwise."""
    if not any(change.disruptive for change in changes if not isinstance(change.gate, NeedsApproval | Impossible)):
        return ""
    return policy.disruption_waits or (await policy.occupied() if policy.occupied else "")


def _without_apply(step: AnyStep, found: Any, split: Split, result: Result) -> Result:
    """Return the result when no change may be applied now: they are deferred, or all of them are impossible."""
    if split.later:
        return replace(result, outcome=_deferred(step, found, split))
    return replace(result, outcome=split.impossible[0].failed, drift=False)


def _deferred(step: AnyStep, found: Any, split: Split) -> Outcome:
    """Return what the changes are deferred until, or how the resource is unhealthy meanwhile."""
    output = step.output(found)
    if split.approval:
        needed = split.approval[0].failed
        words = f"{needed.message}. {needed.remedy}"
        outcome = Deferred(output=output, reason=needed.reason, message=words, needs_user=True)
    else:
        words = f"{split.deferred[0].path} is deferred until {split.waits_for}: the change is disruptive"
        outcome = Deferred(output=output, reason="DisruptionWaits", message=words)
    unhealthy = step.check_health(found)
    if isinstance(unhealthy, Rechecked):
        return replace(unhealthy, message=f"{unhealthy.message}; {outcome.message}")
    return unhealthy or outcome


def _health(step: AnyStep, found: Any) -> Outcome:
    return step.check_health(found) or Ready(output=step.output(found))


def _planned(step: AnyStep, desired: Any, found: Any, mode: Mode) -> Outcome:
    """Return the outcome when nothing is applied: later steps use what exists, or in a plan what would exist."""
    if found is not None or desired is None:
        return _health(step, found)
    return Ready(output=step.planned_output(desired)) if mode is Mode.PLAN else Waiting(on=("apply",))


async def _observe_applied(step: AnyStep, inputs: Inputs, split: Split) -> Outcome:
    """Observe again after changes that take effect at once."""
    observed = await step.observe(inputs, fresh=True)
    if unusable := observed.failed or observed.busy:
        return unusable
    return _deferred(step, observed.found, split) if split.later else _health(step, observed.found)


async def guarded(step: AnyStep, work: Awaitable[Result]) -> Result:
    """Await a call of a step for at most STEP_SECONDS; an exception becomes a Failed. The call has a span of its own
    (`step_span`)."""
    with step_span(step.name):
        try:
            return await asyncio.wait_for(work, STEP_SECONDS)
        except Exception as error:
            return Result(outcome=failure(step, error))


def failure(step: AnyStep, error: Exception) -> Failed:
    """Return the failure that an exception means. The text of an unexpected exception is left out: it could hold secrets."""
    if isinstance(error, StepError):
        return error.failed
    try:
        known = step.classify_error(error)
    except Exception as second:
        known, error = None, second
    if known:
        return known
    if isinstance(error, TimeoutError):
        return Failed(
            reason="TimedOut",
            message=f"{step.name} did not answer within {STEP_SECONDS:.0f} s",
            remedy="The operator retries. If the error persists, check that the operator can reach the service.",
            retry_in=15,
        )
    log.error("step %s failed with an unexpected error", step.name, exc_info=error)
    return Failed(
        reason="InternalError",
        message=f"{step.name} failed with an unknown error ({type(error).__name__})",
        remedy="The operator retries. Search its log for the details, and report the error.",
        retry_in=30,
    )


async def walk(
    graph: Graph,
    after: Mapping[str, tuple[str, ...]],
    act: Callable[[AnyStep, Inputs], Awaitable[Result]],
    on_result: Listener,
) -> dict[str, Result]:
    """Run `act` on each step once all steps that it comes `after` are Ready or Deferred; until then it is Waiting on the
    remaining ones."""
    results: dict[str, Result] = {}
    failures: list[Exception] = []
    tasks: dict[str, asyncio.Task[None]] = {}

    async def visit(name: str) -> None:
        await asyncio.gather(*(tasks[other] for other in after[name]))
        waits_for = tuple(other for other in after[name] if not isinstance(results[other].outcome, Unblocking))
        if waits_for:
            results[name] = Result(outcome=Waiting(on=waits_for))
            return
        made = {other: done.output for other in after[name] if isinstance(done := results[other].outcome, Unblocking)}
        results[name] = await act(graph.steps[name], graph.inputs(name, made))
        try:
            await on_result(name, results[name])
        except Exception as error:
            failures.append(error)  # raised after all steps have ended: each may be writing

    order = graph.order if after == graph.needs else tuple(reversed(graph.order))
    async with asyncio.TaskGroup() as group:
        for name in order:
            tasks[name] = group.create_task(visit(name), name=f"step {name}")
    if failures:
        raise failures[0]
    return {name: results[name] for name in graph.order}


def requeue_after(results: Mapping[str, Result], interval: float) -> float:
    """Return the seconds until the next reconcile: the shortest wait that an outcome asks for, at most the interval."""
    waits = [r.outcome.requeue_after for r in results.values() if isinstance(r.outcome, Rechecked)]
    waits += [r.requeue_after for r in results.values() if r.requeue_after is not None]
    return min([interval, *waits])


def operations_in_progress(results: Mapping[str, Result]) -> dict[str, Operation]:
    """Return the operations that are in progress in the cloud after the reconcile. Pure.

    The key is the step's name, or the key that the step gives its operation.
    """
    return {
        result.outcome.operation.key or name: result.outcome.operation
        for name, result in results.items()
        if isinstance(result.outcome, Progressing) and result.outcome.operation is not None
    }


def operations_not_polled(results: Mapping[str, Result], recorded: Mapping[str, Operation]) -> dict[str, Operation]:
    """Return the recorded operations of steps that the reconcile did not reach because they wait for other steps. Pure."""
    waiting = {name for name, result in results.items() if isinstance(result.outcome, Waiting)}
    return {key: operation for key, operation in recorded.items() if key.split("/")[0] in waiting}
