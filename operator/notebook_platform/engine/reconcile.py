"""Reconcile the graph once: every step whose needs are Ready or Deferred runs, in parallel.

Deletion traverses the same graph backwards (`engine/teardown.py`). The reconciler calls `reconcile` to apply a spec,
`notebook-platform plan` to print its changes.
"""

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.change import Action, Change, Impossible, NeedsApproval, Scheduled, Split, split_by_gate
from notebook_platform.engine.drift import IsDrift
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.observation import observation
from notebook_platform.engine.outcome import (
    ChangeWithoutEffect,
    Deferred,
    Degraded,
    Failed,
    Outcome,
    Queued,
    Ready,
    Rechecked,
)
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import AnyStep, Inputs, Observed
from notebook_platform.engine.trace import Tracer
from notebook_platform.engine.traverse import Listener, guarded, ignore_result, wait, walk
from notebook_platform.observability.context import log_applied

GATE_RECHECK = 60.0
"""Seconds. Users start and stop servers at any time, so changes deferred until they stop are checked more often than drift."""


class Mode(Enum):
    """APPLY makes changes; PLAN only lists them (suspend, `notebook-platform plan`)."""

    APPLY = "apply"
    PLAN = "plan"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules of one reconcile.

    `is_drift` returns whether a change of a step is drift (`engine/drift.py`); only with `correct_drift` is it applied. `backing_off`:
    failures whose time to retry has not come; their steps are skipped.
    `result_cache`: recent results; these steps are not observed again while another step's operation is polled every few
    seconds. `tracer` keeps the results of settled steps whose reads are as they were; None: every step is observed. `ignored` returns for
    (step, path) whether the spec ignores the difference. `window_gate`: what disruptive changes are deferred until;
    empty: nothing. `query_gate` returns the same where it takes a request to find out; it is called only for a disruptive change.
    `check_early`: let steps that wait for other steps check what they can already know.
    """

    mode: Mode = Mode.APPLY
    is_drift: IsDrift = lambda step, change, varying: False
    correct_drift: bool = True
    backing_off: Mapping[str, Failed] = field(default_factory=dict)
    result_cache: Mapping[str, Result] = field(default_factory=dict)
    tracer: Tracer | None = None
    ignored: Callable[[str, str], bool] = lambda step, path: False
    window_gate: str = ""
    query_gate: Callable[[], Awaitable[str]] | None = None
    check_early: bool = False


async def reconcile(graph: Graph, policy: Policy, on_result: Listener = ignore_result) -> dict[str, Result]:
    """Reconcile every step. Returns a result for each, in the graph's order; no exception of a step is raised."""

    async def act(step: AnyStep, inputs: Inputs) -> Result:
        if step.name in policy.backing_off:
            return Result(outcome=policy.backing_off[step.name])
        if step.name in policy.result_cache:
            return policy.result_cache[step.name]

        async def observe() -> Result:
            return await guarded(step, _reconcile_step(step, inputs, policy))

        if policy.tracer is None or not step.cacheable:
            return await observe()
        return await policy.tracer.result(step, inputs, observe)

    async def pause(step: AnyStep, waits_for: tuple[str, ...]) -> Result:
        waiting = await wait(step, waits_for)
        if not step.checks_early:
            return waiting
        before = policy.backing_off.get(step.name)
        if before is not None and before.retry_in is None:
            return Result(outcome=before)
        if not policy.check_early:
            return waiting
        checked = await guarded(step, _check_early(step, graph, waits_for, waiting))
        return checked if isinstance(checked.outcome, Failed) and checked.outcome.retry_in is None else waiting

    settles = policy.tracer is not None and not policy.result_cache and not policy.backing_off
    known = await policy.tracer.held(graph) if policy.tracer is not None and settles else {}
    return await walk(graph, graph.needs, act, on_result, known, pause)


async def _check_early(step: AnyStep, graph: Graph, waits_for: Sequence[str], waiting: Result) -> Result:
    """Return why a step that waits for other steps will fail; if it does not know, that it is `waiting`."""
    missing = {kind for name in waits_for if (kind := graph.steps[name].provides) is not None}
    return Result(outcome=await step.check_early(missing) or waiting.outcome)


async def _reconcile_step(step: AnyStep, inputs: Inputs, policy: Policy) -> Result:
    """Observe one step, and apply those of its changes that may be applied now. Raises what the step raises."""
    prepared = await step.prepare(inputs)
    desired = step.desired(prepared)
    try:
        with observation():
            observed, changes = await _observe(step, desired, prepared, policy)
    except Queued as queued:
        return Result(outcome=queued.progressing, unobserved=True)
    varying = step.varying(desired) if desired is not None else {}
    drift = tuple(change for change in changes if desired is not None and _is_drift(step.name, change, varying, policy))
    result = Result(
        outcome=Ready(),
        changes=changes,
        drift=drift,
        varying=varying,
        wanted=desired is not None,
        exists=observed.exists,
        dormant=observed.dormant,
        notices=observed.notices,
        requeue_after=observed.requeue_after,
        estimate_seconds=step.estimate_seconds([c for c in changes if not isinstance(c.gate, Impossible)]),
    )
    if unusable := observed.failed or observed.busy:
        return replace(result, outcome=unusable, changes=(), drift=())
    allowed = changes if policy.correct_drift else tuple(change for change in changes if change not in drift)
    if not allowed and result.wanted:
        result = replace(result, remaining=())
    if not changes:
        return replace(result, outcome=_health(step, observed.found))
    if policy.mode is Mode.PLAN or not allowed:
        return replace(result, outcome=_planned(step, desired, observed, policy.mode, changes))
    waits_for = await _closed_gate(allowed, policy) if result.exists else ""  # a creation disrupts no user
    split = split_by_gate(allowed, waits_for)
    if waits_for and policy.query_gate:
        result = replace(result, requeue_after=min(GATE_RECHECK, result.requeue_after or GATE_RECHECK))
    if not split.now:
        return replace(_without_apply(step, observed.found, split, result), remaining=_paths(changes, drift))
    log_applied([change.path for change in split.now])
    try:
        outcome = await step.apply(desired, observed.found, split.now)
    except ChangeWithoutEffect as useless:
        outcome = _impossible(step, observed.found, useless.failed, exists=result.exists)
    if isinstance(outcome, Deferred):
        return replace(result, outcome=outcome, drift=(), remaining=_paths(changes, drift))
    result = replace(result, applied=split.now)
    if isinstance(outcome, Ready):
        result = replace(result, remaining=_paths(changes, (*drift, *split.now)))
        if outcome.output is None:
            outcome = await _observe_applied(step, inputs, split)
    return replace(result, outcome=outcome)


def _paths(changes: Iterable[Change], without: Container[Change]) -> tuple[str, ...]:
    return tuple(change.path for change in changes if change not in without)


async def _observe(step: AnyStep, desired: Any, inputs: Inputs, policy: Policy) -> tuple[Observed[Any], tuple[Change, ...]]:
    """Return the observed resource and its changes. A cached observation that has changes is confirmed by a fresh one."""
    observed = await step.observe(inputs, fresh=not step.cacheable)
    changes = _changes(step, desired, observed, policy)
    polled = observed.busy is not None and observed.busy.operation is not None
    if step.cacheable and not polled and (changes or observed.failed or observed.busy):
        observed = await step.observe(inputs, fresh=True)
        changes = _changes(step, desired, observed, policy)
    return observed, changes


def _is_drift(step: str, change: Change, varying: Mapping[str, Any], policy: Policy) -> bool:
    """Return whether a change undoes what another client has changed."""
    if change.drift is not None or isinstance(change.gate, Scheduled):
        return bool(change.drift)
    return policy.is_drift(step, change, varying)


def _changes(step: AnyStep, desired: Any, observed: Observed[Any], policy: Policy) -> tuple[Change, ...]:
    """Return what the step would change, except what spec.driftIgnore names; nothing while the resource may not be changed."""
    if observed.failed or observed.busy:
        return ()
    planned = step.plan(desired, observed.found)
    return tuple(c for c in planned if c.action is Action.CREATE or not policy.ignored(step.name, c.path))


async def _closed_gate(changes: Sequence[Change], policy: Policy) -> str:
    """Return what disruptive changes are deferred until; checked only if one of the changes is disruptive and not blocked
    otherwise."""
    if not any(change.disruptive for change in changes if not isinstance(change.gate, NeedsApproval | Impossible)):
        return ""
    return policy.window_gate or (await policy.query_gate() if policy.query_gate else "")


def _without_apply(step: AnyStep, found: Any, split: Split, result: Result) -> Result:
    """Return the result when no change may be applied now: they are deferred, or all of them are impossible."""
    if split.later:
        return replace(result, outcome=_deferred(step, found, split, exists=result.exists))
    drift = tuple(change for change in result.drift if not isinstance(change.gate, Impossible))
    return replace(result, outcome=_impossible(step, found, split.impossible[0].failed, exists=result.exists), drift=drift)


def _impossible(step: AnyStep, found: Any, failed: Failed, *, exists: bool) -> Outcome:
    """Return the outcome when only a change is left that can never be made. Later steps use what exists, so that it holds up nothing
    else; where nothing exists they wait."""
    if not exists or failed.retry_in is not None:
        return failed
    message = f"{failed.message.rstrip('. ')}. {failed.remedy}"
    return _with_health(step, found, Deferred(output=step.output(found), reason=failed.reason, message=message, needs_user=True))


def _deferred(step: AnyStep, found: Any, split: Split, *, exists: bool) -> Outcome:
    """Return what the changes are deferred until, or how the resource is unhealthy meanwhile. Where nothing exists, later steps wait for
    the approval too."""
    if split.approval and not exists:
        return split.approval[0].failed
    output = step.output(found)
    if split.approval:
        needed = split.approval[0].failed
        words = f"{needed.message}. {needed.remedy}"
        outcome = Deferred(output=output, reason=needed.reason, message=words, needs_user=True)
    else:
        words = f"{split.deferred[0].path} is deferred until {split.waits_for}: the change is disruptive"
        outcome = Deferred(output=output, reason=Reason.DISRUPTION_DEFERRED, message=words)
    return _with_health(step, found, outcome)


def _with_health(step: AnyStep, found: Any, outcome: Deferred) -> Outcome:
    """Return the outcome, or how the resource is unhealthy while it lasts, followed by the outcome's message."""
    unhealthy = step.check_health(found)
    if isinstance(unhealthy, Degraded) and outcome.needs_user:
        unhealthy = replace(unhealthy, stall_after=0.0)
    if isinstance(unhealthy, Rechecked):
        return replace(unhealthy, message=f"{unhealthy.message}; {outcome.message}")
    return unhealthy or outcome


def _health(step: AnyStep, found: Any) -> Outcome:
    return step.check_health(found) or Ready(output=step.output(found))


def _planned(step: AnyStep, desired: Any, observed: Observed[Any], mode: Mode, changes: Sequence[Change]) -> Outcome:
    """Return the outcome when nothing is applied: later steps use what exists, or in a plan what would exist."""
    if observed.exists or desired is None:
        return _health(step, observed.found)
    if mode is Mode.PLAN:
        return Ready(output=step.planned_output(desired))
    return step.deleted_by_another(changes[0].path)


async def _observe_applied(step: AnyStep, inputs: Inputs, split: Split) -> Outcome:
    """Observe again after changes that take effect at once. What was left out of them is reported at once too."""
    observed = await step.observe(await step.prepare(inputs), fresh=True)
    if unusable := observed.failed or observed.busy:
        return unusable
    if split.later:
        return _deferred(step, observed.found, split, exists=observed.exists)
    if split.impossible:
        return _impossible(step, observed.found, split.impossible[0].failed, exists=observed.exists)
    return _health(step, observed.found)
