"""What a step would write, as data: the same changes are applied, printed by `plan` and reported as drift.

A change that may not be applied at once has a gate, which says why.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

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


@dataclass(frozen=True)
class Disruptive:
    """Users would notice the change: it waits for the maintenance window, or until no user is active."""

    disruptive: ClassVar[bool] = True


@dataclass(frozen=True)
class Scheduled:
    """The spec itself makes the change due now (a schedule, a secret that ends), so it is no drift. `disruptive`: it waits as a
    Disruptive one does."""

    disruptive: bool = False


@dataclass(frozen=True)
class NeedsApproval:
    """A user has to act before the change is made: `failed` says what, and how. `disruptive`: users would notice it."""

    failed: Failed
    disruptive: bool = False


@dataclass(frozen=True)
class Impossible:
    """The change can never be made, for the reason in `failed`: a plan shows it, and a reconcile fails with it once all that can be
    made is made. `disruptive`: users would notice it."""

    failed: Failed
    disruptive: bool = False


Gate = Disruptive | Scheduled | NeedsApproval | Impossible
"""Why a change is not simply applied. A change without one is applied at once."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between what should be and what is.

    `path` names the member in the words of its owner (`properties.agentPoolProfiles[nodepool1].maxCount`), `before` and
    `after` are JSON values (None: absent; never a secret). `gate` says why it is not applied at once; None: it is. `keys` is the
    place in the resource's own document, for `merged`; empty when the change is not a member of one.
    """

    path: str
    action: Action
    before: Any = None
    after: Any = None
    gate: Gate | None = None
    keys: tuple[str, ...] = ()

    @property
    def disruptive(self) -> bool:
        """Whether users would notice the change."""
        return self.gate is not None and self.gate.disruptive

    def __str__(self) -> str:
        return f"{self.action} {self.path}: {self.before!r} -> {self.after!r}"


@dataclass(frozen=True, kw_only=True)
class Split:
    """Changes by what their gates say at this moment. `deferred` are those that wait for `waits_for`."""

    now: tuple[Change, ...]
    deferred: tuple[Change, ...]
    approval: tuple[NeedsApproval, ...]
    impossible: tuple[Impossible, ...]
    waits_for: str

    @property
    def later(self) -> bool:
        """Whether changes wait that can be made."""
        return bool(self.deferred or self.approval)


def split_by_gate(changes: Sequence[Change], waits_for: str) -> Split:
    """Sort changes by their gates. `waits_for`: what disruptive changes wait for, in words; empty: nothing. Pure."""
    free = [change for change in changes if not isinstance(change.gate, NeedsApproval | Impossible)]
    return Split(
        now=tuple(change for change in free if not (change.disruptive and waits_for)),
        deferred=tuple(change for change in free if change.disruptive and waits_for),
        approval=tuple(change.gate for change in changes if isinstance(change.gate, NeedsApproval)),
        impossible=tuple(change.gate for change in changes if isinstance(change.gate, Impossible)),
        waits_for=waits_for,
    )


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
