"""A failure that comes again and again asks for a user: after its tries the platform is Stalled, and is tried at every interval."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from notebook_platform.api.words import AzureCode
from notebook_platform.engine.backoff import Attempt, backing_off, exhausted, next_attempts
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.outcome import Failed, Outcome, Ready
from notebook_platform.engine.result import Result

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INTERVAL = 600.0
FAILED = Failed(
    reason=AzureCode("BrandNew"),
    message="spec.cluster: Azure answered BrandNew",
    remedy="The operator retries.",
    retry_in=30,
    tries=3,
    last_remedy="Correct spec.cluster.",
)


class Reconciles:
    """Reconciles of one step, with the attempts that are kept between them."""

    def __init__(self) -> None:
        self.attempts: tuple[Attempt, ...] = ()
        self.now = NOW

    def one(self, outcome: Outcome) -> dict[str, tuple[str, str]]:
        """Reconcile now, or return the failure that backs off; return the conditions as (status, message) by type."""
        skipped = backing_off(self.attempts, self.now)
        results = exhausted({"Cluster": Result(outcome=skipped.get("Cluster", outcome))}, self.attempts, skipped)
        self.attempts = next_attempts(results, self.attempts, self.now, INTERVAL, skipped)
        return {c.type: (c.status, c.message) for c in fold_conditions(results, [], generation=1, now=self.now)}

    def wait(self) -> float:
        """Advance to the next retry; return the seconds."""
        waited = (self.attempts[0].retry_at - self.now).total_seconds()
        self.now = self.attempts[0].retry_at + timedelta(seconds=1)
        return waited


def test_after_its_tries_a_failure_stalls_and_is_tried_once_an_interval() -> None:
    reconciles, waits, stalled = Reconciles(), [], []
    for _ in range(5):
        conditions = reconciles.one(FAILED)
        stalled.append(conditions["Stalled"][0])
        waits.append(reconciles.wait())
    assert stalled == ["False", "False", "True", "True", "True"] and waits == [30, 60, INTERVAL, INTERVAL, INTERVAL]
    assert conditions["Ready"][1].endswith("Correct spec.cluster.") and conditions["Reconciling"][0] == "False"


@pytest.mark.parametrize(("hours", "skipped"), [(-8, False), (8, False), (-0.001, True)])
def test_a_clock_that_is_set_delays_no_retry_beyond_twice_its_wait(hours: float, skipped: bool) -> None:
    reconciles = Reconciles()
    reconciles.one(FAILED)
    reconciles.now += timedelta(hours=hours)
    assert reconciles.attempts[0].left(reconciles.now) <= 60
    assert bool(backing_off(reconciles.attempts, reconciles.now)) is skipped


def test_a_reconcile_that_skips_the_step_does_not_count() -> None:
    reconciles = Reconciles()
    for _ in range(10):
        assert reconciles.one(FAILED)["Stalled"][0] == "False"
    assert reconciles.attempts[0].count == 1


def test_another_reason_a_success_or_no_bound_starts_again() -> None:
    other = replace(FAILED, reason=AzureCode("Other"))
    for between in (other, Ready()):
        reconciles = Reconciles()
        for outcome in (FAILED, FAILED, between, FAILED, FAILED):
            assert reconciles.one(outcome)["Stalled"][0] == "False"
            if reconciles.attempts:
                reconciles.wait()
    endless = Reconciles()
    for _ in range(20):
        assert endless.one(replace(FAILED, tries=None))["Stalled"][0] == "False"
        endless.wait()


def test_a_given_up_failure_stays_given_up_while_it_waits() -> None:
    reconciles = Reconciles()
    for _ in range(3):
        reconciles.one(FAILED)
        reconciles.wait()
    reconciles.one(FAILED)
    assert reconciles.one(FAILED)["Stalled"][0] == "True"
