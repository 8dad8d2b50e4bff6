"""The last start of a schedule is never in the future."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.schedules import Recurring, active, began, begins, next_turn

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
EVERY_DAY = Recurring(cron="0 8 * * *")


@pytest.mark.parametrize(
    ("now", "start"),
    [
        (EIGHT, EIGHT),
        (EIGHT + timedelta(seconds=59), EIGHT),
        (EIGHT - timedelta(seconds=1), EIGHT - timedelta(days=1)),
        (EIGHT - timedelta(microseconds=1), EIGHT - timedelta(days=1)),
    ],
)
def test_a_schedule_begins_at_its_minute(now: datetime, start: datetime) -> None:
    assert began(EVERY_DAY, now) == start


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 8 * * 1-5", "30 2 * * *"]),
    st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata"]),
)
def test_the_last_start_is_not_after_now_and_the_next_one_is(now: datetime, cron: str, zone: str) -> None:
    item = Recurring(cron=cron, time_zone=zone)
    assert began(item, now) <= now < begins(item, now)


@pytest.mark.parametrize("wrong", [Recurring(cron="0 25 * * *"), Recurring(cron="0 8 * * *", time_zone="Europe/Wien")])
def test_a_schedule_that_is_not_valid_is_never_active(wrong: Recurring) -> None:
    assert active([wrong], EIGHT) is None and next_turn([wrong], EIGHT) is None
    assert active([EVERY_DAY, wrong], EIGHT) is EVERY_DAY and next_turn([wrong, EVERY_DAY], EIGHT) == EIGHT + timedelta(days=1)
