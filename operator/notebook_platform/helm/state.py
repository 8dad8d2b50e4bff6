"""The states of a release, and the function that determines them. Pure.

`helm/actions/` has the action for each state.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from notebook_platform.api.durations import parse_duration
from notebook_platform.api.remediation import Remediation
from notebook_platform.engine.backoff import left_of
from notebook_platform.engine.step import Notice
from notebook_platform.helm.charts import ChartRef
from notebook_platform.helm.release import Release
from notebook_platform.helm.values import Source


class State(Enum):
    """How a release compares with the wanted one."""

    ABSENT = "absent"
    UNMANAGED = "unmanaged"
    """As wanted, but not yet recorded as the platform's: it existed before."""
    IN_SYNC = "in sync"
    DRIFTED = "drifted"
    """As wanted in Helm's record, but live objects differ from its manifest."""
    OUT_OF_SYNC = "out of sync"
    """Other values or another chart than wanted, or Helm has no usable record of it."""
    FAILED = "failed"
    """Helm failed, and the retry is due."""
    BACKING_OFF = "backing off"
    """Helm failed on the wanted release, and the retry is not due yet."""
    ROLLBACK_DUE = "rollback due"
    """Helm failed on the wanted release, and the last good revision must be restored first."""
    RETRIES_EXHAUSTED = "retries exhausted"
    """Helm failed on the wanted release as often as `remediation` allows."""
    LOCK_STALE = "lock stale"
    """A Helm process of the operator holds the lock and is dead: this replica runs none, and the lease of the one that did has ended."""
    LOCKED = "locked"
    """Another Helm process holds the lock and may still be running."""
    LOCK_TIMEOUT = "lock timeout"
    """Another Helm process has held the lock for longer than Helm may take."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The release that the spec asks for. `values` are JSON values, as Helm stores them; `origins` maps a value's path to the
    part of the spec that it comes from, for plans; `sources` are the documents of the spec that the values come from; `notices` are remarks
    on the values; `needs` are the places (namespace, release) of the releases that this one needs; `urgent`: users would notice it more if
    the upgrade waited."""

    name: str
    namespace: str
    chart: ChartRef
    values: Mapping[str, Any] = field(repr=False)
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    sources: tuple[Source, ...] = field(default=(), repr=False, compare=False)
    notices: tuple[Notice, ...] = field(default=(), compare=False)
    needs: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    urgent: bool = field(default=False, compare=False)

    @property
    def digest(self) -> str:
        """Return the hex SHA-256 of chart and values."""
        about = [self.chart.name, self.chart.version, self.values]
        return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()

    def is_in(self, release: Release) -> bool:
        """Return whether a revision was written with this chart and these values."""
        same_chart = (release.chart, release.chart_version) == (self.chart.name, self.chart.version)
        return same_chart and release.config == self.values


@dataclass(frozen=True, kw_only=True)
class Record:
    """What Helm and the operator recorded of a release.

    `begun`: the last revision that our helm wrote (None: it is not ours); `removing`: we began to uninstall it; `unfinished`: our helm
    died before the end of a revision that is removed, and may have changed objects;
    `good`: the last revision before the newest that worked and may come back; `failed`: the last revision that was counted as a
    failure; `counted`: how many were; `holder`: the other replica that wrote the last revision and still has its lease.
    """

    newest: Release | None
    begun: int | None = None
    removing: bool = False
    unfinished: bool = False
    good: Release | None = None
    failed: Release | None = None
    counted: int = 0
    holder: str = ""

    def attempts(self, wanted: Wanted) -> int:
        """Return how often Helm failed on the wanted release."""
        before = self.counted if self.failed is not None and wanted.is_in(self.failed) else 0
        return before + (1 if self._uncounted(wanted) else 0)

    def last_failure(self, wanted: Wanted) -> Release | None:
        """Return the last revision at which Helm failed on the wanted release."""
        if self._uncounted(wanted):
            return self.newest
        return self.failed if self.failed is not None and wanted.is_in(self.failed) else None

    def _uncounted(self, wanted: Wanted) -> bool:
        newest = self.newest
        if newest is None or self.begun is None or newest.status != "failed" or not wanted.is_in(newest):
            return False  # what another Helm tried is no try of ours
        return self.failed is None or self.failed.revision != newest.revision


def state_of(record: Record, wanted: Wanted, remedies: Remediation, *, now: datetime, lock_timeout: timedelta) -> State:
    """Return the state. `lock_timeout` is how long Helm may take. Drift of live objects is not in the record: IN_SYNC may turn out
    DRIFTED."""
    newest = record.newest
    if newest is None or newest.status == "uninstalled":
        return State.ABSENT
    if newest.pending:
        ours = newest.revision == record.begun
        if ours and not record.holder and (record.removing or not newest.removing):
            return State.LOCK_STALE
        return State.LOCK_TIMEOUT if is_overdue(newest, now, lock_timeout) else State.LOCKED
    if newest.status == "deployed" and wanted.is_in(newest):
        if record.unfinished:
            return State.OUT_OF_SYNC  # an edit was taken back while Helm applied it
        return State.IN_SYNC if record.begun is not None else State.UNMANAGED
    if (failed := record.last_failure(wanted)) is not None:
        return _after_failure(record, wanted, failed, remedies, now)
    return State.FAILED if newest.status == "failed" else State.OUT_OF_SYNC


def is_overdue(lock: Release, now: datetime, timeout: timedelta) -> bool:
    """Return whether a record has held the lock for as long as Helm may take, or does not tell since when: a time to come tells nothing."""
    return lock.held_since is None or not -timeout < now - lock.held_since < timeout


def _after_failure(record: Record, wanted: Wanted, failed: Release, remedies: Remediation, now: datetime) -> State:
    attempts, newest = record.attempts(wanted), record.newest
    come_back = remedies.strategy == "Rollback" and record.good is not None and attempts <= remedies.retries + 1
    if newest is failed and come_back:
        return State.ROLLBACK_DUE
    if attempts > remedies.retries:
        return State.RETRIES_EXHAUSTED
    return State.BACKING_OFF if retry_in(failed, attempts, remedies, now) > 0 else State.FAILED


def retry_in(failed: Release, attempts: int, remedies: Remediation, now: datetime) -> float:
    """Return the seconds until Helm is tried again after a failure, at least 0."""
    wait = wait_after(attempts, remedies)
    return left_of(failed.last_deployed + wait, wait.total_seconds(), now) if failed.last_deployed else 0.0


def wait_after(attempts: int, remedies: Remediation) -> timedelta:
    """Return the wait after a failure: doubled each time, at most an hour."""
    return min(parse_duration(remedies.wait) * float(2 ** max(attempts - 1, 0)), timedelta(hours=1))
