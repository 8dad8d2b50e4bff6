"""Observation of a release: the records that Helm and the operator keep, its state, its drift and its health.

`ReleaseObserver` reads; it writes nothing and holds nothing. What it returns, Prepared and Found (`helm/observed.py`), is all that
the step of the release (`helm/step.py`) plans and applies from.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine import Failed, Observed, Progressing
from notebook_platform.engine.outcome import Queued, StepError
from notebook_platform.engine.step import Notice
from notebook_platform.helm import plan
from notebook_platform.helm.adoption import adoptable
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.claims import has_claims
from notebook_platform.helm.conflicts import after_retirement, explained, under_another_chart
from notebook_platform.helm.deprecated_apis import unserved_kinds
from notebook_platform.helm.drift import Comparison, drifted, unknown_notice
from notebook_platform.helm.dry_run import REMOTE
from notebook_platform.helm.history import History, read_history, records_changed
from notebook_platform.helm.hooks import hook_objects_to_adopt
from notebook_platform.helm.ignored_values import mismatch_notices
from notebook_platform.helm.ledger import OwnedRelease, Place
from notebook_platform.helm.lock_holder import live_holder
from notebook_platform.helm.meanwhile import with_health
from notebook_platform.helm.observed import Found, Prepared, Records, adopting
from notebook_platform.helm.ownership import ReleaseScope, ownership_conflict, read_owner
from notebook_platform.helm.plan import RevisionPreview, upgrade_approval
from notebook_platform.helm.release import Release, as_stored_values
from notebook_platform.helm.runner import Run
from notebook_platform.helm.state import Record, State, Wanted, state_of
from notebook_platform.workload.step import WorkloadClusterOutput

REASONS = {
    "install": Reason.INSTALLING,
    "upgrade": Reason.UPGRADING,
    "rollback": Reason.ROLLING_BACK,
    "uninstall": Reason.UNINSTALLING,
}


@dataclass(frozen=True)
class ReleaseObserver:
    """Observes one release: `content` says which, `scope` what the releases of the platform share."""

    content: ChartAdapter
    scope: ReleaseScope

    @property
    def place(self) -> Place:
        """Return (namespace, release), the key in the ledger."""
        return self.content.namespace, self.content.release

    @property
    def key(self) -> str:
        """Return the key of the release among all that Helm runs for."""
        return f"{self.scope.uid}/{self.content.namespace}/{self.content.release}"

    @property
    def label(self) -> str:
        """Return the release in words."""
        return f"release {self.content.release} in namespace {self.content.namespace}"

    async def prepare(self, target: WorkloadClusterOutput) -> Prepared:
        """Find the chart and render the values, so that a missing Secret or chart is reported before anything is written.

        Raises StepError and ApiException.
        """
        records = await self._read_records(target) if target.api is not None else None
        try:
            wanted = await self.content.want(target, self._existing(records))
        except Queued:
            raise
        except StepError as error:
            if error.failed.reason != Reason.NAMESPACE_TAKEN:
                owned = records if self._owned is not None else None
                raise StepError.of(await with_health(error.failed, self.content, target, owned)) from None
            others = frozenset(place for place in self.scope.retiring() if place[0] == self.content.namespace)
            raise StepError.of(after_retirement(error.failed, self.content.field, others)) from None
        wanted = replace(wanted, values=as_stored_values(wanted.values), needs=self.content.needed)
        return Prepared(wanted=wanted, records=records)

    def _existing(self, records: Records | None) -> Release | None:
        """Return the release whose values the wanted ones may take over."""
        if records is None or records.conflict is not None:
            return None
        own = records.history.own
        locked = self._owned is None and own is not None and own.pending
        return None if locked else own  # never another helm's lock: its values are foreign

    @property
    def _owned(self) -> OwnedRelease | None:
        return self.scope.ledger.release(self.place)

    async def _read_records(self, target: WorkloadClusterOutput) -> Records:
        await self.scope.ledger.load()
        owned = self._owned
        history = await read_history(target.api, *self.place, owned)
        marker = None if owned is not None else await read_owner(target.api, *self.place)
        conflict = ownership_conflict(self.content, self.scope, history, owned, marker)
        if conflict is None and owned is None and history.own is not None and not history.own.pending:
            conflict = await self._not_adoptable(target, history)
        return Records(history=history, conflict=conflict)

    async def _not_adoptable(self, target: WorkloadClusterOutput, history: History) -> Failed | None:
        for record in adopting(history, None):
            if failed := await adoptable(target.api, record, self.content.field):
                return failed
        return None

    async def check_early(self) -> Failed | Progressing | None:
        """Return why the installation will fail, as far as it is known without the cluster; None: no reason is known, or the release is installed.
        Raises StepError."""
        draft = self.scope.draft
        if draft is None:
            return None
        await self.scope.ledger.load()
        if self._owned is not None:
            return None
        drafted = replace(self, content=draft.adapters()[self.content.name])
        wanted = (await drafted.prepare(draft.cluster)).wanted
        preview = await drafted._preview_revision(draft.cluster, wanted, None)
        if preview.unknown:
            return self._dry_running(wanted)
        if preview.refused is None or (self.content.after and preview.refused.reason not in REMOTE):
            return None  # the releases before it may install what its chart asks for
        return preview.refused

    async def observe(self, target: WorkloadClusterOutput | None, prepared: Prepared | None) -> Observed[Found]:
        """Observe the release. `target`: the cluster; None: it does not exist. `prepared`: None in a deletion. Raises StepError and
        ApiException."""
        if target is None or (target.api is None and prepared is None):
            return Observed()
        if target.api is None and prepared is not None:
            preview = await self._preview_revision(target, prepared.wanted, None)
            return Observed(found=Found(target=target, preview=preview), absent=True)
        run = self.scope.helm.run_of(self.key)
        if self.scope.deleting:
            return await self._observe_for_deletion(target, run)
        assert prepared is not None
        if run is not None and not run.ended:
            return Observed(busy=await self._at_work(target, run, prepared.wanted))
        # What was read while helm ran may show a lock that is gone by now.
        records = prepared.records if run is None and prepared.records else await self._read_records(target)
        observed = await self._observe_existing(target, prepared.wanted, records)
        failed = run.failed(self.content.field) if run is not None else None
        if failed is None or observed.failed:
            return observed
        if observed.found and observed.found.state in (State.ROLLBACK_DUE, State.RETRIES_EXHAUSTED):
            return observed  # the outcome of these states contains helm's error
        return Observed(found=observed.found, absent=observed.absent, failed=failed)

    async def _at_work(self, target: WorkloadClusterOutput, run: Run, wanted: Wanted | None) -> Progressing:
        content = self.content
        if run.wish is not None and wanted is not None and run.wish != wanted and not self.scope.planning:
            self.scope.helm.stop(self.key)
            message = f"The spec has changed: the Helm process of {content.release} is being stopped"
            return Progressing(reason=Reason.RECOVERING, message=message, requeue_after=0.2)
        hooks = await content.progress(target.api)
        message = f"Helm is running: {run.verb} {content.release} in {content.namespace}" + (f", {hooks}" if hooks else "")
        wait = min(max(0.5, run.seconds / 10), 10.0)
        return Progressing(reason=REASONS[run.verb], message=message, requeue_after=wait)

    async def _observe_for_deletion(self, target: WorkloadClusterOutput, run: Run | None) -> Observed[Found]:
        """Observe what is left of a release of ours. A running installation is not waited for: the deletion stops it."""
        history = (await self._read_records(target)).history
        owned = self._owned
        if owned is None:
            return Observed(ours=False)
        if run is not None and not run.ended and run.verb == "uninstall":
            busy = await self._at_work(target, run, None)
            return Observed(busy=replace(busy, reason=Reason.DELETING))
        record = Record(newest=history.own)
        return Observed(found=Found(target=target, record=record, state=State.IN_SYNC, history=history, owned=owned))

    async def _observe_existing(self, target: WorkloadClusterOutput, wanted: Wanted, records: Records) -> Observed[Found]:
        if records.conflict is not None:
            return Observed(failed=records.conflict, ours=False)
        content, history, owned = self.content, records.history, self._owned
        if failed := records_changed(history, owned, content.field, self.label):
            return Observed(failed=failed)
        if failed := under_another_chart(history.own, owned, wanted, content.field):
            return Observed(failed=failed)
        record, irreversible = self._record(history, owned)
        if record.newest is not None and record.newest.pending:
            record = replace(record, holder=await live_holder(owned))
        lock_timeout = timedelta(seconds=self.scope.helm.timeout)
        state = state_of(record, wanted, content.remediation, now=datetime.now(UTC), lock_timeout=lock_timeout)
        preview = RevisionPreview()
        if state in plan.WRITES:
            preview = await self._preview_revision(target, wanted, None if state is State.ABSENT else history.own)
        if preview.unknown:
            return Observed(busy=self._dry_running(wanted))
        if state is State.ABSENT:
            preview = replace(preview, awaits=await self._unrecorded(target, wanted, owned))
            return Observed(found=Found(target=target, history=history, owned=owned, preview=preview), absent=True)
        found = Found(
            target=target,
            record=record,
            state=state,
            history=history,
            owned=owned,
            preview=preview,
            irreversible=irreversible,
        )
        if state in (State.IN_SYNC, State.OUT_OF_SYNC):  # an upgrade may be deferred, and the release runs meanwhile
            found = await self._examined(found, wanted)
        dropped = mismatch_notices(found.release.mismatches if found.release else (), wanted.sources, content.field)
        return Observed(
            found=found,
            notices=(*content.notices(), *wanted.notices, *dropped, *self._foreign(history), *found.health.notices),
        )

    def _dry_running(self, wanted: Wanted) -> Progressing:
        message = f"Helm renders {wanted.chart.name} for {self.content.release} before anything is written"
        return Progressing(reason=Reason.DRY_RUNNING, message=message, requeue_after=1.0)

    def _foreign(self, history: History) -> tuple[Notice, ...]:
        if not history.foreign or history.lock is not None:
            return ()
        names = ", ".join(one.name for one in history.foreign[:3]) + (", ..." if len(history.foreign) > 3 else "")
        message = (
            f"{self.content.field}: {len(history.foreign)} records of {self.label} were not written by the operator's helm ({names}) and are "
            f"ignored. If no user ran helm on the release, check which accounts can write Secrets in namespace {self.content.namespace}"
        )
        return (Notice(condition=ConditionType.FOREIGN_RELEASE_RECORDS, reason=Reason.RELEASE_RECORD_CHANGED, message=message),)

    async def _preview_revision(self, target: WorkloadClusterOutput, wanted: Wanted, newest: Release | None) -> RevisionPreview:
        """Return what must be known before helm writes a revision. `newest`: the one before it; None: helm would install."""
        content, scope = self.content, self.scope
        dry_run = await scope.helm.dry_runs.of(target, wanted, content.field, upgrade=newest is not None)
        if dry_run is None:
            return RevisionPreview(unknown=True)
        refused = dry_run.refused
        if refused is not None and dry_run.conflict is not None:
            refused = await explained(target.api, refused, scope, content.field, dry_run.conflict)
        if newest is None or wanted.is_in(newest):
            return RevisionPreview(refused=refused)
        concerns = await content.concerns(target, newest, wanted, dry_run.objects)
        return RevisionPreview(
            refused=refused,
            awaits=upgrade_approval(wanted, newest, concerns, scope.approved, content.field),
            renewed=await unserved_kinds(target.api, newest),
            hooks=hook_objects_to_adopt(newest, dry_run.objects),
        )

    async def _unrecorded(self, target: WorkloadClusterOutput, wanted: Wanted, owned: OwnedRelease | None) -> Failed | None:
        """Return the approval that is missing to install over a release of ours whose records are gone: without them, the effect of
        another chart or other values on the volumes in its namespace is unknown."""
        if owned is None or not owned.revisions or owned.wish in (None, wanted.digest):
            return None
        if not await has_claims(target.api, self.content.namespace):
            return None
        return plan.install_approval(wanted, self.scope.approved, self.content.field)

    def _record(self, history: History, owned: OwnedRelease | None) -> tuple[Record, str]:
        """Return (what the state follows from, why the last good revision may not be restored)."""
        newest, good = history.newest, None
        irreversible = ""
        if owned is not None and newest is not None and newest.status == "failed" and (good := history.good) is not None:
            irreversible = self.content.irreversible(newest, good)
        record = Record(
            newest=newest,
            begun=(history.own.revision if history.own else 0) if owned else None,
            removing=bool(owned and owned.removing),
            unfinished=bool(owned and owned.unfinished),
            good=None if irreversible else good,
            failed=history.failed,
            counted=owned.failures if owned else 0,
        )
        return record, irreversible

    async def _examined(self, found: Found, wanted: Wanted) -> Found:
        """Add drift and health to a release that runs."""
        assert found.release is not None
        compared = Comparison()
        if found.owned is not None:
            compared = await drifted(found.target.api, found.release, self.scope.compared)
        health = await self.content.read_health(found.target, found.release, wanted)
        health = replace(health, notices=(*health.notices, *unknown_notice(compared, self.content.field)))
        state = State.DRIFTED if compared.drifts and found.state is State.IN_SYNC else found.state
        return replace(found, state=state, drifts=compared.drifts, health=health)
