"""Build the values of a YAML document from a parser's events, within a budget.

An anchor (`&name`) names a value, an alias (`*name`) repeats it, and a merge key (`<<`) copies the members of mappings. Each repetition
is a copy that counts as if it were written out, in values, depth and bytes, so that a few lines of aliases cannot become gigabytes.

The meaning is that of go-yaml v2, which Helm and kubectl use (https://github.com/yaml/go-yaml/blob/v2.4.4/decode.go): a merge key takes
effect at its place, so that members before it are replaced and members after it replace; of a list of mappings the first wins.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from yaml import events

from notebook_platform.bounded.limits import Budget, DocumentRefused, DocumentTooLarge
from notebook_platform.bounded.scalars import as_key, resolve

MERGE = "<<"

MOST_ALIASED, LEAST_ALIASED, LEAST_VALUES = 0.99, 100, 1000
"""go-yaml refuses a document with more values and aliased values than the latter two if so large a part is aliased."""

_PREFIX = "tag:yaml.org,2002:"


@dataclass
class _Extent:
    """A size: values, bytes of their texts, levels of collections."""

    nodes: int = 0
    bytes: int = 0
    depth: int = 0


@dataclass
class _Anchor:
    """The value of an anchor; `extent` is None while the value is still read."""

    value: Any = None
    extent: _Extent | None = None


@dataclass
class _Open:
    """A collection that is read. `key`: the next value's, None if a key is next; `began`: the totals before it; `depth`: its levels."""

    value: dict[str, Any] | list[Any]
    began: _Extent
    anchor: _Anchor | None = None
    key: str | None = None
    merging: bool = False
    depth: int = 1
    line: str = field(default="", repr=False)


class Builder:
    """Builds values with an explicit stack: neither this class nor the parser recurses, but for copies within the depth of the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._nodes = 0
        self._bytes = 0
        self._aliased = 0
        self._anchors: dict[str, _Anchor] = {}
        self._stack: list[_Open] = []

    def documents(self, stream: Iterator[Any]) -> list[Any]:
        """Return the value of each document. Raises DocumentRefused and yaml.YAMLError."""
        found: list[Any] = []
        for event in stream:
            kind = type(event)
            if kind is events.DocumentStartEvent:
                self._anchors.clear()
                found.append(self._document(stream))
            elif kind is events.StreamEndEvent:
                break
        return found

    def _document(self, stream: Iterator[Any]) -> Any:
        root: Any = None
        for event in stream:
            kind = type(event)
            if kind is events.DocumentEndEvent:
                break
            if kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
                closed = self._close()
                if closed is not None:
                    root = closed
                continue
            above = self._stack[-1] if self._stack else None
            if above is not None and type(above.value) is dict and above.key is None:
                self._read_key(event, above)
            elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
                self._open(event)
            else:
                value = self._single(event)
                root = value if above is None else root
                if above is not None:
                    self._put(above, value, event)
        return root

    def _open(self, event: Any) -> None:
        """Begin a collection."""
        began = _Extent(self._nodes, self._bytes)
        self._count(1)
        anchor = self._anchor(event)
        mapping = type(event) is events.MappingStartEvent
        if event.tag not in (None, "!", f"{_PREFIX}{'map' if mapping else 'seq'}"):
            raise DocumentRefused(f"it holds a tag ({_line(event)}) that is not accepted: remove the tag")
        self._stack.append(_Open({} if mapping else [], began, anchor, line=_line(event)))
        if len(self._stack) > self._budget.depth:
            raise DocumentTooLarge(f"it is nested deeper than {self._budget.depth} levels")

    def _close(self) -> Any:
        """End a collection and put it into the one above. Returns it if it is the whole document."""
        ended = self._stack.pop()
        if ended.anchor is not None:
            extent = _Extent(self._nodes - ended.began.nodes, self._bytes - ended.began.bytes, ended.depth)
            ended.anchor.value, ended.anchor.extent = ended.value, extent
        if not self._stack:
            return ended.value
        above = self._stack[-1]
        above.depth = max(above.depth, ended.depth + 1)
        self._put(above, ended.value, ended)
        return None

    def _single(self, event: Any) -> Any:
        """Return the value of a scalar or an alias."""
        if type(event) is events.AliasEvent:
            return self._aliased_value(event)
        self._count(1)
        value = self._scalar(event)
        if anchor := self._anchor(event):
            anchor.value, anchor.extent = value, _Extent(1, _size(event.value))
        return value

    def _aliased_value(self, event: Any) -> Any:
        """Return a copy of an anchor's value, which counts in full."""
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            raise DocumentRefused(f"it holds an alias of an anchor that is not defined before it ({_line(event)})")
        extent = anchor.extent
        if extent is None:
            raise DocumentRefused(f"it holds an anchor that contains itself ({_line(event)})")
        if len(self._stack) + extent.depth > self._budget.depth:
            raise DocumentTooLarge(f"it is nested deeper than {self._budget.depth} levels")
        self._count(1 + extent.nodes, extent.bytes)
        self._aliased += extent.nodes
        much = self._aliased > LEAST_ALIASED and self._nodes > LEAST_VALUES
        if much and self._aliased > MOST_ALIASED * self._nodes:
            raise DocumentTooLarge(f"it consists of aliases ({_line(event)}), which Helm refuses")
        if self._stack:
            self._stack[-1].depth = max(self._stack[-1].depth, extent.depth + 1)
        return _copied(anchor.value)

    def _put(self, above: _Open, value: Any, origin: Any) -> None:
        """Put a value into a collection. `origin`: what has its line."""
        here, key = above.value, above.key
        if type(here) is list:
            here.append(value)
            return
        assert type(here) is dict and key is not None
        if above.merging:
            for one in reversed(_mappings(value, origin)):
                here.update(one)
        else:
            here[key] = value
        above.key, above.merging = None, False

    def _read_key(self, event: Any, above: _Open) -> None:
        kind = type(event)
        if kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            raise DocumentRefused(f"it has a key that is not text ({_line(event)})")
        above.merging = kind is events.ScalarEvent and event.implicit[0] and event.value == MERGE
        value = self._single(event)
        try:
            above.key = MERGE if above.merging else as_key(value)
        except ValueError as error:
            raise DocumentRefused(f"{error} ({_line(event)})") from None

    def _scalar(self, event: Any) -> Any:
        self._bytes += _size(event.value)
        try:
            return resolve(event.value, event.tag, plain=event.implicit[0])
        except ValueError as error:
            raise DocumentRefused(f"{error} ({_line(event)})") from None

    def _anchor(self, event: Any) -> _Anchor | None:
        if event.anchor is None:
            return None
        anchor = self._anchors[event.anchor] = _Anchor()
        return anchor

    def _count(self, nodes: int, size: int = 0) -> None:
        self._nodes += nodes
        self._bytes += size
        if self._nodes > self._budget.nodes:
            raise DocumentTooLarge(f"it has more than {self._budget.nodes} values")
        if size and self._bytes > self._budget.bytes:
            raise DocumentTooLarge(f"it is larger than {self._budget.bytes} bytes with its aliases written out")


def _mappings(value: Any, origin: Any) -> list[dict[str, Any]]:
    """Return the mappings that a merge key names: one, or a list that stands there itself."""
    found = value if type(value) is list and isinstance(origin, _Open) else [value]
    if any(type(one) is not dict for one in found):
        raise DocumentRefused(f"it has a merge key whose value is not a mapping ({_line(origin)})")
    return found


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(member) for key, member in value.items()}
    if type(value) is list:
        return [_copied(member) for member in value]
    return value


def _line(origin: Any) -> str:
    return origin.line if isinstance(origin, _Open) else f"line {origin.start_mark.line + 1}"
