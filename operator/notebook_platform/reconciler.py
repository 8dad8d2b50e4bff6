"""Reconcile one platform: a task that reconciles, writes the status, and sleeps until the next reconcile is due.

It wakes on a change of the spec or a deletion, on a change of a Secret or ConfigMap that the spec names, and when the
interval or a requested wait has passed. Everything it holds in memory can be restored from the status, the operations Secret
and the cloud: after a restart the next reconcile continues. The controller creates one reconciler for each platform.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from notebook_platform.api import FINALIZER
from notebook_platform.api.conditions import Condition
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.references import references
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import PlatformStatus
from notebook_platform.clients import SharedClients
from notebook_platform.deletion import Deletion, DeletionRequest
from notebook_platform.engine.backoff import Attempt, backing_off, next_attempts, wait_after
from notebook_platform.engine.conditions import applied_steps, fold_conditions
from notebook_platform.engine.outcome import Failed, Operation, Ready, StepError, Unblocking
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import Result, operations_in_progress, operations_not_polled, requeue_after
from notebook_platform.failures import failure_of_reconcile
from notebook_platform.helm.plan import approved
from notebook_platform.hubs.users.volumes import CONFIRM
from notebook_platform.kube.objects import PlatformObject
from notebook_platform.kube.operations import OperationStore
from notebook_platform.kube.redaction import CURRENT
from notebook_platform.kube.secrets import Platform, SecretStore
from notebook_platform.observability import metrics
from notebook_platform.observability.context import PLATFORM, PlatformLog, renew_correlation_id
from notebook_platform.observability.events import events
from notebook_platform.pace import Pace
from notebook_platform.policy import disruption_waits, ignored_by, interval_of
from notebook_platform.referrers import Reference
from notebook_platform.sanitizing import sanitized
from notebook_platform.status import platform_status, unfinished, unreadable, with_throttled
from notebook_platform.status_writer import Reporter

log = logging.getLogger(__name__)

FRESH_SECONDS = 60.0
"""Seconds for which (at most half an interval) a Ready or Deferred step is not observed again while an operation of another
is polled."""

LONGEST_RETRY = 60.0
"""Upper bound, in seconds, for the retry of a reconcile that failed as a whole."""

QUIET_CONFLICTS = 3
"""Number of consecutive conflicts with other writers of the object that do not count as a failure."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Pass:
    """The inputs of a reconcile: the generation of the spec, the number of wishes it has seen (`epoch`), the steps that it
    skips."""

    generation: int
    epoch: int
    backing_off: Mapping[str, Failed]
    deleting: bool


class PlatformReconciler:
    """Reconciles one platform until it is deleted.

    `update` passes it the object as last seen, `wake` reports that a reference has changed, and `refer` is called with
    everything that the spec refers to.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        api: client.ApiClient,
        shared: SharedClients,
        refer: Callable[[frozenset[Reference]], None] = lambda references: None,
    ) -> None:
        metadata = body["metadata"]
        self.platform = Platform(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])
        self._object = PlatformObject(api, self.platform)
        self._secrets = SecretStore(api, self.platform)
        self._operations = OperationStore(self._secrets)
        self._shared = shared
        self._body = body
        self._reporter = Reporter(self._object, body, self._label)
        self._attempts: tuple[Attempt, ...] = ()
        self._seen: dict[str, tuple[float, Result]] = {}
        self._epoch = 0
        self._remembered: Mapping[str, Operation] = {}
        self._awake = asyncio.Event()
        self._references_changed = False
        self._deletion = Deletion(self.platform, self._secrets, shared)
        self._refer = refer
        self._pace = Pace(shared.limits, time.monotonic())
        self._throttled = False
        self._failures = 0
        self._log = PlatformLog(self._label)

    def update(self, body: Mapping[str, Any]) -> None:
        """Accept the object as last seen; wake only for what the user changed."""
        before, after = self._body["metadata"], body["metadata"]
        self._body = body
        if _intent(before) != _intent(after):
            self._forget()
            self._awake.set()

    def wake(self) -> None:
        """Retry at once what failed because of a Secret or ConfigMap that the spec names: it has changed."""
        self._forget()
        self._references_changed = True
        self._awake.set()

    def _forget(self) -> None:
        """Discard results and backoffs, including those of a running reconcile: the user has changed what is wanted."""
        self._epoch += 1
        self._attempts = ()
        self._seen = {}

    async def run(self) -> None:
        """Reconcile until the object is deleted."""
        CURRENT.set(self._secrets.redactor)
        PLATFORM.set(self._log)
        wait: float | None = 0.0
        while wait is not None:
            try:
                async with asyncio.timeout(wait):
                    await self._awake.wait()
            except TimeoutError:
                pass
            await self._wait_for_turn()
            self._awake.clear()
            wait = await self._attempt()
        await self._shared.forget(self.platform)

    async def _wait_for_turn(self) -> None:
        """Delay a platform that triggers more reconciles than the operator's configuration allows, and report it in a
        condition."""
        wait = self._pace.take(time.monotonic())
        before, self._throttled = self._throttled, wait > 0
        if not self._throttled:
            return
        metrics.THROTTLED.inc()
        if not before:
            await self._reporter.try_write(self._shown(self._status))
        await asyncio.sleep(wait)

    async def _attempt(self) -> float | None:
        """Reconcile once; an exception becomes a condition. Returns the seconds until the next reconcile; None: the object is
        deleted."""
        started = time.monotonic()
        renew_correlation_id()
        try:
            wait = await self._pass()
            self._failures = 0
            return wait
        except Exception as error:
            self._failures += 1
            return await self._after(error)
        finally:
            metrics.PASS_SECONDS.observe(time.monotonic() - started)

    @property
    def _label(self) -> str:
        return f"{self.platform.namespace}/{self.platform.name}"

    async def _after(self, error: Exception) -> float | None:
        """Handle an exception of a whole reconcile. Returns the seconds until the next one; None: the object is deleted.

        404: the object is deleted. 409: it has changed since it was read, so read it again. Everything else becomes a
        condition.
        """
        if isinstance(error, ApiException) and error.status in (404, 409):
            try:
                fresh = await self._object.read()
            except Exception as second:
                error = second
            else:
                if fresh is None:
                    return None
                self._body = fresh
                if self._failures <= QUIET_CONFLICTS:
                    return 0.5
        failed = failure_of_reconcile(error, self._label)
        status = unfinished(
            failed, previous=self._status, generation=self._generation, now=_now(), redactor=self._secrets.redactor
        )
        await self._reporter.try_write(self._shown(status))
        return min(wait_after(failed, self._failures, LONGEST_RETRY), LONGEST_RETRY)

    @property
    def _status(self) -> PlatformStatus:
        return self._reporter.status

    def _shown(self, status: PlatformStatus) -> PlatformStatus:
        """Return the status with the condition Throttled while the platform is throttled."""
        return with_throttled(status, self._shared.limits if self._throttled else None, self._generation, _now())

    @property
    def _generation(self) -> int:
        return int(self._body["metadata"].get("generation") or 0)

    async def _pass(self) -> float | None:
        """Reconcile or delete once. Returns the seconds until the next reconcile is due; None when nothing is left to manage."""
        metadata = self._body["metadata"]
        deleting = bool(metadata.get("deletionTimestamp"))
        if deleting:
            fresh = await self._object.read()  # an old spec must not decide: its protection may have been set since
            if fresh is None or FINALIZER not in (fresh["metadata"].get("finalizers") or ()):
                return None
            self._body = fresh
        try:
            spec = NotebookPlatformSpec.model_validate(self._body.get("spec"))
        except ValidationError as error:
            return await self._invalid(error)
        self._refer(frozenset((kind, self.platform.namespace, name) for kind, name in references(spec)))
        if deleting:
            return await self._delete(spec)
        if FINALIZER not in (metadata.get("finalizers") or ()) and not self._shared.refuses(self.platform, spec):
            await self._object.set_finalizer(self._body, present=True)
            if (fresh := await self._object.read()) is None:
                return None
            self._body = fresh
            if FINALIZER not in (fresh["metadata"].get("finalizers") or ()):
                raise StepError(
                    "FinalizerMissing",
                    f"the finalizer {FINALIZER} is missing from the platform after it was set",
                    "Find and correct the admission webhook or controller that removes finalizers.",
                    retry_in=30,
                )
            return 0.0  # the spec may have changed by now: read it again
        return await self._reconcile(spec)

    async def _reconcile(self, spec: NotebookPlatformSpec) -> float:
        now, generation, epoch = _now(), self._generation, self._epoch
        self._remembered = await self._operations.load(self._shared.operation_scope(spec))
        versions = approved(self._body["metadata"])
        graph = await self._shared.graph(
            self.platform,
            spec,
            self._secrets,
            self._remembered,
            planning=spec.suspend,
            approved=versions,
            refused=self._operations.refused,
        )
        waiting = backing_off(self._attempts, now)
        references_changed, self._references_changed = self._references_changed, False
        policy = Policy(
            mode=Mode.PLAN if spec.suspend else Mode.APPLY,
            applied_steps=frozenset() if references_changed else applied_steps(self._status.conditions, generation, graph.order),
            correct_drift=spec.drift_policy == "Correct",
            backing_off=waiting,
            result_cache=self._recent_results(interval_of(spec, self._shared.limits)),
            ignored=ignored_by(spec.drift_ignore),
            disruption_waits=disruption_waits(spec, now),
            occupied=self._shared.occupied(self.platform, spec, self._secrets),
        )
        results = await reconcile(graph, policy, self._told)
        await self._shared.after(self.platform, results)
        if epoch == self._epoch:
            self._cache_results(results)
        results = sanitized(results, self._secrets.redactor)
        conditions = fold_conditions(results, self._status.conditions, generation=generation, now=_now(), suspended=spec.suspend)
        return await self._conclude(spec, results, conditions, Pass(generation, epoch, waiting, deleting=False))

    def _recent_results(self, interval: float) -> dict[str, Result]:
        oldest = time.monotonic() - min(FRESH_SECONDS, interval / 2)
        return {name: result for name, (when, result) in self._seen.items() if when > oldest}

    def _cache_results(self, results: Mapping[str, Result]) -> None:
        """Cache the results of finished steps that have no pending change; the other steps are observed again."""
        now, before = time.monotonic(), self._seen
        self._seen = {
            name: before[name] if name in before and before[name][1] is result else (now, result)
            for name, result in results.items()
            if isinstance(result.outcome, Unblocking) and not result.changes
        }

    async def _delete(self, spec: NotebookPlatformSpec) -> float | None:
        generation, epoch = self._generation, self._epoch
        waiting = backing_off(self._attempts, _now())
        self._remembered = await self._operations.load(self._shared.operation_scope(spec))
        request = DeletionRequest(
            spec=spec,
            body=self._body,
            status=self._status,
            operations=self._remembered,
            refused=self._operations.refused,
            backing_off=waiting,
            on_result=self._told,
        )
        state = await self._deletion.advance(request)
        self._reporter.status = state.status
        if state.results:
            await self._shared.after(self.platform, state.results)
        if state.finished:
            fresh = await self._object.read()
            if fresh is not None:
                await self._object.set_finalizer(fresh, present=False)
            log.info("%s: deleted", self._label)
            return None
        results = sanitized(state.results, self._secrets.redactor)
        conditions = fold_conditions(
            results,
            self._status.conditions,
            generation=generation,
            now=_now(),
            deleting=not state.protected,
            suspended=state.protected,
        )
        return await self._conclude(spec, results, conditions, Pass(generation, epoch, waiting, deleting=True))

    async def _told(self, step: str, result: Result) -> None:
        """Record an accepted operation before anything else happens."""
        metrics.STEP_OUTCOMES.labels(step=step, outcome=type(result.outcome).__name__).inc()
        if isinstance(result.outcome, Ready):
            self._log.in_sync(step)
        for key, operation in operations_in_progress({step: result}).items():
            await self._operations.remember(key, operation)

    async def _conclude(
        self, spec: NotebookPlatformSpec, results: Mapping[str, Result], conditions: list[Condition], made: Pass
    ) -> float:
        now, interval = _now(), interval_of(spec, self._shared.limits)
        running = {**operations_not_polled(results, self._remembered), **operations_in_progress(results)}
        await self._operations.forget_all_but(running)
        self._attempts = (
            next_attempts(results, self._attempts, now, interval, made.backing_off) if made.epoch == self._epoch else ()
        )
        correcting = spec.drift_policy == "Correct" and not spec.suspend and not made.deleting
        told = list(events(results, self._status.conditions, conditions, correcting=correcting, deleting=made.deleting))
        status = platform_status(
            results,
            conditions,
            previous=self._status,
            generation=made.generation,
            operations=running,
            attempts=self._attempts,
            redactor=self._secrets.redactor,
        )
        await self._reporter.write(self._shown(status))
        for event in told:
            await self._reporter.tell(event, now)
        retries = [(attempt.retry_at - now).total_seconds() for attempt in self._attempts]
        wait = min([requeue_after(results, interval * random.uniform(0.9, 1.0)), *retries])
        return max(wait, 0.05)

    async def _invalid(self, error: ValidationError) -> float | None:
        """Report a spec that the API server accepted and this operator cannot read: the CRD and the operator differ in
        version."""
        status = unreadable(
            error, previous=self._status, generation=self._generation, now=_now(), redactor=self._secrets.redactor
        )
        await self._reporter.write(self._shown(status))
        return parse_duration("10m").total_seconds()


def _intent(metadata: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the members of an object's metadata that change when the user wants something else."""
    confirmed = (metadata.get("annotations") or {}).get(CONFIRM)
    return metadata.get("generation"), bool(metadata.get("deletionTimestamp")), confirmed, approved(metadata)
