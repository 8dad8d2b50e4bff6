"""Reconcile one platform: a task that reconciles, writes the status, and sleeps until the next reconcile is due.

It wakes on a change of the spec or a deletion, on a change of a Secret or ConfigMap that the spec names, and when the
interval or a requested wait has passed. Before a long wait the platform *rests*: the task ends, and the controller starts another one
when the platform is due. Everything it holds in memory can be restored from the status, the operations Secret
and the cloud: after a restart the next reconcile continues. The controller creates one reconciler for each platform.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from notebook_platform.api import FINALIZER
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.reasons import Reason
from notebook_platform.api.references import references
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import PlatformStatus
from notebook_platform.clients import SharedClients
from notebook_platform.engine.backoff import wait_after
from notebook_platform.engine.outcome import StepError
from notebook_platform.failures import failure_of_reconcile
from notebook_platform.kube.redaction import CURRENT
from notebook_platform.kube.secret_versions import SecretVersions
from notebook_platform.kube.secrets import Platform
from notebook_platform.observability import metrics
from notebook_platform.observability.context import PLATFORM, renew_correlation_id
from notebook_platform.observability.fleet import FLEET, PlatformState
from notebook_platform.observability.tracing import span
from notebook_platform.pace import Pace
from notebook_platform.platform_context import PlatformContext
from notebook_platform.policy import reconcile_trigger
from notebook_platform.reconcile_run import ReconcileRun
from notebook_platform.reconcile_state import SeenObject
from notebook_platform.referrers import Reference
from notebook_platform.status import unfinished, unreadable, with_queued, with_throttled
from notebook_platform.work_queue import Priority

LONGEST_RETRY = 60.0
"""Upper bound, in seconds, for the retry of a reconcile that failed as a whole."""

QUEUED_SHOWN_AFTER = 5.0
"""Seconds in the queue, at least, after which the status of a platform that its user has changed says so; twice as many at most while few
report."""

QUIET_CONFLICTS = 3
"""Number of consecutive conflicts with other writers of the object that do not count as a failure."""


def _now() -> datetime:
    return datetime.now(UTC)


class PlatformReconciler:
    """Reconciles one platform until it is deleted.

    `update` passes it the object as last seen, `wake` reports that a reference has changed; then `awake` is true, and a platform that rests
    is to `run` at once. `refer` is called with everything that the spec refers to. `versions`: those of Secrets that a watch reports.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        api: client.ApiClient,
        shared: SharedClients,
        refer: Callable[[frozenset[Reference]], None] = lambda references: None,
        versions: SecretVersions | None = None,
    ) -> None:
        metadata = body["metadata"]
        self.platform = Platform(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])
        self._seen = SeenObject(body)
        self._context = PlatformContext.of(self.platform, body, api, shared, versions)
        self.awake = False
        self._sleeper: asyncio.Future[None] | None = None
        self._counted: PlatformState | None = None
        self._refer = refer
        self._pace = Pace(shared.limits, time.monotonic())
        self._throttled = False
        self._failures = 0

    def update(self, body: Mapping[str, Any]) -> None:
        """Accept the object as last seen; wake only for what the user changed."""
        if self._accept(body):
            self._wake()

    def _accept(self, body: Mapping[str, Any]) -> bool:
        """Keep the object as last seen; return whether its user has changed something. What was found for an older spec is then
        discarded, whoever has read the object."""
        before = self._seen.body["metadata"]
        self._seen.put(body)
        FLEET.expect(self.platform.uid, self._seen.generation)
        changed = reconcile_trigger(before) != reconcile_trigger(body["metadata"])
        if changed:
            self._context.state.discard()
        return changed

    def wake(self) -> None:
        """Retry at once what failed because of a Secret or ConfigMap that the spec names: it has changed."""
        self._context.state.discard(references_changed=True)
        self._context.shared.reread(self.platform)
        self._wake()

    def _wake(self) -> None:
        self.awake = True
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)
        self._context.shared.slots.prioritize(self)

    async def run(self) -> float | None:
        """Reconcile until the platform rests or the object is deleted. Returns the seconds until the next reconcile is due; None: it is
        deleted."""
        CURRENT.set(self._context.secrets.redactor)
        PLATFORM.set(self._context.log)
        if self._counted is None:
            self._counted = FLEET.begin(self.platform.uid, self._context.label)
            self._context.reporter.begin()
        if (due := await self._reconcile_until_rest()) is None:
            await self.forget()
        return due

    def uncount(self) -> None:
        """Count the platform in no metric any more: nothing reconciles it."""
        if self._counted is not None:
            FLEET.end(self.platform.uid, self._counted)
            self._counted = None

    async def forget(self) -> None:
        """Drop what the operator holds of a platform that is deleted."""
        self.uncount()
        self._context.secrets.forget_versions()
        await self._context.shared.delete_left_access(self.platform)
        await self._context.shared.forget(self.platform)

    async def _reconcile_until_rest(self) -> float | None:
        due: float | None = self._due_in()
        while due is not None:
            await self._sleep(due)
            await self._wait_for_turn()
            async with self._context.shared.slots.request(self, self.platform.namespace, self._priority()) as turn:
                await self._wait_for_slot(turn)
                self.awake = False
                due = await self._attempt()
            if due is not None and due >= self._context.shared.limits.rest_after and not self.awake:
                self._context.rest()
                break
        return due

    async def _sleep(self, wait: float) -> None:
        """Sleep until the platform is woken or the wait has passed."""
        while wait > 0 and not self.awake:
            self._sleeper = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._sleeper], timeout=wait)
            self._sleeper, wait = None, self._due_in()

    def _due_in(self) -> float:
        """Return the seconds until the next reconcile, after a wait has passed. A platform that waits for a token waits on while it is not its
        turn: a reconcile would send nothing."""
        context = self._context
        return min(context.shared.turn_of(context.label), context.state.due_in())

    async def _wait_for_turn(self) -> None:
        """Delay a platform that triggers more reconciles than the operator's configuration allows, and report it in a
        condition."""
        wait = self._pace.take(time.monotonic())
        before, self._throttled = self._throttled, wait > 0
        if before != self._throttled:
            self._context.state.conclusion.clear()
        if not self._throttled:
            return
        metrics.THROTTLED.inc()
        if not before:
            await self._context.reporter.try_write(self._shown(self._context.status))
        await asyncio.sleep(wait)

    def _priority(self) -> Priority:
        """Return how urgent the reconcile is that is due."""
        if self.awake or self._unseen():
            return Priority.URGENT
        return Priority.FOLLOW_UP if self._context.reporter.reconciling else Priority.PERIODIC

    def _unseen(self) -> bool:
        """Return whether no reconcile has seen what the user wants: after a restart most platforms are as they were."""
        return self._seen.deleting or self._context.reporter.observed_generation != self._seen.generation

    async def _wait_for_slot(self, turn: asyncio.Future[None]) -> None:
        """Wait for a slot. A user who waits for this reconcile reads in the status that it is queued."""
        context, reported = self._context, False
        while not turn.done():
            await asyncio.wait([turn], timeout=None if reported else QUEUED_SHOWN_AFTER * random.uniform(1, 2))
            if not turn.done() and (self.awake or self._unseen()):
                with context.shared.slots.report() as reported:
                    if reported:
                        queued = with_queued(context.status, context.shared.slots.limit, self._seen.generation, _now())
                        await context.reporter.try_write(self._shown(queued))
        await turn

    async def _attempt(self) -> float | None:
        """Reconcile once; an exception becomes a condition. Returns the seconds until the next reconcile; None: the object is
        deleted."""
        started = time.monotonic()
        self._context.secrets.redactor.unpack()
        renew_correlation_id()
        FLEET.expect(self.platform.uid, self._seen.generation)
        result = "failed"
        try:
            with metrics.RECONCILES_IN_PROGRESS.track_inprogress(), span("reconcile"):
                wait = await self._reconcile()
            self._failures, result = 0, "completed"
            FLEET.completed(self.platform.uid)
            return wait
        except Exception as error:
            self._failures += 1
            return await self._after(error)
        finally:
            metrics.RECONCILE_SECONDS.observe(time.monotonic() - started)
            metrics.RECONCILES.labels(result=result).inc()

    async def _after(self, error: Exception) -> float | None:
        """Handle an exception of a whole reconcile. Returns the seconds until the next one; None: the object is deleted.

        404: the object is deleted. 409: it has changed since it was read, so read it again. Everything else becomes a
        condition.
        """
        if isinstance(error, ApiException) and error.status in (404, 409):
            try:
                fresh = await self._context.object.read()
            except Exception as second:
                error = second
            else:
                if fresh is None:
                    return None
                self._accept(fresh)
                if self._failures <= QUIET_CONFLICTS:
                    return 0.5
        context = self._context
        failed = failure_of_reconcile(error, context.label)
        status = unfinished(
            failed, previous=context.status, generation=self._seen.generation, now=_now(), redactor=context.secrets.redactor
        )
        await context.reporter.try_write(self._shown(status))
        return min(wait_after(failed, self._failures, LONGEST_RETRY), LONGEST_RETRY)

    def _shown(self, status: PlatformStatus) -> PlatformStatus:
        """Return the status with the condition Throttled while the platform is throttled."""
        return with_throttled(status, self._context.shared.limits if self._throttled else None, self._seen.generation, _now())

    async def _reconcile(self) -> float | None:
        """Reconcile or delete once. Returns the seconds until the next reconcile is due; None when nothing is left to manage."""
        body = self._seen.body
        metadata, deleting = body["metadata"], self._seen.deleting
        if deleting:
            fresh = await self._context.object.read()  # an old spec must not decide: its protection may have been set since
            if fresh is None or FINALIZER not in (fresh["metadata"].get("finalizers") or ()):
                return None
            self._accept(body := fresh)
        self._seen.check_size()
        try:
            spec = NotebookPlatformSpec.model_validate(body.get("spec"))
        except ValidationError as error:
            return await self._invalid(error)
        self._refer(frozenset((kind, self.platform.namespace, name) for kind, name in references(spec)))
        run = ReconcileRun(self._context, body, spec, self._shown)
        if deleting:
            return await run.delete()
        if FINALIZER not in (metadata.get("finalizers") or ()) and not self._context.shared.refuses(self.platform, spec):
            return await self._set_finalizer()
        return await run.apply()

    async def _set_finalizer(self) -> float | None:
        """Set the finalizer and read the object again, whose spec may have changed. Returns seconds; None: the object is deleted."""
        await self._context.object.set_finalizer(self._seen.body, present=True)
        if (fresh := await self._context.object.read()) is None:
            return None
        self._accept(fresh)
        if FINALIZER not in (fresh["metadata"].get("finalizers") or ()):
            raise StepError(
                Reason.FINALIZER_MISSING,
                f"the finalizer {FINALIZER} is missing from the platform after it was set",
                "Find and correct the admission webhook or controller that removes finalizers.",
                retry_in=30,
            )
        return 0.0

    async def _invalid(self, error: ValidationError) -> float | None:
        """Report a spec that the API server accepted and this operator cannot read: the CRD and the operator differ in
        version."""
        context = self._context
        redactor, site, now = context.secrets.redactor, context.shared.limits.docs_url, _now()
        status = unreadable(
            error, previous=context.status, generation=self._seen.generation, now=now, redactor=redactor, site=site
        )
        await context.reporter.write(self._shown(status))
        return parse_duration("10m").total_seconds()
