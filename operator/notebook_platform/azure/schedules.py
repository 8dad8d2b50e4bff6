"""Check the schedules and time zones of the spec before a step follows them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from notebook_platform.api.reasons import Reason
from notebook_platform.api.schedules import Recurring, next_turn, problem
from notebook_platform.api.time_zones import similar_time_zone, time_zone
from notebook_platform.engine.outcome import StepError


def check_schedules(schedules: Iterable[Recurring], field: str) -> None:
    """Raise StepError (ScheduleUnreadable) for the first schedule of a field that is not valid."""
    for schedule in schedules:
        if words := problem(schedule):
            raise StepError(Reason.SCHEDULE_UNREADABLE, f"{field}: {words}", f"Correct {field}.")


def seconds_to_turn(schedules: Sequence[Recurring], now: datetime) -> float | None:
    """Return the seconds after which another schedule may be active, one more than exactly; None without schedules."""
    turn = next_turn(schedules, now)
    return (turn - now).total_seconds() + 1 if turn else None


def check_time_zone(name: str, field: str) -> ZoneInfo:
    """Return the time zone of a field. Raises StepError (TimeZoneUnknown)."""
    zone = time_zone(name)
    if zone is None:
        raise StepError(
            Reason.TIME_ZONE_UNKNOWN,
            f"{field}.timeZone {name!r} is not a name of the tz database, such as {similar_time_zone(name)}",
            "Use a name of the tz database, such as Europe/Vienna.",
        )
    return zone
