"""Shelf: the last list of one resource type, indexed, so that a lookup costs the same among ten and among ten thousand items.

The items are packed (`packed.py`), with one of their type as the dictionary of the other items; an item is decoded each time it is looked up,
which also means that no reader can change it for another one. Used by `ResourceCache`.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from notebook_platform.azure.arm.resource_types import Wire
from notebook_platform.packed import Packing

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class _Item:
    """`at`: when its read began. `packed`: its JSON, packed; None: it does not exist. `keys`: what it is found by."""

    at: float
    packed: bytes | None
    keys: tuple[str, ...]


class Shelf:
    """The items by id and by key, without regard to case. Times are on the monotonic clock."""

    def __init__(self, keys: Callable[[Wire], Iterable[object]], packing: Packing | None = None) -> None:
        self._keys = keys
        self._packing = packing or Packing()
        self._items: dict[str, _Item] = {}
        self._having: dict[str, str | dict[str, None]] = {}
        """By key: the id of the only item that has it, or the ids of several."""
        self._groups: dict[str, float] = {}
        self.at = NEVER
        """When the list began."""
        self.forbidden = False
        self.lock = asyncio.Lock()

    def empty_copy(self) -> "Shelf":
        """Return an empty shelf of the same type."""
        return Shelf(self._keys, self._packing)

    def ids(self) -> list[str]:
        """Return the ids of all items."""
        return list(self._items)

    def having(self, key: str) -> list[str]:
        """Return the ids of the items with a key."""
        found = self._having.get(key.lower(), ())
        return [found] if isinstance(found, str) else list(found)

    def read_at(self, id_: str) -> float:
        """Return when an item was read."""
        found = self._items.get(id_.lower())
        return self.at if found is None else found.at

    def item(self, id_: str) -> tuple[float, Wire | None]:
        """Return when an item was read, and the item; None: it does not exist."""
        found = self._items.get(id_.lower())
        return self.read_at(id_), None if found is None or found.packed is None else self._packing.unpack(found.packed)

    def items(self, ids: Iterable[str]) -> list[Wire]:
        """Return those of these items that exist."""
        return [item for id_ in ids if (item := self.item(id_)[1])]

    def digest(self, ids: Iterable[str]) -> int:
        """Return the hash of items as they were read, without regard to their order."""
        found = ((id_, self._items.get(id_)) for id_ in map(str.lower, ids))
        return hash(frozenset((id_, item.packed if item else None) for id_, item in found))

    def group_at(self, group: str) -> float:
        """Return when the items of a group were last listed."""
        return max(self.at, self._groups.get(group.lower(), NEVER))

    def put(self, id_: str, item: Wire | None, at: float) -> None:
        """Put an item, or that there is none under this id. `at`: when its read began."""
        keys = () if item is None else tuple(sys.intern(str(key).lower()) for key in self._keys(item) if key)
        packed = None if item is None else self._packing.pack(item)
        self._set(id_.lower(), _Item(at, packed, keys))

    def put_group(self, group: str, items: Mapping[str, Wire], at: float) -> None:
        """Put all items of a group; those that are not among them no longer exist."""
        here = {id_.lower() for id_ in items}
        for id_ in self.having(group):
            if id_ not in here:
                self.put(id_, None, at)
        for id_, item in items.items():
            self.put(id_, item, at)
        self._groups[group.lower()] = at

    def replace(self, listed: "Shelf", began: float) -> None:
        """Take over the items of a new list that began at `began`, and keep what was read later than that."""
        later = {id_: item for id_, item in self._items.items() if item.at > began}
        self._items, self._having, self.at = listed._items, listed._having, began
        self._groups = {group: at for group, at in self._groups.items() if at > began}
        for id_, item in later.items():
            self._set(id_, item)

    def _set(self, id_: str, item: _Item) -> None:
        before = self._items.get(id_)
        for key in before.keys if before else ():
            self._take(key, id_)
        self._items[id_] = item
        for key in item.keys:
            found = self._having.get(key)
            if found is None or found == id_:
                self._having[key] = id_
            elif isinstance(found, str):
                self._having[key] = {found: None, id_: None}
            else:
                found[id_] = None

    def _take(self, key: str, id_: str) -> None:
        """Have an item no longer found by a key."""
        found = self._having.get(key)
        if isinstance(found, dict):
            found.pop(id_, None)
        if not found or found == id_:
            self._having.pop(key, None)
