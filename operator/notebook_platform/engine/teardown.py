"""Delete or orphan the resources of the graph: observe all steps forwards, then act on them backwards.

The deletion of a platform calls it, and repeats it until every result is Ready.
"""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Deferred, Failed, Outcome, Progressing, Ready, Waiting
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import AnyStep, Inputs, Observed
from notebook_platform.engine.time_limit import limited
from notebook_platform.engine.traverse import STEP_SECONDS, Listener, failure, guarded, ignore_result, walk
from notebook_platform.observability.context import log_deletion

log = logging.getLogger(__name__)


async def _observe_forwards(graph: Graph) -> tuple[dict[str, Observed[Any] | Failed], dict[str, object]]:
    """Observe every step. Returns what each found, Failed where it could not be observed, and the outputs by step."""
    observations: dict[str, Observed[Any] | Failed] = {}
    made: dict[str, object] = {}
    for name in graph.order:
        step, inputs = graph.steps[name], graph.inputs(name, made)
        if any(isinstance(observations[need], Failed) for need in graph.needs[name]):
            observations[name] = Failed(reason=Reason.BLOCKED, message=f"{name} cannot be observed", remedy="", retry_in=10)
            continue
        try:
            async with limited(STEP_SECONDS):
                observations[name] = observed = await step.observe(inputs, fresh=True)
            if observed.exists:
                made[name] = step.output(observed.found)
        except Exception as error:
            observations[name] = failed = failure(step, error)
            if step.dispensable:
                log.info("%s cannot be observed, and the deletion goes on without it: %s", name, failed.message)
                observations[name] = Observed(found=step.desired(inputs))
                made[name] = step.output(step.desired(inputs))
    return observations, made


async def teardown(graph: Graph, backing_off: Mapping[str, Failed], on_result: Listener = ignore_result) -> dict[str, Result]:
    """Observe the steps forwards, then delete backwards: a resource is deleted once everything that depends on it is deleted.

    A result is Ready once nothing that the platform owns is left of its step.
    """
    observations, made = await _observe_forwards(graph)

    async def act(step: AnyStep, _: Inputs) -> Result:
        host = graph.provider(step.deleted_with) if step.deleted_with else None
        hosting = observations[host] if host else None
        ends_anyway = isinstance(hosting, Observed) and hosting.exists
        if ends_anyway and isinstance(observations[step.name], Failed):
            return Result(outcome=Ready())
        result = await delete(step)
        if ends_anyway and isinstance(result.outcome, Failed):
            log.warning("%s is deleted with %s: %s", step.name, host, result.outcome.message)
            return Result(outcome=Ready())
        return result

    async def delete(step: AnyStep) -> Result:
        observed = observations[step.name]
        if isinstance(observed, Failed):
            return Result(outcome=_blamed(graph, step, observed, observations))
        if not observed.ours or (not observed.exists and not observed.busy and not observed.failed):
            return Result(outcome=Ready())
        if step.name in backing_off:
            return Result(outcome=backing_off[step.name], exists=True)
        if observed.busy and (not observed.exists or observed.busy.reason == Reason.DELETING):
            return Result(outcome=observed.busy, exists=True)
        if not observed.exists:
            return Result(outcome=observed.failed or Ready(), exists=True)
        return await guarded(step, _deleted(step, observed.found, graph.inputs(step.name, made)))

    return await walk(graph, _waits(graph, observations), act, on_result)


def _blamed(graph: Graph, step: AnyStep, failed: Failed, observations: Mapping[str, Observed[Any] | Failed]) -> Outcome:
    """Return the outcome of a step that cannot be observed: it waits for the steps that block the observation, if any; they
    report the cause."""
    culprits = tuple(need for need in graph.needs[step.name] if isinstance(observations[need], Failed))
    if not culprits and failed.reason == Reason.QUEUED:
        return Progressing(reason=failed.reason, message=failed.message, requeue_after=failed.retry_in or 0.0)
    return Waiting(on=culprits) if culprits else failed


def _waits(graph: Graph, observations: Mapping[str, Observed[Any] | Failed]) -> dict[str, tuple[str, ...]]:
    """Return for each step the dependents that it waits for.

    A step that cannot be observed waits for none: its dependents wait for it, and in a cycle of waits no condition would name
    the cause.
    """
    return {name: () if isinstance(observations[name], Failed) else others for name, others in graph.dependents.items()}


async def _deleted(step: AnyStep, found: Any, inputs: Inputs) -> Result:
    log_deletion()
    return Result(outcome=await step.delete(found, inputs), exists=True)


async def orphan(graph: Graph, given_up: Collection[str] = ()) -> dict[str, Result]:
    """Observe the steps forwards, then remove the operator's marks backwards; nothing is deleted.

    The mark of a resource is removed after those of its dependents: without it they would not be observed again. A mark that can never be
    removed, because Azure refuses it or does not let the resource be observed, is left in place and holds up none of the rest: the result
    of its step is Deferred. `given_up`: steps whose failure was retried often enough.
    """
    observations, _ = await _observe_forwards(graph)

    async def act(step: AnyStep, _: Inputs) -> Result:
        observed = observations[step.name]
        if isinstance(observed, Failed):
            causes = _causes(graph, step.name, observations)
            if all(cause.retry_in is None or name in given_up for name, cause in causes.items()):
                return _left(step, next(iter(causes.values())))
            return Result(outcome=_blamed(graph, step, observed, observations))
        if observed.busy:
            return Result(outcome=observed.busy)
        if not observed.exists or not observed.ours:
            return Result(outcome=Ready())
        result = await guarded(step, _released(step, observed.found))
        if isinstance(result.outcome, Failed) and (result.outcome.retry_in is None or step.name in given_up):
            return _left(step, result.outcome)
        return result

    return await walk(graph, _waits(graph, observations), act, ignore_result)


def _left(step: AnyStep, cause: Failed) -> Result:
    """Return that the mark of a step is left in place."""
    log.warning("%s keeps the operator's mark: %s", step.name, cause.message)
    return Result(outcome=Deferred(output=None, reason=cause.reason, message=cause.message, needs_user=True), exists=True)


def _causes(graph: Graph, name: str, observations: Mapping[str, Observed[Any] | Failed]) -> dict[str, Failed]:
    """Return why a step cannot be observed, by step: its own failure, or those of the steps that block it."""
    blocking = [need for need in graph.needs[name] if isinstance(observations[need], Failed)]
    failed = observations[name]
    if not blocking:
        return {name: failed} if isinstance(failed, Failed) else {}
    return {step: cause for need in blocking for step, cause in _causes(graph, need, observations).items()}


async def _released(step: AnyStep, found: Any) -> Result:
    return Result(outcome=await step.orphan(found), exists=True)
