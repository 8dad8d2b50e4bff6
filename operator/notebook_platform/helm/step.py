"""The step of a Helm release: it exists with the wanted chart and values, its live objects equal its manifest, and it is healthy.

The chart adapter knows what the release contains; how it is reconciled is the same for all. Following an upgrade:
`helm/observation.py` reads the release, `helm/plan.py` lists the changes, `helm/actions/install.py` starts helm, and `helm/runner.py` runs
it as a child process, which a later reconcile finds ended.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform import outputs
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.engine import Change, Degraded, Failed, Inputs, Observed, Outcome, Progressing, Ready, Step, StepError
from notebook_platform.helm import plan
from notebook_platform.helm.actions.context import ActionContext
from notebook_platform.helm.actions.install import install, upgrade
from notebook_platform.helm.actions.repair import adopt, correct_drift, release_lock, renew_entry, unlock
from notebook_platform.helm.actions.rollback import rollback
from notebook_platform.helm.actions.uninstall import finish, uninstall
from notebook_platform.helm.actions.waiting import back_off, report_lock_timeout, stop_retrying, until_helm_ends, wait_for_lock
from notebook_platform.helm.chart_adapter import ChartAdapter, Running
from notebook_platform.helm.errors import failure
from notebook_platform.helm.health.issues import sentence
from notebook_platform.helm.history import records_changed
from notebook_platform.helm.observation import ReleaseObserver
from notebook_platform.helm.observed import Found, Prepared
from notebook_platform.helm.ownership import ReleaseScope, orphan_release
from notebook_platform.helm.plan import RevisionPreview
from notebook_platform.helm.state import State, Wanted
from notebook_platform.workload import errors
from notebook_platform.workload.step import WorkloadClusterOutput

RELEASE_SECONDS = 120.0
SHORTEST_RECHECK, LONGEST_RECHECK = 1.5, 30.0
"""Seconds. A release that has been unhealthy for long is observed less often."""

ACTIONS: Mapping[State, Callable[[ActionContext], Awaitable[Outcome]]] = {
    State.ABSENT: install,
    State.UNMANAGED: adopt,
    State.IN_SYNC: renew_entry,
    State.DRIFTED: correct_drift,
    State.OUT_OF_SYNC: upgrade,
    State.FAILED: upgrade,
    State.BACKING_OFF: back_off,
    State.ROLLBACK_DUE: rollback,
    State.RETRIES_EXHAUSTED: stop_retrying,
    State.LOCK_STALE: unlock,
    State.LOCKED: wait_for_lock,
    State.LOCK_TIMEOUT: report_lock_timeout,
}
"""The action for each state."""


class ReleaseStep(Step[Wanted, Found, Running]):
    """One Helm release."""

    deleted_with = outputs.Cluster
    checks_early = True

    def __init__(self, content: ChartAdapter, scope: ReleaseScope) -> None:
        self.name = content.name
        self.needs, self.after = content.needs, content.after
        self._content = content
        self._scope = scope
        self._observer = ReleaseObserver(content, scope)

    async def check_early(self, missing: Set[type]) -> Failed | Progressing | None:
        self._check_order()
        if missing - {WorkloadClusterOutput}:  # the values depend on it
            return None
        try:
            return await self._observer.check_early()
        except (ApiException, aiohttp.ClientError):
            return None  # the management cluster does not answer

    def _check_order(self) -> None:
        if circle := self._content.circle:
            raise StepError(
                Reason.RELEASES_NEED_EACH_OTHER,
                f"{self._content.field}.needs: these releases wait for each other: {', '.join(circle)}",
                "Remove one of these names from the `needs` of another.",
            )

    async def prepare(self, inputs: Inputs) -> Inputs:
        self._check_order()
        target = inputs.get(WorkloadClusterOutput)
        return inputs if target is None else inputs.including(await self._observer.prepare(target))

    def desired(self, inputs: Inputs) -> Wanted | None:
        prepared = inputs.get(Prepared)
        return prepared.wanted if prepared else None

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        return await self._observer.observe(inputs.get(WorkloadClusterOutput), inputs.get(Prepared))

    def plan(self, desired: Wanted | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return ()
        if found is None or found.release is None:
            return plan.installs(desired, found.preview if found else RevisionPreview(), found.owned if found else None)
        drifts = plan.drift(found.drifts, interrupted=found.owned is not None and found.owned.unfinished)
        owner, worked = self._scope.owner, found.has_worked
        changes = plan.changes(desired, found.release, found.state, found.owned, found.preview, owner, worked=worked)
        waits = found.is_adopted and found.state is State.OUT_OF_SYNC
        return [*changes, *(plan.with_gate_of(changes, drifts) if waits else drifts)]

    async def apply(self, desired: Wanted | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None and found is not None
        state = _state_to_act_on(desired, found, changes)
        if state is State.OUT_OF_SYNC and found.release is not None:
            saving = await self._content.save(found.target, found.release, desired)
            if saving is not None:
                return saving
        context = ActionContext(
            api=found.target.api,
            helm=self._scope.helm,
            ledger=self._scope.ledger,
            owner=self._scope.owner,
            step=self.name,
            field=self._content.field,
            key=self._observer.key,
            wanted=desired,
            record=found.record,
            remedies=self._content.remediation,
            history=found.history,
            adopting=found.adopting,
            paths=[change.path for change in changes],
            hooks=found.preview.hooks,
            irreversible=found.irreversible,
        )
        if state is State.DRIFTED and plan.of_revision(desired, changes):
            await renew_entry(context)
        return await ACTIONS[state](context)

    def check_health(self, found: Found | None) -> Outcome | None:
        if found is not None and found.state is State.FAILED and found.release is not None and found.release.status == "failed":
            failed = failure(found.release.description, self._content.field)
            return self._degraded(found, reason=failed.reason, message=failed.message)
        if found is None or not found.health.issues:
            return None
        return self._degraded(found, reason=min(found.health.issues).reason, message=sentence(found.health.issues))

    def _degraded(self, found: Found, *, reason: AnyReason, message: str) -> Degraded:
        since = found.release.last_deployed if found.release else None
        age = (datetime.now(UTC) - since).total_seconds() if since else 0.0
        stall_after = parse_duration(self._content.remediation.stalled_after).total_seconds()
        return Degraded(
            reason=reason,
            message=message,
            requeue_after=min(max(SHORTEST_RECHECK, age / 10), LONGEST_RECHECK),
            stall_after=stall_after,
            since=since,
        )

    def output(self, found: Found | None) -> Running | None:
        if found is None or found.release is None:
            return None
        release = found.release
        return Running(
            name=release.name,
            namespace=release.namespace,
            chart=f"{release.chart}-{release.chart_version}",
            revision=release.revision,
            state=release.status,
            url=found.health.url,
            details=found.health.details,
        )

    def deleted_by_another(self, path: str) -> Failed:
        remedy = (
            f"Set spec.driftPolicy: Correct, or change chart or values of {self._content.field}: the operator then installs it."
        )
        return replace(super().deleted_by_another(path), remedy=remedy)

    def planned_output(self, desired: Wanted) -> Running | None:
        return None

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return RELEASE_SECONDS if changes else 0.0

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        assert found.owned is not None
        scope, content, key, api = self._scope, self._content, self._observer.key, found.target.api
        if scope.helm.stop(key):
            message = f"Stopping the Helm process of {content.release}"
            return Progressing(reason=Reason.DELETING, message=message, requeue_after=0.2)
        if failed := records_changed(found.history, found.owned, content.field, self._observer.label):
            return failed
        if found.history.own is not None:
            return await uninstall(scope.helm, api, scope.ledger, key, found.history.own, once=True)
        await content.clear(api)
        await finish(api, scope.ledger, self._observer.place, found.owned, found.history, with_data=True)
        return Ready()

    def classify_error(self, error: Exception) -> Failed | None:
        return errors.failure(error, self._content.field)

    async def orphan(self, found: Found) -> Outcome:
        if waits := until_helm_ends(self._scope.helm, self._observer.key, self._observer.label):
            return waits
        if waits := await release_lock(found.target.api, found.history.own, found.owned):
            return waits
        await orphan_release(found.target.api, *self._observer.place, self._scope.owner)
        await self._scope.ledger.forget(self._observer.place)
        return Ready()


def _state_to_act_on(desired: Wanted, found: Found, changes: Sequence[Change]) -> State:
    """Return the state whose action makes `changes`, some of which may have been deferred."""
    state = found.state
    if state is State.OUT_OF_SYNC and not plan.of_revision(desired, changes):
        state = State.DRIFTED  # the upgrade is deferred; the drift of the installed revision is corrected meanwhile
    if state is State.DRIFTED and found.is_adopted and any(change.drift for change in changes):
        return State.OUT_OF_SYNC  # no object is created from what another helm wrote: our helm writes a revision from the spec
    return state
