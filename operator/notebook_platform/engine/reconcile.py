"""One reconcile of the graph: every step whose needs are Ready or Deferred runs, side by side. Deletion walks the same graph backwards
(`engine/teardown.py`)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from notebook_platform.engine.change import Action, Change
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Deferred, Failed, Outcome, Ready, Rechecked, StepError, Unblocking, Waiting
from notebook_platform.engine.step import Inputs, Notice, Observed, Step

log = logging.getLogger(__name__)

STEP_SECONDS = 120.0
"""No step has an honest reason to take longer in one pass: long work is an operation that is looked at again."""


GATE_RECHECK = 60.0
"""Seconds. People come and go: what waits for them is looked at more often than drift is."""


class Mode(Enum):
    """APPLY makes changes real; PLAN only says what they would be (suspend, `notebook-platform plan`)."""

    APPLY = "apply"
    PLAN = "plan"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One step's end in one pass. `drift`: the changes were found although the spec had been made real before;
    `applied`: the changes were sent; `wanted`: the spec asks for this step; `exists`: something of it is there;
    `takes`: how long the changes usually take, in seconds."""

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
    """How one reconcile may act.

    `applied_steps` names the steps that were already made real for this very spec: a change found there is drift, applied only if
    `correct_drift`. `backing_off` are failures whose time to retry has not come: their steps are skipped. `result_cache` holds
    results of moments ago: while another step's operation is polled every few seconds, these steps are not observed again.
    `ignored` says of (step, path) that the spec ignores the difference. `disruption_waits` is set while disruptive changes have to
    wait, and says for what; `occupied` is asked the same when there is such a change, for what takes a request to know.
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
"""Told of each step's result as soon as it is there: an accepted operation must be remembered before anything else."""


async def ignore_result(name: str, result: Result) -> None:
    """No one listens."""


async def reconcile(graph: Graph, policy: Policy, on_result: Listener = ignore_result) -> dict[str, Result]:
    """Walk forwards. Returns a result for every step, in the graph's order; raises nothing a step raised."""

    async def act(step: Step[Any, Any], inputs: Inputs) -> Result:
        if step.name in policy.backing_off:
            return Result(outcome=policy.backing_off[step.name])
        if step.name in policy.result_cache:
            return policy.result_cache[step.name]
        return await guarded(step, _forwards(step, inputs, policy))

    return await walk(graph, graph.needs, act, on_result)


async def _forwards(step: Step[Any, Any], inputs: Inputs, policy: Policy) -> Result:
    await step.prepare(inputs)
    desired = step.desired(inputs)
    observed = await step.observe(inputs, fresh=not step.cacheable)
    changes = _changes(step, desired, observed, policy)
    told_by_operation = observed.busy is not None and observed.busy.operation is not None
    if (changes or observed.failed or observed.busy) and step.cacheable and not told_by_operation:
        observed = await step.observe(inputs, fresh=True)
        changes = _changes(step, desired, observed, policy)
    result = Result(
        outcome=Ready(),
        changes=changes,
        drift=any(not c.due for c in changes) and desired is not None and step.name in policy.applied_steps,
        wanted=desired is not None,
        exists=observed.found is not None,
        notices=observed.notices,
        requeue_after=observed.requeue_after,
        estimate_seconds=step.estimate_seconds([change for change in changes if change.cannot is None]),
    )
    if unusable := observed.failed or observed.busy:
        return replace(result, outcome=unusable, changes=(), drift=False)
    if not changes:
        return replace(result, outcome=step.check_health(observed.found) or Ready(output=step.output(observed.found)))
    left = result.drift and not policy.correct_drift
    allowed = [change for change in changes if change.due or not left]
    if policy.mode is Mode.PLAN or not allowed:
        return replace(result, outcome=_promised(step, desired, observed, policy.mode))
    able = [change for change in allowed if change.cannot is None]
    if not able:
        return replace(result, outcome=next(change.cannot for change in allowed if change.cannot), drift=False)
    free = [change for change in able if change.awaits is None]
    waits = await _disruption_waits(policy, free) if observed.found is not None else ""
    now = [change for change in free if not (change.disrupts and waits)]
    if waits and policy.occupied:
        result = replace(result, requeue_after=min(GATE_RECHECK, result.requeue_after or GATE_RECHECK))
    if not now:
        return replace(result, outcome=_waiting(step, observed, able, waits))
    outcome = await step.apply(desired, observed.found, now)
    sent, later = not isinstance(outcome, Deferred), [change for change in able if change not in now]
    if isinstance(outcome, Ready) and outcome.output is None:
        observed = await step.observe(inputs, fresh=True)
        outcome = (
            observed.failed or observed.busy or step.check_health(observed.found) or Ready(output=step.output(observed.found))
        )
        if later and not (observed.failed or observed.busy):
            outcome = _waiting(step, observed, later, waits)
    return replace(result, outcome=outcome, applied=sent, drift=result.drift and sent)


def _changes(step: Step[Any, Any], desired: Any, observed: Observed[Any], policy: Policy) -> tuple[Change, ...]:
    """What the step would change, but for what the spec leaves to others; nothing while it may not be touched."""
    if observed.failed or observed.busy:
        return ()
    planned = step.plan(desired, observed.found)
    return tuple(c for c in planned if c.action is Action.CREATE or not policy.ignored(step.name, c.path))


async def _disruption_waits(policy: Policy, changes: Sequence[Change]) -> str:
    if not any(change.disrupts for change in changes):
        return ""
    return policy.disruption_waits or (await policy.occupied() if policy.occupied else "")


def _waiting(step: Step[Any, Any], observed: Observed[Any], changes: Sequence[Change], window: str) -> Outcome:
    """Nothing may be changed yet: what that waits for, and how what is there does meanwhile."""
    output = step.output(observed.found)
    if awaits := next((change.awaits for change in changes if change.awaits), None):
        words = f"{awaits.message}. {awaits.remedy}"
        outcome = Deferred(output=output, reason=awaits.reason, message=words, needs_user=True)
    else:
        words = f"{changes[0].path} waits for {window}, because people at work would notice it"
        outcome = Deferred(output=output, reason="DisruptionWaits", message=words)
    amiss = step.check_health(observed.found)
    if isinstance(amiss, Rechecked):
        return replace(amiss, message=f"{amiss.message}; {outcome.message}")
    return amiss or outcome


def _promised(step: Step[Any, Any], desired: Any, observed: Observed[Any], mode: Mode) -> Outcome:
    """Where nothing is applied: later steps go by what is there, or in a plan by what would be."""
    if observed.found is not None or desired is None:
        return step.check_health(observed.found) or Ready(output=step.output(observed.found))
    return Ready(output=step.planned_output(desired)) if mode is Mode.PLAN else Waiting(on=("apply",))


async def guarded(step: Step[Any, Any], work: Awaitable[Result]) -> Result:
    try:
        return await asyncio.wait_for(work, STEP_SECONDS)
    except Exception as error:
        return Result(outcome=failure(step, error))


def failure(step: Step[Any, Any], error: Exception) -> Failed:
    """Every exception becomes a Failed; the text of an unforeseen one stays out of status, it could hold anything."""
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
            remedy="It is tried again; if it stays, see whether the operator can reach the service.",
            retry_in=15,
        )
    log.error("step %s failed unforeseen", step.name, exc_info=error)
    return Failed(
        reason="InternalError",
        message=f"{step.name} failed in a way that the operator does not know ({type(error).__name__})",
        remedy="It is tried again; the operator's log has the details. Please report it.",
        retry_in=30,
    )


async def walk(
    graph: Graph,
    after: Mapping[str, tuple[str, ...]],
    act: Callable[[Step[Any, Any], Inputs], Awaitable[Result]],
    on_result: Listener,
) -> dict[str, Result]:
    """Run `act` on each step once all steps it comes `after` are Ready or Deferred; until then it is Waiting on the rest of them."""
    results: dict[str, Result] = {}
    failures: list[Exception] = []
    tasks: dict[str, asyncio.Task[None]] = {}

    async def visit(name: str) -> None:
        await asyncio.gather(*(tasks[other] for other in after[name]))
        waits_for = tuple(other for other in after[name] if not isinstance(results[other].outcome, Unblocking))
        if waits_for:
            results[name] = Result(outcome=Waiting(on=waits_for))
            return
        inputs = {other: done.output for other in after[name] if isinstance(done := results[other].outcome, Unblocking)}
        results[name] = await act(graph.steps[name], inputs)
        try:
            await on_result(name, results[name])
        except Exception as error:
            failures.append(error)  # after the others: each may be in the middle of a write

    order = graph.order if after == graph.needs else tuple(reversed(graph.order))
    async with asyncio.TaskGroup() as group:
        for name in order:
            tasks[name] = group.create_task(visit(name), name=f"step {name}")
    if failures:
        raise failures[0]
    return {name: results[name] for name in graph.order}


def requeue_after(results: Mapping[str, Result], interval: float) -> float:
    """Seconds until the world may have moved: the shortest wait any outcome asks for, never longer than the interval.

    A step that let later ones go before it is looked at again at once when these are done.
    """
    waits = [r.outcome.requeue_after for r in results.values() if isinstance(r.outcome, Rechecked)]
    waits += [r.requeue_after for r in results.values() if r.requeue_after is not None]
    return min([interval, *waits])
