"""When a failed step is tried again: exponential in the number of failures in a row, from the wait the failure names."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from notebook_platform.engine.outcome import Failed
from notebook_platform.engine.reconcile import Result

LONGEST_WAIT = 600.0
"""Seconds. A cause that is gone is noticed within ten minutes at the latest."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A step's failures in a row for the same reason; `retry_at` is when it is next tried."""

    step: str
    reason: str
    count: int
    retry_at: datetime
    failed: Failed


def wait_after(failed: Failed, count: int, interval: float) -> float:
    """Seconds until the next try after `count` failures in a row. One that no retry helps is looked at once an interval."""
    if failed.retry_in is None:
        return interval
    return float(min(failed.retry_in * 2 ** min(count - 1, 30), max(LONGEST_WAIT, failed.retry_in)))


def next_attempts(
    results: Mapping[str, Result],
    previous: Iterable[Attempt],
    now: datetime,
    interval: float,
    left_alone: Collection[str] = (),
) -> tuple[Attempt, ...]:
    """The attempts after a pass: one for each failed step. A step that was left alone in this pass (it was held) keeps the one
    it has, even if its time came while the pass ran: only a try counts."""
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
        retry_at = now + timedelta(seconds=wait_after(failed, count, interval))
        attempts.append(Attempt(step=name, reason=failed.reason, count=count, retry_at=retry_at, failed=failed))
    return tuple(attempts)


def backing_off(attempts: Iterable[Attempt], now: datetime) -> dict[str, Failed]:
    """The failures whose time to retry has not come."""
    return {attempt.step: attempt.failed for attempt in attempts if attempt.retry_at > now}
