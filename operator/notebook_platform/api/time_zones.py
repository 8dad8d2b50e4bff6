"""Time zones by their names in the tz database, as schedules and windows of the spec have them."""

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

EXAMPLE = "Europe/Vienna"


def time_zone(name: str) -> ZoneInfo | None:
    """Return a time zone; None for a name that the tz database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=64)
def similar_time_zone(name: str) -> str:
    """Return the known name that is spelled most like an unknown one, or an example."""
    return next(iter(get_close_matches(name, sorted(available_timezones()), 1)), EXAMPLE)


def unknown_time_zone(name: str) -> str:
    """Return the clause about an unknown name."""
    return f"timeZone {name!r} is not a name of the tz database, such as {similar_time_zone(name)}"
