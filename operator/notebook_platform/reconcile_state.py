"""What the reconciler of one platform keeps between two reconciles: the object as last seen, the steps that back off, recent results.

All of it is in memory only and can be discarded: the next reconcile then observes every step. The reconciler discards it when the user
changes the spec, an annotation, or a Secret or ConfigMap that the spec names.
"""

import random
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.nesting import SPEC, exceeds
from notebook_platform.engine.backoff import Attempt, backing_off, next_attempts
from notebook_platform.engine.outcome import Failed, Progressing, StepError, Unblocking
from notebook_platform.engine.result import Result, is_settled
from notebook_platform.engine.trace import Traces
from notebook_platform.packed import Packing

FRESH_SECONDS = 60.0
"""Seconds for which (at most half an interval) a Ready or Deferred step is not observed again while an operation of another
is polled."""


OBJECTS = Packing()


class SeenObject:
    """A platform's object as last seen, packed, without its status and its managed fields. `deleting`: it has a deletion timestamp. Of a spec
    that is too large nothing is kept."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.put(body)

    @property
    def body(self) -> Mapping[str, Any]:
        """Return the object; each call returns a new one."""
        body: Mapping[str, Any] = OBJECTS.unpack(self._packed)
        return body

    def put(self, body: Mapping[str, Any]) -> None:
        """Replace the object."""
        metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
        self._large = exceeds(body.get("spec"))
        self._packed = OBJECTS.pack({"metadata": metadata, "spec": None if self._large else body.get("spec")})
        self.generation = int(metadata.get("generation") or 0)
        self.deleting = bool(metadata.get("deletionTimestamp"))

    def check_size(self) -> None:
        """Raise StepError for a spec that is too large: it may not have been read."""
        if self._large:
            raise StepError(
                Reason.VALUES_TOO_LARGE,
                f"spec has more than {SPEC.nodes} values or {SPEC.depth} levels, so that nothing of it is applied",
                "Shorten the values or the patch.",
                retry_in=None,
            )


class Conclusion:
    """What the status of a settled platform was concluded from. A reconcile that finds the same would write the same.

    A step whose trace held has the result that it had. Of the other steps only the hashes of their results are kept.
    """

    def __init__(self) -> None:
        self._found: dict[str, int] | None = None
        self._writes = 0

    def clear(self) -> None:
        """Have the next reconcile conclude anew."""
        self._found = None

    def keep(self, results: Mapping[str, Result], observed: Collection[str], writes: int) -> None:
        """Keep what a reconcile has found if nothing is left to do. `observed`: the steps without a trace that held; `writes`: the number of
        status writes so far."""
        if all(is_settled(result) for result in results.values()):
            self._found, self._writes = {name: _digest(results[name]) for name in observed}, writes

    def repeats(self, results: Mapping[str, Result], observed: Collection[str], writes: int) -> bool:
        """Return whether a reconcile has found the same, and no status was written since."""
        found = self._found
        return (
            found is not None and writes == self._writes and all(found.get(name) == _digest(results[name]) for name in observed)
        )


def _digest(result: Result) -> int:
    """Return a hash of a result, valid in this process; the time of the next reconcile is no part of it."""
    return hash(repr(replace(result, requeue_after=None)))


class ReconcileState:
    """`attempts`: the failures in a row of each step; `epoch`: how often the state was discarded; `traces`: of the steps that are settled;
    `conclusion`: what the status was concluded from."""

    def __init__(self) -> None:
        self.attempts: tuple[Attempt, ...] = ()
        self.epoch = 0
        self.traces = Traces()
        self.conclusion = Conclusion()
        self._cached: dict[str, tuple[float, Result]] = {}
        self._references_changed = False
        self._first = True
        self._checked_early = float("-inf")
        self._busy_since: dict[str, datetime] = {}
        self._due = 0.0

    def due_in(self) -> float:
        """Return the seconds until a reconcile is due for another reason than a step's turn."""
        return self._due - time.monotonic()

    def due_after(self, seconds: float) -> None:
        """Note in how many seconds a reconcile is due for another reason than a step's turn."""
        self._due = time.monotonic() + seconds

    def discard(self, *, references_changed: bool = False) -> None:
        """Discard results and backoffs, including those of a running reconcile: the user has changed what is wanted.

        `references_changed`: a Secret or ConfigMap that the spec names has changed, so differences of the steps that read it are no drift.
        """
        self.epoch += 1
        self.attempts = ()
        self.traces = Traces()
        self.conclusion = Conclusion()
        self._cached = {}
        self._checked_early = float("-inf")
        self._references_changed = self._references_changed or references_changed

    def take_references_changed(self) -> bool:
        """Return whether a reference has changed since the last call."""
        changed, self._references_changed = self._references_changed, False
        return changed

    def take_first(self) -> bool:
        """Return whether this is the first call: the first reconcile since the operator has started."""
        first, self._first = self._first, False
        return first

    def take_early_check(self) -> bool:
        """Return whether steps that wait are to be checked early: after each change by the user, and once in FRESH_SECONDS."""
        now = time.monotonic()
        due = now - self._checked_early >= FRESH_SECONDS
        if due:
            self._checked_early = now
        return due

    def backing_off(self, now: datetime) -> dict[str, Failed]:
        """Return the failures whose time to retry has not come, by step."""
        return backing_off(self.attempts, now)

    def recent_results(self, interval: float) -> dict[str, Result]:
        """Return the results that the next reconcile may use without an observation. `interval`: that of the platform, in seconds."""
        oldest = time.monotonic() - min(FRESH_SECONDS, interval / 2)
        return {name: result for name, (when, result) in self._cached.items() if when > oldest}

    def cache_results(self, results: Mapping[str, Result], epoch: int) -> None:
        """Cache the results of finished steps that have no pending change; the other steps are observed again.

        `epoch`: that of the state when the reconcile began; results of an older one are dropped.
        """
        if epoch != self.epoch:
            return
        now, before = time.monotonic(), self._cached
        self._cached = {
            name: before[name] if name in before and before[name][1] is result else (now, result)
            for name, result in results.items()
            if isinstance(result.outcome, Unblocking) and not result.changes
        }

    def pack(self) -> None:
        """Drop the cached results before a wait that is longer than they may be used, and pack the traces."""
        self._cached = {}
        self.traces.pack()

    def timed(self, results: Mapping[str, Result], now: datetime) -> dict[str, Result]:
        """Return the results, where work in progress without a start has the time at which it was first observed."""
        working = {
            name: r.outcome for name, r in results.items() if isinstance(r.outcome, Progressing) and r.outcome.since is None
        }
        self._busy_since = {name: self._busy_since.get(name, now) for name in working}
        return {
            name: replace(result, outcome=replace(working[name], since=self._busy_since[name])) if name in working else result
            for name, result in results.items()
        }

    def count_failures(
        self, results: Mapping[str, Result], now: datetime, interval: float, skipped: Mapping[str, Failed], epoch: int
    ) -> None:
        """Count the failures of a reconcile, and compute when each step is retried. `skipped`: the steps that were backing off."""
        self.attempts = (
            next_attempts(results, self.attempts, now, interval, skipped, jitter=random.random()) if epoch == self.epoch else ()
        )
