"""Schedule the retries of failed steps.

The wait of the failure grows with each consecutive failure, up to an upper bound. The reconciler keeps the attempts between
reconciles in status.attempts.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notebook_platform.api.reasons import AnyReason
from notebook_platform.engine.outcome import Failed
from notebook_platform.engine.result import Result

LONGEST_WAIT = 600.0
"""Seconds. After its cause is gone, a failed step is retried within ten minutes at the latest."""

SPREAD = 0.2
"""Largest part by which jitter lengthens a wait."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The consecutive failures of a step for one reason; `retry_at` is the time of its next retry, `wait` seconds after the last one."""

    step: str
    reason: AnyReason
    count: int
    retry_at: datetime
    wait: float
    failed: Failed

    def left(self, now: datetime) -> float:
        """Return the seconds until the next retry, at least 0."""
        return left_of(self.retry_at, self.wait, now)


def left_of(due: datetime, wait: float, now: datetime) -> float:
    """Return the seconds that are left of a wait that ends at `due`; 0: it is over, or the clock was set back by more than the wait."""
    left = (due - now).total_seconds()
    return left if 0 < left <= 2 * wait else 0.0


def wait_after(failed: Failed, count: int, interval: float) -> float:
    """Return the seconds until the next retry after `count` consecutive failures. A failure that no retry helps is observed
    at every interval."""
    if failed.retry_in is None:
        return interval
    return float(min(failed.retry_in * failed.growth ** min(count - 1, 30), max(LONGEST_WAIT, failed.retry_in)))


def exhausted(results: Mapping[str, Result], previous: Iterable[Attempt], left_alone: Collection[str] = ()) -> dict[str, Result]:
    """Return the results, where a failure that has come as often in a row as it allows is one that no retry helps.

    `left_alone`: steps that were skipped; a failure of theirs is not counted again.
    """
    before = {attempt.step: attempt for attempt in previous}
    return {
        name: replace(result, outcome=_last(result.outcome, before.get(name), counted=name in left_alone))
        if isinstance(result.outcome, Failed)
        else result
        for name, result in results.items()
    }


def _last(failed: Failed, attempt: Attempt | None, *, counted: bool) -> Failed:
    count = (attempt.count if attempt and attempt.reason == failed.reason else 0) + (not counted)
    if failed.tries is None or count < failed.tries:
        return failed
    return replace(failed, retry_in=None, remedy=failed.last_remedy or failed.remedy)


def next_attempts(
    results: Mapping[str, Result],
    previous: Iterable[Attempt],
    now: datetime,
    interval: float,
    left_alone: Collection[str] = (),
    *,
    jitter: float = 0.0,
) -> tuple[Attempt, ...]:
    """Return the attempts after a reconcile: one for each failed step. `jitter`: 0 to 1, chosen at random by the caller; it lengthens each
    wait by up to SPREAD, so that platforms that failed together do not retry together.

    A step that this reconcile skipped keeps its attempt, even if its time came during the reconcile: only a retry counts.
    """
    before = {attempt.step: attempt for attempt in previous}
    attempts = []
    for name, result in results.items():
        failed = result.outcome
        if not isinstance(failed, Failed):
            continue
        last = before.get(name)
        if last and name in left_alone:
            attempts.append(last)
            continue
        count = last.count + 1 if last and last.reason == failed.reason else 1
        wait = wait_after(failed, count, interval) * (1 + SPREAD * jitter)
        retry_at = now + timedelta(seconds=wait)
        attempts.append(Attempt(step=name, reason=failed.reason, count=count, retry_at=retry_at, wait=wait, failed=failed))
    return tuple(attempts)


def backing_off(attempts: Iterable[Attempt], now: datetime) -> dict[str, Failed]:
    """Return the failures whose time to retry has not come."""
    return {attempt.step: attempt.failed for attempt in attempts if attempt.left(now) > 0}
