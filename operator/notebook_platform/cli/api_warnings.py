"""Warnings of the API server about a request, as kubectl prints them. Pure.

Each is a header `Warning: 299 - "text"` (https://datatracker.ietf.org/doc/html/rfc7234#section-5.5); several may share one header. The
API server sends at most 4096 characters in all, but what answers may be something else.
"""

import re
from collections.abc import Iterable

MOST = 20
LONGEST = 500
"""Characters of one text that are shown."""

WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


def warnings(headers: Iterable[str]) -> list[str]:
    """Return the texts of the headers, each once: the first MOST, shortened to LONGEST."""
    texts = [re.sub(r"\\(.)", r"\1", found[1]) for header in headers for found in WARNING.finditer(header)]
    return [_short(text) for text in dict.fromkeys(texts)][:MOST]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
