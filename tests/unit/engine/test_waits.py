"""The wait until the next reconcile while work is in progress, and until the next retry of a failure."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.error_rows import REPLICATING
from notebook_platform.azure.arm.operations import in_progress
from notebook_platform.engine.backoff import wait_after
from notebook_platform.engine.outcome import Failed, Operation, Outcome, Progressing, Queued, Ready
from notebook_platform.engine.result import Result, moves_on, requeue_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORK = Progressing(reason=Reason.CREATING, message="Azure creates it", requeue_after=0.5, longest_wait=5.0, since=NOW)


def polls(work: Progressing, duration: float) -> list[float]:
    """Return the seconds after which the work is polled, until it has ended."""
    at = [0.0]
    while at[-1] < duration:
        at.append(at[-1] + requeue_after({"Group": Result(outcome=work)}, 600, NOW + timedelta(seconds=at[-1])))
    return at[1:]


@pytest.mark.parametrize("duration", [0.3, 1.0, 7.0, 20.0, 60.0, 600.0])
def test_the_end_of_work_is_noticed_within_a_fifth_of_its_duration(duration: float) -> None:
    late = polls(WORK, duration)[-1] - duration
    assert late <= max(0.5, min(0.2 * duration, 5.0))


def test_polls_become_rarer_and_are_fewer_than_at_a_short_constant_wait() -> None:
    at = polls(WORK, 60.0)
    waits = [after - before for before, after in itertools.pairwise(at)]
    assert waits == sorted(waits) and waits[-1] == 5.0
    assert len(at) < 30


def test_a_hint_of_azure_is_the_wait_and_without_one_polls_begin_soon() -> None:
    operation = Operation(kind="create managed cluster x", url="https://localhost/1", started=NOW, expected=300)
    hinted, plain = in_progress(operation, 15.0), in_progress(operation, None)
    assert polls(hinted, 40.0) == [15.0, 30.0, 45.0]
    assert polls(plain, 3.0) == [1.0, 2.0, 3.0] and polls(plain, 240.0)[-1] < 246.0


def test_work_whose_begin_is_unknown_is_polled_after_its_first_wait() -> None:
    assert replace(WORK, since=None).next_poll(NOW + timedelta(hours=1)) == 0.5


def test_a_principal_that_replicates_within_a_minute_takes_eleven_writes_at_most() -> None:
    assert REPLICATING.retry_in is not None
    failed = Failed(reason=REPLICATING.reason, message="x", remedy="y", retry_in=REPLICATING.retry_in, growth=REPLICATING.growth)
    waited = [sum(wait_after(failed, count, 600) for count in range(1, tries + 1)) for tries in range(12)]
    assert waited[10] < 60 <= waited[11] and waited[3] < 2.5
    assert wait_after(replace(failed, growth=2.0), 3, 600) == 2.0


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [((Ready(),), False), ((Ready(), WORK), True), ((WORK, Queued("a token", 0.1).progressing), False)],
    ids=["settled", "in progress", "waits for its turn"],
)
def test_a_status_is_left_only_to_a_reconcile_that_comes_and_goes_on(outcomes: tuple[Outcome, ...], expected: bool) -> None:
    assert moves_on({str(number): Result(outcome=one) for number, one in enumerate(outcomes)}) == expected
