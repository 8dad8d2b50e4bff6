"""Read how long Azure asks a caller to wait. Used for polls, refusals and rate limits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

HEADERS = (("retry-after-ms", 1000), ("x-ms-retry-after-ms", 1000), ("Retry-After", 1))

LONGEST = 3600.0
"""Seconds. Azure's own limits are counted over an hour at most; a longer wait would leave a platform alone for a mistake in a header."""

LONGEST_TEXT = 64


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of retry-after-ms or Retry-After (a whole number of seconds, or a date:
    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3), at most LONGEST; None when no header has a positive number or a time to come."""
    for name, scale in HEADERS:
        value = headers.get(name) or ""
        if value.isdecimal() and len(value) <= LONGEST_TEXT and int(value) > 0:
            return min(int(value) / scale, LONGEST)
    left = _until(headers.get("Retry-After") or "")
    return min(left, LONGEST) if left > 0 else None


def _until(date: str) -> float:
    """Return the seconds until a date of HTTP; 0 when the text is none."""
    if not 0 < len(date) <= LONGEST_TEXT:
        return 0.0
    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    except (ValueError, OverflowError):
        return 0.0
