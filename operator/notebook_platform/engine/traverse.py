"""Traverse the graph: call each step as soon as the steps before it allow it, with an upper bound of time.

`reconcile` traverses forwards and `teardown` backwards. An exception of a step becomes a Failed, so that the other steps still run.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.api_server import failure_of_request
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import REPORT, Failed, Queued, StepError, Unblocking, Waiting
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import AnyStep, Inputs
from notebook_platform.engine.time_limit import limited
from notebook_platform.observability.context import CORRELATION, step_span
from notebook_platform.observability.labels import reason_label
from notebook_platform.observability.tracing import span

log = logging.getLogger(__name__)

STEP_SECONDS = 120.0
"""Upper bound, in seconds, for one step; longer work is a cloud operation that is polled."""

Listener = Callable[[str, Result], Awaitable[None]]
"""Called with each step's result at once: an accepted operation must be recorded before anything else."""


async def ignore_result(name: str, result: Result) -> None:
    """Do nothing with a result."""


async def wait(step: AnyStep, waits_for: tuple[str, ...]) -> Result:
    """Return the result of a step that waits for other steps."""
    return Result(outcome=Waiting(on=waits_for))


async def walk(
    graph: Graph,
    after: Mapping[str, tuple[str, ...]],
    act: Callable[[AnyStep, Inputs], Awaitable[Result]],
    on_result: Listener,
    known: Mapping[str, Result] = MappingProxyType({}),
    pause: Callable[[AnyStep, tuple[str, ...]], Awaitable[Result]] = wait,
) -> dict[str, Result]:
    """Run `act` on each step once all steps that it comes `after` are Ready or Deferred; until then its result is that of `pause`,
    called with the names of the remaining ones. `known`: the results of steps that need not run."""
    results = dict(known)
    failures: list[Exception] = []
    tasks: dict[str, asyncio.Task[None]] = {}

    async def report(name: str) -> None:
        try:
            await on_result(name, results[name])
        except Exception as error:
            failures.append(error)  # raised after all steps have ended: each may be writing

    async def visit(name: str) -> None:
        for other in after[name]:
            if other in tasks:
                await tasks[other]
        waits_for = tuple(other for other in after[name] if not isinstance(results[other].outcome, Unblocking))
        if waits_for:
            results[name] = await pause(graph.steps[name], waits_for)
            if isinstance(results[name].outcome, Failed):
                await report(name)
            return
        made = {other: done.output for other in after[name] if isinstance(done := results[other].outcome, Unblocking)}
        results[name] = await act(graph.steps[name], graph.inputs(name, made))
        await report(name)

    for name in known:
        await report(name)
    order = graph.order if after == graph.needs else tuple(reversed(graph.order))
    async with asyncio.TaskGroup() as group:
        for name in order:
            if name in known:
                continue
            tasks[name] = group.create_task(visit(name), name=f"step {name}")
    if failures:
        raise failures[0]
    return {name: results[name] for name in graph.order}


async def guarded(step: AnyStep, work: Awaitable[Result], seconds: float = STEP_SECONDS) -> Result:
    """Await a call of a step for at most `seconds`; an exception becomes a Failed.

    Time in which the call waits for its turn does not count (`time_limit`). The call has a span of its own.
    """
    with step_span(step.name), span("step") as traced:
        try:
            async with limited(seconds):
                result = await work
        except Queued as queued:
            result = Result(outcome=queued.progressing)
        except Exception as error:
            result = Result(outcome=failure(step, error))
        result = _correlated(result)
        if traced is not None:
            traced.set(outcome=type(result.outcome).__name__)
            if isinstance(result.outcome, Failed):
                traced.set(reason=reason_label(result.outcome.reason))
                traced.fail()
        return result


def _correlated(result: Result) -> Result:
    """Return the result; a failure gets the correlation id of the reconcile, by which the log can be searched, unless it has one."""
    failed = result.outcome
    if not isinstance(failed, Failed) or failed.correlation_id:
        return result
    return replace(result, outcome=replace(failed, correlation_id=CORRELATION.get()))


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
            reason=Reason.TIMED_OUT,
            message=f"{step.name} did not answer within {STEP_SECONDS:.0f} s",
            remedy="The operator retries. If the error persists, check DNS, egress and the proxy of the operator's pod.",
            retry_in=15,
        )
    if rejected := failure_of_request(error, step.name):
        return rejected
    log.error("step %s failed with an unexpected error", step.name, exc_info=error)
    return Failed(
        reason=Reason.INTERNAL_ERROR,
        message=f"{step.name} failed with an unknown error ({type(error).__name__})",
        remedy=REPORT,
        retry_in=30,
    )
