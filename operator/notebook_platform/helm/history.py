"""History: the records of one release, sorted into those of the operator's Helm and foreign ones.

A record is ours when the ledger (`helm/ledger.py`) has its digest. Any other record in the workload cluster may be forged: it can hold a
lock, and nothing more. The release steps read the history before they compare a release with the spec.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.record_cache import RECORDS, Stored
from notebook_platform.helm.release import RecordUnreadable, Release
from notebook_platform.helm.storage import list_records, record_by_name

log = logging.getLogger(__name__)

FOREIGN_READ = 3
"""Foreign records of a release that are read, newest first."""

REINSTALL = "delete it: the operator then installs the release over its existing objects and keeps its volumes."
DELETE_OBJECTS = "delete the release's objects, then the Secret."


@dataclass(frozen=True, kw_only=True)
class History:
    """The records of one release.

    Attributes:
        own: our newest record; of a release without an owner, the newest record that can be read.
        lock: a newer record of another helm process that is running, or was.
        good: our last successful revision before `own`; only read when `own` failed.
        failed: the revision that was counted as a failure.
        foreign: Secrets that have the name of a record of this release but are not ours, newest first.
        existing: the revisions for which Secrets exist.
        unreadable: a Secret that cannot be decoded, with the rule that it breaks; only of a release without an owner.
    """

    own: Release | None = None
    lock: Release | None = None
    good: Release | None = None
    failed: Release | None = None
    foreign: Sequence[Stored] = ()
    existing: frozenset[int] = frozenset()
    unreadable: str = ""

    @property
    def newest(self) -> Release | None:
        """Return the record that decides the state of the release: a lock precedes our own record."""
        return self.lock or self.own

    @property
    def present(self) -> bool:
        """Return whether any record of the release exists, readable or not."""
        return bool(self.existing)


async def read_history(api: client.ApiClient, namespace: str, release: str, owned: OwnedRelease | None) -> History:
    """Read the records of a release. `owned`: its entry in the ledger; None: it has no owner. Raises ApiException."""
    stored, complete = await list_records(api, namespace, release)
    if owned is None:
        return await _unowned(api, stored)
    if not complete:
        listed = {one.revision for one in stored}
        missing = [number for number in owned.revisions if number not in listed]
        stored = [*stored, *(record_by_name(namespace, release, number) for number in missing)]
    stored.sort(key=lambda one: -one.revision)
    ours = [one for one in stored if one.revision in owned.revisions]
    foreign = {one.name: one for one in stored if one.revision not in owned.revisions}
    own = None
    for one in ours:
        own = await _verified(api, one, owned)
        if own is not None:
            break
        foreign[one.name] = one
    newer = sorted(foreign.values(), key=lambda one: -one.revision)
    older = [one for one in ours if own is not None and one.revision < own.revision]
    good = await _good(api, older, owned) if own is not None and own.status == "failed" else None
    failed = [one for one in ours if one.revision == owned.failed]
    return History(
        own=own,
        lock=await _lock(api, newer, own.revision if own else 0),
        good=good,
        failed=await _verified(api, failed[0], owned) if failed else None,
        foreign=newer,
        existing=frozenset(one.revision for one in stored),
    )


async def _verified(api: client.ApiClient, stored: Stored, owned: OwnedRelease) -> Release | None:
    try:
        found = await RECORDS.get(api, stored)
    except RecordUnreadable as error:
        log.debug("%s/%s: %s", stored.namespace, stored.name, error)
        return None
    return found if found is not None and owned.wrote(found.revision, found.digest) else None


async def _good(api: client.ApiClient, older: Iterable[Stored], owned: OwnedRelease) -> Release | None:
    """Return the last successful revision that our own helm wrote. An adopted one is no target of a rollback: its content is unproven."""
    for one in older:
        if one.revision in owned.adopted:
            continue
        found = await _verified(api, one, owned)
        if found is not None and found.worked:
            return found
    return None


async def _lock(api: client.ApiClient, foreign: Iterable[Stored], newest: int) -> Release | None:
    """Return a foreign record newer than ours by which another helm process is running. A forged one blocks the release and can do no more."""
    for one in [one for one in foreign if one.revision > newest][:FOREIGN_READ]:
        try:
            found = await RECORDS.get(api, one)
        except RecordUnreadable:
            continue
        if found is not None and found.pending:
            return found
    return None


async def _unowned(api: client.ApiClient, stored: Sequence[Stored]) -> History:
    """Return the history of a release without an owner, which the operator may adopt if the spec allows it."""
    existing = frozenset(one.revision for one in stored)
    newest_first = sorted(stored, key=lambda one: -one.revision)
    for one in newest_first[:1]:
        try:
            own = await RECORDS.get(api, one)
        except RecordUnreadable as error:
            return History(existing=existing, foreign=newest_first, unreadable=f"Secret {one.name}: {error}")
        good = None
        if own is not None and own.status not in ("deployed", "uninstalled"):
            good = await _deployed(api, newest_first[1:])
        return History(own=own, good=good, existing=existing)
    return History()


async def _deployed(api: client.ApiClient, stored: Iterable[Stored]) -> Release | None:
    """Return the deployed revision while a newer one failed: helm upgrades from it."""
    for one in list(stored)[:FOREIGN_READ]:
        try:
            found = await RECORDS.get(api, one)
        except RecordUnreadable:
            continue
        if found is not None and found.status == "deployed":
            return found
    return None


def records_changed(
    history: History, owned: OwnedRelease | None, field: str, label: str, *, in_spec: bool = True
) -> Failed | None:
    """Return the failure of a release of ours whose records exist, but none as the operator's helm wrote it; None otherwise. Pure.

    The objects of such a release are unknown, so none is changed or deleted. They keep running. Without `in_spec` the spec no longer
    has the release, so a user who deletes the records must delete its objects too.
    """
    if owned is None or history.newest is not None or not history.foreign:
        return None
    names = ", ".join(one.name for one in history.foreign[:3])
    more = f" and {len(history.foreign) - 3} more" if len(history.foreign) > 3 else ""
    namespace = history.foreign[0].namespace
    instead = REINSTALL if in_spec else DELETE_OBJECTS
    return Failed(
        reason=Reason.RELEASE_RECORD_CHANGED,
        message=f"{field}: no record of {label} is unchanged since the operator's helm wrote it (Secret {names}{more} of namespace {namespace})",
        remedy=f"Check which accounts can write Secrets in namespace {namespace}. Restore the Secret from a backup, or {instead}",
        retry_in=20,
        user_deletes=True,
    )
