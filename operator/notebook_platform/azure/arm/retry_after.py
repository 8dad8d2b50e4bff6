"""Read how long Azure asks a caller to wait. Used for polls, refusals and rate limits."""

from collections.abc import Mapping

HEADERS = (("retry-after-ms", 1000), ("x-ms-retry-after-ms", 1000), ("Retry-After", 1))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of retry-after-ms or Retry-After (a whole number of seconds); None when no header has a positive number."""
    for name, scale in HEADERS:
        value = headers.get(name) or ""
        if value.isdecimal() and len(value) < 10 and int(value) > 0:
            return int(value) / scale
    return None
