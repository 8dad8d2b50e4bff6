"""What a step would do to the world, as data: the same changes are applied, printed by `plan` and told as drift."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What happens to the thing at a change's path."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between what should be and what is.

    `path` names the thing in the words of its owner (`properties.agentPoolProfiles[nodepool1].maxCount`), `before` and
    `after` are JSON values (None: absent; never a secret), `disrupts` says whether people at work would notice.
    """

    path: str
    action: Action
    before: Any = None
    after: Any = None
    disrupts: bool = False

    def __str__(self) -> str:
        return f"{self.action} {self.path}: {self.before!r} -> {self.after!r}"


def _same(wanted: object, found: object) -> bool:
    """Azure returns ids, locations and enumerations in another case than it was sent."""
    if isinstance(wanted, str) and isinstance(found, str):
        return wanted.casefold() == found.casefold()
    return wanted == found


def compare(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str = "") -> Iterator[Change]:
    """Yield an update for each leaf of `wanted` that `found` does not hold.

    Only members of `wanted` are looked at: what the cloud or another controller fills in beside them is not drift.
    Nested mappings are walked, everything else is compared whole; strings without regard to case.
    """
    for key, value in wanted.items():
        here = f"{path}.{key}" if path else key
        other = found.get(key)
        if isinstance(value, Mapping):
            yield from compare(value, other if isinstance(other, Mapping) else {}, here)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            theirs = other if isinstance(other, Sequence) and not isinstance(other, str) else []
            if len(value) != len(theirs) or not all(map(_equal_item, value, theirs)):
                yield Change(path=here, action=Action.UPDATE, before=other, after=value)
        elif not _same(value, other):
            yield Change(path=here, action=Action.UPDATE, before=other, after=value)


def _equal_item(wanted: object, found: object) -> bool:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return not any(compare(wanted, found))
    return _same(wanted, found)
