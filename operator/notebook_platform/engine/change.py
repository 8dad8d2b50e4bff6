"""What a step would do to the world, as data: the same changes are applied, printed by `plan` and told as drift."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from notebook_platform.engine.outcome import Failed


class Action(StrEnum):
    """What happens to the thing at a change's path."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class Unknown(str):
    """A value that Azure gives when the thing is made: it stands in outputs of what a plan only promises."""

    __slots__ = ()


KNOWN_AFTER_APPLY = Unknown("(known after apply)")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between what should be and what is.

    `path` names the thing in the words of its owner (`properties.agentPoolProfiles[nodepool1].maxCount`), `before` and
    `after` are JSON values (None: absent; never a secret). `disrupts`: people at work would notice. `due`: it is time for it by
    the spec itself (a schedule, a secret that ends), so it is no drift. `keys` is the place in the thing's own document, for
    `merged`; empty when the change is not a member of one. `cannot` says why it can never be made: a plan tells it beforehand, a
    pass ends with it once all that can be made is made. `awaits` says what a person has to do before it is made.
    """

    path: str
    action: Action
    before: Any = None
    after: Any = None
    disrupts: bool = False
    due: bool = False
    cannot: Failed | None = None
    awaits: Failed | None = None
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.action} {self.path}: {self.before!r} -> {self.after!r}"


def _same(wanted: object, found: object) -> bool:
    """Azure returns ids, locations and enumerations in another case than it was sent, and keys with the newline of their file."""
    if isinstance(wanted, str) and isinstance(found, str):
        return wanted.strip().casefold() == found.strip().casefold()
    return wanted == found


def compare(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str = "", keys: tuple[str, ...] = ()) -> Iterator[Change]:
    """Yield an update for each leaf of `wanted` that `found` does not hold.

    Only members of `wanted` are looked at: what the cloud or another controller fills in beside them is not drift.
    Nested mappings are walked, everything else is compared whole; strings without regard to case. A wanted None is what is
    absent.
    """
    for key, value in wanted.items():
        here, place = f"{path}.{key}" if path else key, (*keys, key)
        other = found.get(key)
        if isinstance(value, Mapping) and value:
            yield from compare(value, other if isinstance(other, Mapping) else {}, here, place)
        elif not _equal(value, other):
            yield Change(path=here, action=Action.UPDATE, before=other, after=value, keys=place)


def _equal(wanted: object, found: object) -> bool:
    if isinstance(wanted, Mapping):
        return not wanted or (isinstance(found, Mapping) and not any(compare(wanted, found)))
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        theirs = found if isinstance(found, Sequence) and not isinstance(found, str) else []
        return len(wanted) == len(theirs) and all(map(_equal, wanted, theirs))
    return _same(wanted, found)


def merged(found: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """What was read with the changes in it: the body of a write that touches nothing else. An `after` of None removes."""
    document = dict(found)
    for change in changes:
        if change.keys:
            _put(document, change.keys, change.after)
    return document


def _put(document: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    first, *rest = keys
    if rest:
        inner = document.get(first)
        document[first] = dict(inner) if isinstance(inner, Mapping) else {}
        _put(document[first], tuple(rest), value)
    elif value is None:
        document.pop(first, None)
    else:
        document[first] = value
