"""Represent what a step would write as data: the same changes are applied, printed by `plan` and reported as drift.

A change that may not be applied at once has a gate, which says why.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from notebook_platform.engine.outcome import Failed


class Action(StrEnum):
    """What happens to the object at a change's path."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class Unknown(str):
    """A value that Azure assigns when it creates the resource. It stands in the outputs of resources that a plan only
    describes."""

    __slots__ = ()


KNOWN_AFTER_APPLY = Unknown("(known after apply)")


@dataclass(frozen=True)
class Disruptive:
    """Users would notice the change: it is deferred until the maintenance window, or until no user is active."""

    disruptive: ClassVar[bool] = True


@dataclass(frozen=True)
class Scheduled:
    """The spec itself makes the change due now (a schedule, an expiring secret), so it is not drift. `disruptive`: it is
    deferred as a Disruptive change is."""

    disruptive: bool = False


@dataclass(frozen=True)
class NeedsApproval:
    """A user has to approve the change: `failed` says how. `disruptive`: users would notice it."""

    failed: Failed
    disruptive: bool = False


@dataclass(frozen=True)
class Impossible:
    """The change can never be made, for the reason in `failed`.

    A plan shows it, and a reconcile fails with it after all other changes are made. `disruptive`: users would notice it.
    """

    failed: Failed
    disruptive: bool = False


Gate = Disruptive | Scheduled | NeedsApproval | Impossible
"""Why a change is not applied at once. A change without a gate is."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between the desired and the observed state.

    `path` names the member in its owner's terms (`properties.agentPoolProfiles[nodepool1].maxCount`); `before` and `after`
    are JSON values (None: absent; never a secret). `gate` says why it is not applied at once; None: it is. `keys` is the path
    in the resource's own document, for `merged`; empty when the change is not a member of one. `drift`: whether
    it undoes what another client has changed, if the step knows it (a release); None: the baseline tells (`engine/drift.py`).
    """

    path: str
    action: Action
    before: Any = None
    after: Any = None
    gate: Gate | None = None
    keys: tuple[str, ...] = ()
    drift: bool | None = None

    @property
    def disruptive(self) -> bool:
        """Return whether users would notice the change."""
        return self.gate is not None and self.gate.disruptive

    def __str__(self) -> str:
        return f"{self.action} {self.path}: {self.before!r} -> {self.after!r}"


@dataclass(frozen=True, kw_only=True)
class Split:
    """Changes sorted by their gates at this moment. The `deferred` ones wait until `waits_for`."""

    now: tuple[Change, ...]
    deferred: tuple[Change, ...]
    approval: tuple[NeedsApproval, ...]
    impossible: tuple[Impossible, ...]
    waits_for: str

    @property
    def later(self) -> bool:
        """Return whether changes that can be made are waiting."""
        return bool(self.deferred or self.approval)


def split_by_gate(changes: Sequence[Change], waits_for: str) -> Split:
    """Sort changes by their gates. `waits_for`: the event that disruptive changes are deferred until, as a clause; empty:
    none. Pure."""
    free = [change for change in changes if not isinstance(change.gate, NeedsApproval | Impossible)]
    return Split(
        now=tuple(change for change in free if not (change.disruptive and waits_for)),
        deferred=tuple(change for change in free if change.disruptive and waits_for),
        approval=tuple(change.gate for change in changes if isinstance(change.gate, NeedsApproval)),
        impossible=tuple(change.gate for change in changes if isinstance(change.gate, Impossible)),
        waits_for=waits_for,
    )


class Comparison:
    """How two documents are compared: exactly. Azure's documents have rules of their own (`azure/comparison.py`).

    `keys` is the path of a member in the document; the elements of a list have the path of the list.
    """

    def same(self, keys: tuple[str, ...], wanted: object, found: object) -> bool:
        """Return whether two values that are neither mappings nor lists are the same."""
        return wanted == found

    def absent(self, keys: tuple[str, ...], wanted: object) -> bool:
        """Return whether a member that is absent means the same as `wanted`."""
        return wanted is None

    def name_in(self, keys: tuple[str, ...], name: str, found: Mapping[str, Any]) -> str:
        """Return the spelling that `found`, the mapping at `keys`, has of a member's name."""
        return name

    def is_set(self, keys: tuple[str, ...]) -> bool:
        """Return whether the order of a list means nothing."""
        return False


EXACT = Comparison()


def compare(
    wanted: Mapping[str, Any],
    found: Mapping[str, Any],
    path: str = "",
    keys: tuple[str, ...] = (),
    rules: Comparison = EXACT,
) -> Iterator[Change]:
    """Yield an update for each leaf of `wanted` that differs in `found`.

    Only members of `wanted` are compared: what the cloud or another controller sets beside them is not drift. Nested mappings
    are compared by member, everything else as a whole. A wanted None means absent. `rules`: which values mean the same.
    """
    for name, value in wanted.items():
        spelled = rules.name_in(keys, name, found)
        here, place = f"{path}.{name}" if path else name, (*keys, spelled)
        other = found.get(spelled)
        if isinstance(value, Mapping) and value:
            yield from compare(value, other if isinstance(other, Mapping) else {}, here, place, rules)
        elif not _equal(value, other, place, rules):
            yield Change(path=here, action=Action.UPDATE, before=other, after=value, keys=place)


def _equal(wanted: object, found: object, keys: tuple[str, ...], rules: Comparison) -> bool:
    if isinstance(wanted, Mapping):
        return not wanted or (isinstance(found, Mapping) and not any(compare(wanted, found, "", keys, rules)))
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        theirs = list(found) if isinstance(found, Sequence) and not isinstance(found, str) else []
        if len(wanted) != len(theirs):
            return False
        if rules.is_set(keys):
            return all(any(_equal(mine, other, keys, rules) for other in theirs) for mine in wanted)
        return all(_equal(mine, other, keys, rules) for mine, other in zip(wanted, theirs, strict=True))
    return (found is None and rules.absent(keys, wanted)) or rules.same(keys, wanted, found)


def merged(found: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """Return the observed document with the changes applied: the body of a write that changes nothing else. An `after` of
    None removes."""
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
