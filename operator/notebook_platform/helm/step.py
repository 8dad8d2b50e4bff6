"""A release as a step: it is there with the wanted chart and values, its live objects are what its manifest says, and it works.

What is installed is the content's business; how it is kept is the same for all. Helm runs beside the passes: one begins it, a
later one sees its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from notebook_platform import outputs
from notebook_platform.api.durations import parse_duration
from notebook_platform.engine import Change, Degraded, Failed, Inputs, Observed, Outcome, Progressing, Ready, Step, StepError
from notebook_platform.engine.step import Notice
from notebook_platform.helm import marker, plan
from notebook_platform.helm.actions import ACTIONS, ActionContext
from notebook_platform.helm.actions.uninstall import finish, uninstall
from notebook_platform.helm.adoption import adoptable
from notebook_platform.helm.approval import needed
from notebook_platform.helm.book import outdated
from notebook_platform.helm.chart_adapter import ChartAdapter, Running, Seen
from notebook_platform.helm.drift import Drift, drifted
from notebook_platform.helm.health.issues import sentence
from notebook_platform.helm.hooks import become_parts
from notebook_platform.helm.keeping import Keeping, objection
from notebook_platform.helm.ownership import OwnedRelease, Place
from notebook_platform.helm.plan import RevisionPreview
from notebook_platform.helm.release import Release, as_helm_keeps_them
from notebook_platform.helm.runner import Run
from notebook_platform.helm.state import Record, State, Wanted, state_of
from notebook_platform.helm.storage import History, changed, history
from notebook_platform.workload import errors
from notebook_platform.workload.step import WorkloadClusterOutput

RELEASE_SECONDS = 120.0
LOOK_AGAIN, LONGEST_LOOK = 1.5, 30.0
"""Seconds. What has been amiss for long is looked at less often."""

REASONS = {"install": "Installing", "upgrade": "Upgrading", "rollback": "RollingBack", "uninstall": "Uninstalling"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A release with its state and how it is. `record.newest` is None when only the ledger has it."""

    record: Record
    state: State
    kept: History
    owned: OwnedRelease | None
    drifts: tuple[Drift, ...] = ()
    seen: Seen = field(default_factory=Seen)
    irreversible: str = ""

    @property
    def release(self) -> Release | None:
        """The newest revision."""
        return self.record.newest


class ReleaseStep(Step[Wanted, Found, Running]):
    """One Helm release."""

    deleted_with = outputs.Cluster

    def __init__(self, content: ChartAdapter, keeping: Keeping) -> None:
        self.name = content.name
        self.needs, self.after = content.needs, content.after
        self._content = content
        self._keeping = keeping
        self._key = f"{keeping.uid}/{content.namespace}/{content.release}"
        self._wanted: Wanted | None = None
        self._target: WorkloadClusterOutput | None = None
        self._kept = History()
        self._read: tuple[History, Failed | None] | None = None
        self._preview = RevisionPreview()

    async def prepare(self, inputs: Inputs) -> None:
        """Find the chart and render the values, so that a missing Secret or chart is told before anything is done."""
        if circle := self._content.circle:
            raise StepError(
                "ReleasesNeedEachOther",
                f"{self._content.field}.needs: these releases wait for each other: {', '.join(circle)}",
                "Take one of these names out of the needs of another.",
            )
        target = inputs.get(WorkloadClusterOutput)
        if target is None:
            return
        existing = None
        if target.api is not None:
            self._read = kept, failed = await self._books(target)
            unproven = self._owned is None and kept.own is not None and kept.own.pending
            existing = None if failed is not None or unproven else kept.own  # never another helm's lock: its values are foreign
        wanted = await self._content.want(target, existing)
        self._wanted = replace(wanted, values=as_helm_keeps_them(wanted.values))

    @property
    def _place(self) -> Place:
        return self._content.namespace, self._content.release

    @property
    def _owned(self) -> OwnedRelease | None:
        return self._keeping.ledger.release(self._place)

    async def _books(self, target: WorkloadClusterOutput) -> tuple[History, Failed | None]:
        """(what Helm and we wrote down, why it may not be touched); what `prepare` has just read is used once."""
        if self._read is not None:
            read, self._read = self._read, None
            return read
        await self._keeping.ledger.load()
        owned = self._owned
        kept = await history(target.api, *self._place, owned)
        mark = None if owned is not None else await marker.read(target.api, *self._place)
        failed = objection(self._content, self._keeping, kept, owned, mark)
        if failed is None and owned is None and kept.own is not None and not kept.own.pending:
            failed = await self._not_adoptable(target, kept)
        return kept, failed

    async def _not_adoptable(self, target: WorkloadClusterOutput, kept: History) -> Failed | None:
        for record in _adopting(kept, None):
            if failed := await adoptable(target.api, record, self._content.field):
                return failed
        return None

    def desired(self, inputs: Inputs) -> Wanted | None:
        return self._wanted

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        target = inputs.get(WorkloadClusterOutput)
        if target is None:
            return Observed()
        if target.api is None and self._wanted is not None:
            self._preview = await self._preview_revision(target, None)
        if target.api is None:
            return Observed()
        self._target = target
        run = self._keeping.helm.run_of(self._key)
        if run is not None:
            self._read = None  # read while helm was at work: what looks left behind may have ended well since
        if self._keeping.deleting:
            return await self._what_is_left(target, run)
        if run is not None and not run.ended:
            return Observed(busy=await self._at_work(target, run))
        observed = await self._look(target)
        failed = run.failed(self._content.field) if run is not None else None
        if failed is None or observed.failed:
            return observed
        if observed.found and observed.found.state in (State.ROLLBACK_DUE, State.RETRIES_EXHAUSTED):
            return observed  # what is done about it tells helm's words too
        return Observed(found=observed.found, failed=failed)

    async def _at_work(self, target: WorkloadClusterOutput, run: Run) -> Progressing:
        content = self._content
        if run.wish is not None and self._wanted is not None and run.wish != self._wanted:
            self._keeping.helm.stop(self._key)
            message = f"Something else is wanted by now: the helm that worked on {content.release} is ended"
            return Progressing(reason="Recovering", message=message, requeue_after=0.2)
        told = await content.progress(target.api)
        message = f"Helm is at work: {run.verb} {content.release} in {content.namespace}" + (f", {told}" if told else "")
        wait = min(max(0.5, run.seconds / 10), 10.0)
        return Progressing(reason=REASONS[run.verb], message=message, requeue_after=wait)

    async def _what_is_left(self, target: WorkloadClusterOutput, run: Run | None) -> Observed[Found]:
        """For a deletion: what of ours is there. An install that is under way is not waited for."""
        kept, _ = await self._books(target)
        if self._owned is None:
            return Observed(ours=False)
        if run is not None and not run.ended and run.verb == "uninstall":
            busy = await self._at_work(target, run)
            return Observed(busy=replace(busy, reason="Deleting"))
        record = Record(newest=kept.own)
        return Observed(found=Found(record=record, state=State.IN_SYNC, kept=kept, owned=self._owned))

    async def _look(self, target: WorkloadClusterOutput) -> Observed[Found]:
        assert self._wanted is not None
        kept, failed = await self._books(target)
        if failed is not None:
            return Observed(failed=failed, ours=False)
        owned, self._kept = self._owned, kept
        if failed := changed(kept, owned, self._content.field, self._label):
            return Observed(failed=failed)
        record, irreversible = self._record(kept, owned)
        patience = timedelta(seconds=self._keeping.helm.timeout)
        state = state_of(record, self._wanted, self._content.remediation, now=datetime.now(UTC), patience=patience)
        if state in plan.WRITES:
            self._preview = await self._preview_revision(target, None if state is State.ABSENT else kept.own)
        if self._preview.unknown:
            message = f"Helm renders {self._wanted.chart.name} for {self._content.release} before anything is written"
            return Observed(busy=Progressing(reason="Rehearsing", message=message, requeue_after=1.0))
        if state is State.ABSENT:
            return Observed()
        found = Found(record=record, state=state, kept=kept, owned=owned, irreversible=irreversible)
        if state in (State.IN_SYNC, State.OUT_OF_SYNC):  # what is outdated may have to wait, and is at work meanwhile
            found = await self._examined(target, found)
        return Observed(found=found, notices=(*self._content.notices(), *self._foreign(kept), *found.seen.notices))

    @property
    def _label(self) -> str:
        return f"release {self._content.release} in namespace {self._content.namespace}"

    def _foreign(self, kept: History) -> tuple[Notice, ...]:
        if not kept.foreign or kept.lock is not None:
            return ()
        names = ", ".join(one.name for one in kept.foreign[:3]) + (", ..." if len(kept.foreign) > 3 else "")
        message = (
            f"{self._content.field}: {len(kept.foreign)} records of {self._label} are not as the operator's helm wrote them ({names}): they "
            f"are ignored. If nobody ran helm on it by hand, find out who may write Secrets in namespace {self._content.namespace}"
        )
        return (Notice(condition="ForeignReleaseRecords", reason="ReleaseRecordChanged", message=message),)

    async def _preview_revision(self, target: WorkloadClusterOutput, newest: Release | None) -> RevisionPreview:
        """What is to be known before a revision is begun."""
        assert self._wanted is not None
        keeping, content, wanted = self._keeping, self._content, self._wanted
        dry_run = await keeping.helm.dry_runs.of(target, wanted, content.field, upgrade=newest is not None)
        if dry_run is None:
            return RevisionPreview(unknown=True)
        if newest is None or wanted.is_in(newest):
            return RevisionPreview(refused=dry_run.refused)
        concerns = await content.concerns(target, newest, wanted, dry_run.objects)
        return RevisionPreview(
            refused=dry_run.refused,
            awaits=needed(wanted, newest, concerns, keeping.approved, content.field),
            renewed=await outdated(target.api, newest),
            hooks=become_parts(newest, dry_run.objects),
        )

    def _record(self, kept: History, owned: OwnedRelease | None) -> tuple[Record, str]:
        newest, good = kept.newest, None
        irreversible = ""
        if owned is not None and newest is not None and newest.status == "failed" and (good := kept.good) is not None:
            irreversible = self._content.irreversible(newest, good)
        record = Record(
            newest=newest,
            begun=(kept.own.revision if kept.own else 0) if owned else None,
            removing=bool(owned and owned.removing),
            good=None if irreversible else good,
            failed=kept.failed,
            counted=owned.failures if owned else 0,
        )
        return record, irreversible

    async def _examined(self, target: WorkloadClusterOutput, found: Found) -> Found:
        assert found.release is not None
        drifts = tuple(await drifted(target.api, found.release)) if found.owned is not None else ()
        seen = await self._content.look(target, found.release)
        state = State.DRIFTED if drifts and found.state is State.IN_SYNC else found.state
        return replace(found, state=state, drifts=drifts, seen=seen)

    def plan(self, desired: Wanted | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return ()
        if found is None or found.release is None:
            return plan.installs(desired, self._preview)
        drifts = plan.drift(found.drifts)
        if found.state is State.DRIFTED:
            return drifts
        owner = self._keeping.owner
        return [*plan.changes(desired, found.release, found.state, found.owned, self._preview, owner), *drifts]

    async def apply(self, desired: Wanted | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None and self._target is not None
        state = found.state if found else State.ABSENT
        if state is State.OUT_OF_SYNC and not plan.of_revision(desired, changes):
            state = State.DRIFTED  # the upgrade waits, and what is there is looked after
        if state is State.DRIFTED and found is not None and _is_adopted(found):
            state = State.OUT_OF_SYNC  # nothing is created from what another helm wrote: our helm writes it anew, from the spec
        if state is State.OUT_OF_SYNC and found is not None and found.release is not None:
            saving = await self._content.save(self._target, found.release, desired)
            if saving is not None:
                return saving
        site = ActionContext(
            api=self._target.api,
            helm=self._keeping.helm,
            ledger=self._keeping.ledger,
            owner=self._keeping.owner,
            step=self.name,
            field=self._content.field,
            key=self._key,
            wanted=desired,
            record=found.record if found else Record(newest=None),
            remedies=self._content.remediation,
            history=self._kept,
            adopting=_adopting(self._kept, self._owned),
            paths=[change.path for change in changes],
            hooks=self._preview.hooks,
            irreversible=found.irreversible if found else "",
        )
        return await ACTIONS[state](site)

    def check_health(self, found: Found | None) -> Outcome | None:
        if found is None or not found.seen.troubles:
            return None
        since = found.release.last_deployed if found.release else None
        age = (datetime.now(UTC) - since).total_seconds() if since else 0.0
        patience = parse_duration(self._content.remediation.stalled_after).total_seconds()
        return Degraded(
            reason=min(found.seen.troubles).reason,
            message=sentence(found.seen.troubles),
            requeue_after=min(max(LOOK_AGAIN, age / 10), LONGEST_LOOK),
            stall_after=patience,
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
            url=found.seen.url,
            details=found.seen.details,
        )

    def planned_output(self, desired: Wanted) -> Running | None:
        return None

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return RELEASE_SECONDS if changes else 0.0

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        assert self._target is not None and found.owned is not None
        keeping, content = self._keeping, self._content
        if keeping.helm.stop(self._key):
            message = f"The helm that worked on {content.release} is ended"
            return Progressing(reason="Deleting", message=message, requeue_after=0.2)
        api = self._target.api
        if failed := changed(found.kept, found.owned, content.field, self._label):
            return failed
        if found.kept.own is not None:
            return await uninstall(keeping.helm, api, keeping.ledger, self._key, found.kept.own)
        await content.clear(api)
        await finish(api, keeping.ledger, self._place, found.owned, found.kept, with_data=True)
        return Ready()

    def classify_error(self, error: Exception) -> Failed | None:
        return errors.failure(error, self._content.field)

    async def orphan(self, found: Found) -> Outcome:
        assert self._target is not None
        await marker.unmark(self._target.api, *self._place, self._keeping.owner)
        await self._keeping.ledger.forget(self._place)
        return Ready()


def _adopting(kept: History, owned: OwnedRelease | None) -> tuple[Release, ...]:
    """The records that become ours with a release that nobody owned: the newest, and the one that runs if that is another."""
    return tuple(one for one in (kept.own, kept.good) if one is not None) if owned is None else ()


def _is_adopted(found: Found) -> bool:
    return found.owned is not None and found.release is not None and found.release.revision in found.owned.adopted
