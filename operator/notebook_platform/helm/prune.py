"""RetiredReleases: releases of the ledger that the spec no longer asks for are uninstalled, and their volumes are kept.

Those that need other ones go first: what a release needs may be what deletes its objects (the controller of its custom resources).
Only the ledger in the management cluster starts this; nothing in the workload cluster does.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.engine import Action, Change, Failed, Inputs, Observed, Outcome, Progressing, Ready, Step
from notebook_platform.engine.change import Disruptive, NeedsApproval
from notebook_platform.engine.each import each
from notebook_platform.helm.actions.uninstall import finish, uninstall
from notebook_platform.helm.actions.waiting import LOCK_RECHECK, locked_for_long, until_helm_ends
from notebook_platform.helm.errors import RETRIES, failure
from notebook_platform.helm.history import History, read_history, records_changed
from notebook_platform.helm.ledger import OwnedRelease, Place
from notebook_platform.helm.ownership import ReleaseScope, orphan_release
from notebook_platform.helm.plan import Concern, uninstall_approval
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import is_overdue
from notebook_platform.workload import errors
from notebook_platform.workload.step import WorkloadClusterOutput

Clear = Callable[[client.ApiClient, str], Awaitable[None]]
Concerns = Callable[[client.ApiClient, Release], Awaitable[Sequence[Concern]]]
"""Returns the effects of uninstalling a release on users' data."""

MOST_FAILURES = 3
"""Failures of Helm in a row to uninstall a release, after which a user has to act. Helm is still run at every interval."""


@dataclass(frozen=True)
class Found:
    """Ledger entries by place, Helm's records (in a deletion not read yet), and the approval that an uninstallation needs."""

    target: WorkloadClusterOutput
    releases: Mapping[Place, OwnedRelease]
    histories: Mapping[Place, History] = field(default_factory=dict)
    awaits: Mapping[Place, Failed] = field(default_factory=dict)


class RetiredReleases(Step[bool, Found, tuple[Place, ...]]):
    """`wanted`: the places of all releases of the spec. `clear`: what to delete with a release besides its objects, by the name of its step.
    `concerns`: returns what needs approval before an uninstallation while the platform stays."""

    name = "RetiredReleases"
    needs = (WorkloadClusterOutput,)
    deleted_with = outputs.Cluster

    def __init__(self, scope: ReleaseScope, wanted: Collection[Place], clear: Mapping[str, Clear], concerns: Concerns) -> None:
        self._scope = scope
        self._wanted = frozenset(wanted)
        self._clear = clear
        self._concerns = concerns

    def desired(self, inputs: Inputs) -> bool | None:
        return None

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        target = inputs.get(WorkloadClusterOutput)
        if target is None or target.api is None:
            return Observed()
        await self._scope.ledger.load()
        left = {place: one for place, one in self._scope.ledger.releases().items() if place not in self._wanted}
        if not left:
            return Observed()
        for namespace, release in left:
            run = self._scope.helm.run_of(self._key((namespace, release)))
            if run is None:
                continue
            if not run.ended and run.verb == "uninstall":
                message = f"Helm is running: uninstall {release} from {namespace}"
                return Observed(busy=Progressing(reason=Reason.UNINSTALLING, message=message, requeue_after=0.5))
            if run.words is not None and run.verb == "uninstall" and not self._scope.deleting:
                return Observed(failed=self._failure((namespace, release), run.words))
        if self._scope.deleting:
            return Observed(found=Found(target, left))
        histories = {place: await read_history(target.api, *place, owned) for place, owned in left.items()}
        return Observed(found=Found(target, left, histories, await self._awaits(target, left, histories)))

    def _failure(self, place: Place, words: str) -> Failed:
        """Return the failure of an uninstallation; after some in a row a user has to act."""
        failed = failure(words, f"release {place[1]} of {place[0]}")
        last = self._scope.helm.failed_uninstallation(self._key(place))
        if last is None or last.count < MOST_FAILURES:
            return failed
        return replace(failed, retry_in=None, remedy=failed.remedy.replace(RETRIES, "The operator retries at every interval."))

    async def _awaits(
        self, target: WorkloadClusterOutput, left: Mapping[Place, OwnedRelease], histories: Mapping[Place, History]
    ) -> dict[Place, Failed]:
        """Return the approval that an uninstallation needs; one that has begun needs none again."""
        found = {}
        for place, owned in left.items():
            newest = histories[place].own
            if newest is None or newest.status == "uninstalled" or (owned.removing and newest.removing):
                continue
            concerns = await self._concerns(target.api, newest)
            if asked := uninstall_approval(place, concerns, self._scope.approved):
                found[place] = asked
        return found

    def _key(self, place: Place) -> str:
        return f"{self._scope.uid}/{place[0]}/{place[1]}"

    def plan(self, desired: bool | None, found: Found | None) -> Sequence[Change]:
        if found is None:
            return ()
        return [_ending(place, _approval(place, found)) for place in sorted(found.releases)]

    async def apply(self, desired: bool | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert found is not None
        now = {change.path for change in changes}
        ending = {place: one for place, one in found.releases.items() if _path(place) in now}
        return await self._end_next(replace(found, releases=ending), with_data=False)

    def output(self, found: Found | None) -> tuple[Place, ...] | None:
        return tuple(found.releases) if found else None

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        return await self._end_next(found, with_data=True)

    async def _end_next(self, found: Found, *, with_data: bool) -> Outcome:
        """Uninstall the first of the releases that can be uninstalled and that no other one needs: those that Helm has uninstalled before
        those that it has not tried, and these before those on which it failed. Returns Ready when it was the last, and why the first
        cannot if none can."""
        api, releases = found.target.api, found.releases
        held: Outcome | None = None
        for place in releases:
            if self._scope.helm.stop(self._key(place)):
                message = f"Stopping the Helm process of {_label(place)}"
                return Progressing(reason=Reason.UNINSTALLING, message=message, requeue_after=0.2)
        kept = {place: found.histories.get(place) or await read_history(api, *place, owned) for place, owned in releases.items()}
        for place in sorted(free(releases), key=lambda one: (kept[one].own is not None, releases[one].removing, one)):
            outcome = await self._end(api, place, releases[place], kept[place], with_data=with_data)
            if isinstance(outcome, Ready):
                message, last = f"Deleted {_label(place)}", len(releases) == 1
                return outcome if last else Progressing(reason=Reason.UNINSTALLING, message=message, requeue_after=0.1)
            if isinstance(outcome, Progressing) and outcome.reason != Reason.RELEASE_LOCKED:
                return outcome
            held = held or outcome
        return held or Ready()

    async def _end(self, api: client.ApiClient, place: Place, owned: OwnedRelease, kept: History, *, with_data: bool) -> Outcome:
        """Take the next step to uninstall a release. Returns Ready once nothing is left of it."""
        scope = self._scope
        if not with_data and kept.lock is not None:
            return self._locked(kept.lock, _label(place))
        if failed := records_changed(kept, owned, "spec", _label(place), in_spec=False):
            return failed
        if kept.own is not None:
            return await uninstall(scope.helm, api, scope.ledger, self._key(place), kept.own, once=with_data)
        if clear := self._clear.get(owned.step):
            await clear(api, place[0])
        wanted = () if with_data else self._wanted
        await finish(api, scope.ledger, place, owned, kept, with_data=with_data, wanted=wanted)
        return Ready()

    def _locked(self, lock: Release, label: str) -> Outcome:
        """Return that a release waits for a Helm process that another client has started: it would go on in what is uninstalled."""
        timeout = self._scope.helm.timeout
        if is_overdue(lock, datetime.now(UTC), timedelta(seconds=timeout)):
            return locked_for_long(lock, "spec", label, timeout)
        message = f"Another Helm process holds the lock of {label} ({lock.status}); the release is uninstalled after it"
        return Progressing(reason=Reason.RELEASE_LOCKED, message=message, requeue_after=LOCK_RECHECK)

    def classify_error(self, error: Exception) -> Failed | None:
        return errors.failure(error, "spec")

    async def orphan(self, found: Found) -> Outcome:
        for place in found.releases:
            if waits := until_helm_ends(self._scope.helm, self._key(place), _label(place)):
                return waits

        async def release(place: Place) -> None:
            await orphan_release(found.target.api, *place, self._scope.owner)
            await self._scope.ledger.forget(place)

        return await each(found.releases, release, ApiException)


def free(releases: Mapping[Place, OwnedRelease]) -> list[Place]:
    """Return the releases that no other one of them needs, but for those in circles. Pure."""
    return [place for place in releases if not _before(place, releases)]


def _before(place: Place, releases: Mapping[Place, OwnedRelease]) -> set[Place]:
    """Return the releases that go before one: those that need it, also by way of other ones, but for those that it needs itself."""
    dependents = {other for other in releases if other != place and place in _needs_of(other, releases)}
    return dependents - _needs_of(place, releases)


def _needs_of(place: Place, releases: Mapping[Place, OwnedRelease]) -> set[Place]:
    """Return what a release needs, also by way of other ones; of places without a release nothing more is known."""
    found: set[Place] = set()
    left = [place]
    while left:
        more = set(releases[one].needs if (one := left.pop()) in releases else ()) - found
        found |= more
        left += more
    return found


def _approval(place: Place, found: Found) -> Failed | None:
    """Return the approval that an uninstallation waits for: its own, or that of a release that needs this one."""
    places = (place, *sorted(_before(place, found.releases)))
    return next((found.awaits[one] for one in places if one in found.awaits), None)


def _label(place: Place) -> str:
    return f"release {place[1]} in namespace {place[0]}"


def _ending(place: Place, awaits: Failed | None) -> Change:
    gate = NeedsApproval(awaits, disruptive=True) if awaits else Disruptive()
    return Change(path=_path(place), action=Action.DELETE, before="installed", gate=gate)


def _path(place: Place) -> str:
    """Return the path of a release in plans."""
    return f"releases/{place[0]}/{place[1]}"
