"""When a maintenance window is open. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notebook_platform.api.cluster import MaintenanceWindow
from notebook_platform.api.durations import parse_duration

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _openings(window: MaintenanceWindow, now: datetime) -> list[datetime]:
    """Yield the openings from a day ago to eight days ahead, in order."""
    local = now.astimezone(ZoneInfo(window.time_zone))
    hour, minute = map(int, window.start.split(":"))
    days = [(local + timedelta(days=shift)).date() for shift in range(-1, 9)]
    found = [
        datetime(d.year, d.month, d.day, hour, minute, tzinfo=local.tzinfo) for d in days if DAYS[d.weekday()] in window.days
    ]
    return sorted(found)


def is_open(window: MaintenanceWindow, now: datetime) -> bool:
    """Return whether disruption is expected at this moment."""
    return any(start <= now < start + parse_duration(window.duration) for start in _openings(window, now))


def next_opening(window: MaintenanceWindow, now: datetime) -> datetime:
    """Return when it opens next."""
    return next(start for start in _openings(window, now) if start > now)
