"""Read the objects of an API server, however deep they are nested and however many values they hold.

An API server accepts ten thousand levels and half a million values in the free parts of a resource. Python's decoder ends with RecursionError
near one thousand levels, and a page of such objects takes gigabytes, so the platforms of one author would end the list and the watch of
all. Therefore what is nested deeper than any document in use is read as null, and a spec that is larger than any in use is
replaced by LEFT_OUT as soon as it is decoded. No step works with such a spec.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from notebook_platform.bounded.documents import measure
from notebook_platform.bounded.limits import Budget, DocumentTooLarge

CUT_DEPTH = 500
"""Levels of a document that are read."""

SPEC = Budget(bytes=2 << 20, nodes=200_000, depth=200)
"""What a spec may hold: twice what values may (`documents.DEFAULT`). An API server stores no object of two megabytes."""

LARGE = 64 * 1024
"""Characters. A shorter object has no spec with too many values."""

LEFT_OUT = "left out"
"""In place of a spec that exceeds SPEC. A spec in the API is an object, so no user can write it."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')
_ITEMS = re.compile(r'"items":\s*\[\s*')
_BETWEEN = re.compile(r"\s*,?\s*")


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


def read_page(text: str, decoder: json.JSONDecoder) -> Any:
    """Return a page of a list with each spec that is too large left out before the next one is decoded; any other document as it is."""
    return read(text, lambda found: _page(found, decoder))


def _page(text: str, decoder: json.JSONDecoder) -> Any:
    start = _ITEMS.search(text)
    if start is None or len(text) <= LARGE:
        return decoder.decode(text)
    items, at = [], start.end()
    while text[at] != "]":
        item, end = decoder.raw_decode(text, at)
        items.append(fitting(item, end - at))
        between = _BETWEEN.match(text, end)
        at = between.end() if between else end
    return {**decoder.decode(text[: start.end()] + text[at:]), "items": items}


def fitting(found: Any, size: int) -> Any:
    """Return an object of `size` characters, with LEFT_OUT for a spec that is too large."""
    large = size > LARGE and isinstance(found, dict) and "spec" in found and exceeds(found["spec"])
    return {**found, "spec": LEFT_OUT} if large else found


def read_line(line: bytes) -> bytes:
    """Return a line of a watch, cut, and with LEFT_OUT for a spec that is too large."""
    line = cut(line)
    if len(line) <= LARGE:
        return line
    event = json.loads(line)
    found = fitting(event.get("object"), len(line))
    return line if found is event.get("object") else json.dumps({**event, "object": found}).encode()


def exceeds(spec: Any) -> bool:
    """Return whether a spec is too large, or was left out because it is."""
    try:
        return spec == LEFT_OUT or (isinstance(spec, Mapping | list) and measure(spec, SPEC) < 0)
    except DocumentTooLarge:
        return True
