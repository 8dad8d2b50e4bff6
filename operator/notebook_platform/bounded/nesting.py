"""Read JSON of an API server, however deep it is nested.

An API server accepts ten thousand levels in the free parts of a resource. Python's decoder ends with RecursionError near one thousand, and
one platform of one author would end the list and the watch of all. So what is nested deeper than any document in use is read as null;
`is_deep` finds the objects that have lost something, and no step works with their spec.
"""

import json
import re
from collections.abc import Callable
from typing import Any

CUT_DEPTH = 500
"""Levels of a document that are read."""

MOST_DEPTH = 200
"""Levels of a spec that are accepted: twice those of values (`documents.DEFAULT`)."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')


def cut(text: bytes) -> bytes:
    """Return a JSON document in which collections below CUT_DEPTH levels are null. Takes linear time, and nothing is decoded."""
    if text.count(b"{") + text.count(b"[") <= CUT_DEPTH:
        return text
    pieces, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case b"{" | b"[":
                depth += 1
                if depth == CUT_DEPTH + 1:
                    pieces.append(text[start : token.start()])
            case b"}" | b"]":
                if depth == CUT_DEPTH + 1:
                    pieces.append(b"null")
                    start = token.end()
                depth -= 1
    return b"".join([*pieces, text[start:]])


def read(text: str, decode: Callable[[str], Any] = json.loads) -> Any:
    """Return a decoded document, cut if it is nested too deep for `decode`."""
    try:
        return decode(text)
    except RecursionError:
        return decode(cut(text.encode()).decode())


def is_deep(value: Any) -> bool:
    """Return whether a value of JSON types has more than MOST_DEPTH levels. Level by level, without recursion."""
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()
            elif isinstance(one, list):
                below += one
        if not below:
            return False
        level = below
    return True
