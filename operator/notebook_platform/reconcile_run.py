"""One reconcile of one platform: build the graph, run the engine, record operations, write status and Events.

The reconciler (`reconciler.py`) creates a ReconcileRun for each reconcile and calls `apply`, or `delete` once the platform is being deleted.
"""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from notebook_platform.api.conditions import Condition
from notebook_platform.api.drift_ignore import ignored_by
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import PlatformStatus
from notebook_platform.azure.last_applied import Record, claims_of, confirmed, joined
from notebook_platform.deletion import DeletionRequest, marks_left
from notebook_platform.engine.backoff import exhausted
from notebook_platform.engine.conditions import condition_of, fold_conditions, steps_in_sync
from notebook_platform.engine.drift import Baseline, StepBaseline
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Operation, Progressing, Ready
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import (
    Result,
    moves_on,
    operations_in_progress,
    operations_not_polled,
    requeue_after,
    up_to_date,
)
from notebook_platform.engine.trace import Read, Tracer, Traces
from notebook_platform.events import events
from notebook_platform.helm.plan import approved
from notebook_platform.kube.applied import Applied, Records
from notebook_platform.kube.secrets import SOURCE
from notebook_platform.observability import metrics
from notebook_platform.observability.labels import reason_label, step_label
from notebook_platform.platform_context import PlatformContext
from notebook_platform.policy import interval_of, spread, window_gate
from notebook_platform.reconcile_state import Conclusion
from notebook_platform.sanitizing import sanitized
from notebook_platform.status import platform_status

log = logging.getLogger(__name__)

SHORTEST_WAIT = 0.05
"""Seconds."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Begun:
    """What was known when a reconcile began: the recorded operations, the state's epoch, traces and conclusion (a change of the spec replaces
    them), and the steps that back off."""

    operations: Mapping[str, Operation]
    epoch: int
    traces: Traces
    conclusion: Conclusion
    backing_off: Mapping[str, Failed]


class ReconcileRun:
    """One reconcile. `body`: the object as read; `spec`: its parsed spec; `shown` adds to a status what only the reconciler knows."""

    def __init__(
        self,
        context: PlatformContext,
        body: Mapping[str, Any],
        spec: NotebookPlatformSpec,
        shown: Callable[[PlatformStatus], PlatformStatus],
    ) -> None:
        self._context = context
        self._body = body
        self._spec = spec
        self._shown = shown
        self._generation = int(body["metadata"].get("generation") or 0)
        self._interval = interval_of(spec, context.shared.limits)

    async def apply(self) -> float:
        """Reconcile the spec. Returns the seconds until the next reconcile. Raises ApiException and StepError."""
        context, spec = self._context, self._spec
        begun = await self._begin()
        claims, applied = claims_of(spec), await context.applied.load()
        if not spec.suspend:
            await context.applied.save(replace(applied, records=joined(applied.records, claims)), lazily=True)
        graph = await context.shared.graph(
            context.platform,
            spec,
            context.secrets,
            begun.operations,
            planning=spec.suspend,
            approved=approved(self._body["metadata"]),
            refused=context.operations.refused,
            applied=applied.records,
            edited=context.reporter.observed_generation not in (None, self._generation),
        )
        baseline = await self._baseline(applied, graph)
        tracer = None if spec.suspend else self._tracer(begun.traces, applied.records)
        results = await reconcile(graph, self._policy(begun, tracer, baseline), self._record)
        observed = results.keys() - (tracer.kept if tracer else ())
        if begun.conclusion.repeats(results, observed, context.reporter.writes):
            return self._requeue(results)
        begun.conclusion.clear()
        await context.shared.after(context.platform, results)
        await self._keep_applied(baseline.after(results), claims, results)
        context.state.cache_results(results, begun.epoch)
        results, conditions = self._reported(results, begun, suspended=spec.suspend)
        wait = await self._conclude(results, conditions, begun, deleting=False)
        begun.conclusion.keep(results, observed, context.reporter.writes)
        return wait

    async def _baseline(self, applied: Applied, graph: Graph) -> Baseline:
        """Return what was in sync with this spec before. The conditions tell where it was never recorded."""
        store, baseline = self._context.applied, applied.baseline
        if baseline is None:
            known = steps_in_sync(self._context.status.conditions, self._generation)
            baseline = Baseline(generation=self._generation, steps=dict.fromkeys(known, StepBaseline(remaining=())))
        baseline = baseline.at(self._generation)
        if self._context.state.take_references_changed():
            baseline = baseline.without([name for name, step in graph.steps.items() if step.refers])
            await store.save(replace(await store.load(), baseline=baseline))
        return baseline

    async def _keep_applied(self, baseline: Baseline, claims: Mapping[str, Record], results: Mapping[str, Result]) -> None:
        """Record what is in sync now. While an operation is in progress the baseline changes in each reconcile, so it is stored later."""
        store = self._context.applied
        known = (await store.load()).records
        records = known if self._spec.suspend else confirmed(known, claims, up_to_date(results))
        working = any(isinstance(result.outcome, Progressing) for result in results.values())
        await store.save(Applied(records=records, baseline=baseline), lazily=working)

    async def _begin(self) -> _Begun:
        context, state = self._context, self._context.state
        epoch, traces, conclusion = state.epoch, state.traces, state.conclusion
        operations = await context.operations.load(context.shared.operation_scope(self._spec))
        return _Begun(operations, epoch, traces, conclusion, state.backing_off(_now()))

    def _tracer(self, traces: Traces, applied: Records) -> Tracer:
        """Return what verifies the traces of the platform's steps, and records new ones."""
        context, cached = self._context, self._context.shared.verify(self._context.platform, self._spec)

        async def verify(read: Read) -> bool:
            return await (context.secrets.verify(read) if read.source == SOURCE else cached(read))

        return Tracer(traces, verify, hash((self._generation, repr(applied))))

    def _policy(self, begun: _Begun, tracer: Tracer | None, baseline: Baseline) -> Policy:
        context, spec = self._context, self._spec
        return Policy(
            mode=Mode.PLAN if spec.suspend else Mode.APPLY,
            is_drift=baseline.is_drift,
            correct_drift=spec.drift_policy == "Correct",
            backing_off=begun.backing_off,
            result_cache=context.state.recent_results(self._interval),
            tracer=tracer,
            ignored=ignored_by(spec.drift_ignore),
            window_gate=window_gate(spec, _now()),
            query_gate=context.shared.query_gate(context.platform, spec, context.secrets),
            check_early=context.state.take_early_check(),
        )

    async def delete(self) -> float | None:
        """Continue the deletion. Returns the seconds until the next reconcile; None: it is finished. Raises ApiException and StepError."""
        context, begun = self._context, await self._begin()
        request = DeletionRequest(
            spec=self._spec,
            body=self._body,
            status=context.status,
            operations=begun.operations,
            refused=context.operations.refused,
            backing_off=begun.backing_off,
            given_up=[attempt.step for attempt in context.state.attempts if attempt.failed.retry_in is None],
            on_result=self._record,
        )
        deletion = await context.deletion.advance(request)
        context.reporter.status = deletion.status
        if deletion.results:
            await context.shared.after(context.platform, deletion.results)
        if deletion.finished:
            left = sanitized(deletion.results, context.secrets.redactor)
            if event := marks_left(left, context.shared.owner(context.platform).tag):
                await context.reporter.emit_event(event, _now())
            await context.shared.delete_access(context.platform)
            fresh = await context.object.read()
            if fresh is not None:
                await context.object.set_finalizer(fresh, present=False)
            log.info("%s: deleted", context.label)
            return None
        results, conditions = self._reported(
            deletion.results, begun, suspended=deletion.protected, deleting=not deletion.protected
        )
        return await self._conclude(results, conditions, begun, deleting=True)

    def _reported(
        self, results: Mapping[str, Result], begun: _Begun, *, suspended: bool, deleting: bool = False
    ) -> tuple[dict[str, Result], list[Condition]]:
        """Return the results as they are reported, timed and without secrets, and the conditions that follow from them."""
        context = self._context
        timed = exhausted(context.state.timed(results, _now()), context.state.attempts, begun.backing_off)
        shown = sanitized(timed, context.secrets.redactor)
        conditions = fold_conditions(
            shown,
            context.status.conditions,
            generation=self._generation,
            now=_now(),
            deleting=deleting,
            suspended=suspended,
            site=context.shared.limits.docs_url,
        )
        return shown, conditions

    async def _record(self, step: str, result: Result) -> None:
        """Record an accepted operation before anything else happens."""
        _, reason, _ = condition_of(result.outcome)
        metrics.STEP_OUTCOMES.labels(step_label(step), type(result.outcome).__name__, reason_label(reason)).inc()
        if isinstance(result.outcome, Ready):
            self._context.log.in_sync(step)
        for key, operation in operations_in_progress({step: result}).items():
            await self._context.operations.save(key, operation)

    async def _conclude(
        self, results: Mapping[str, Result], conditions: list[Condition], begun: _Begun, *, deleting: bool
    ) -> float:
        """Drop finished operations, count failures, write the status and the Events. Returns the seconds until the next reconcile."""
        context, now, state = self._context, _now(), self._context.state
        running = {**operations_not_polled(results, begun.operations), **operations_in_progress(results)}
        await context.operations.prune(running)
        state.count_failures(results, now, self._interval, begun.backing_off, begun.epoch)
        correcting = self._spec.drift_policy == "Correct" and not self._spec.suspend and not deleting
        to_report = list(events(results, context.status.conditions, conditions, correcting=correcting, deleting=deleting))
        status = platform_status(
            results,
            conditions,
            previous=context.status,
            generation=self._generation,
            operations=running,
            attempts=state.attempts,
            redactor=context.secrets.redactor,
        )
        wait = self._requeue(results)
        await context.reporter.write_or_leave(self._shown(status), wait if moves_on(results) else self._interval)
        for event in to_report:
            await context.reporter.emit_event(event, now)
        return wait

    def _requeue(self, results: Mapping[str, Result]) -> float:
        """Return the seconds until the next reconcile."""
        state, now = self._context.state, _now()
        retries = [attempt.left(now) for attempt in state.attempts]
        jitter, first = random.random(), state.take_first()
        requeue, other = (
            spread(requeue_after(results, self._interval, now, queued=queued), self._interval, jitter, first=first)
            for queued in (True, False)
        )
        state.due_after(min([other, *retries]))
        return max(min([requeue, *retries]), SHORTEST_WAIT)
