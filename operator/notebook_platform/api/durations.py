"""Durations as people write them: `90s`, `10m`, `1h`, `7d`."""

import re
from datetime import timedelta

PATTERN = r"^[1-9][0-9]{0,4}(s|m|h|d|w)$"
"""Five digits at most: the end of a longer time is no date."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """Parse a duration: `10m` gives ten minutes. Raises ValueError for anything that PATTERN does not match."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"not a duration: {text!r} (write 90s, 10m, 1h, 7d or 1w)")
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def iso8601(duration: timedelta) -> str:
    """Format a duration as Azure Monitor does: ten minutes give `PT10M`, one day `P1D`."""
    seconds = int(duration.total_seconds())
    if seconds % 86400 == 0:
        return f"P{seconds // 86400}D"
    parts = ((seconds // 3600, "H"), (seconds % 3600 // 60, "M"), (seconds % 60, "S"))
    return "PT" + "".join(f"{value}{unit}" for value, unit in parts if value)
