"""Shelf: the last list of one resource type, indexed, so that a lookup costs the same among ten and among ten thousand items.

The items are compressed JSON, smaller than Python objects; an item is decoded each time it is looked up, which
also means that no reader can change it for another one. Used by `ResourceCache`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from notebook_platform.azure.arm.resource_types import Wire
from notebook_platform.packed import pack, unpack

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class _Item:
    """`at`: when its read began. `packed`: its JSON, compressed; None: it does not exist. `keys`: what it is found by."""

    at: float
    packed: bytes | None
    keys: tuple[str, ...]


class Shelf:
    """The items by id and by key, without regard to case. Times are on the monotonic clock."""

    def __init__(self, keys: Callable[[Wire], Iterable[object]]) -> None:
        self._keys = keys
        self._items: dict[str, _Item] = {}
        self._having: dict[str, dict[str, None]] = {}
        self._groups: dict[str, float] = {}
        self.at = NEVER
        """When the list began."""
        self.forbidden = False
        self.lock = asyncio.Lock()

    def empty_copy(self) -> "Shelf":
        """Return an empty shelf of the same type."""
        return Shelf(self._keys)

    def ids(self) -> list[str]:
        """Return the ids of all items."""
        return list(self._items)

    def having(self, key: str) -> list[str]:
        """Return the ids of the items with a key."""
        return list(self._having.get(key.lower(), ()))

    def read_at(self, id_: str) -> float:
        """Return when an item was read."""
        found = self._items.get(id_.lower())
        return self.at if found is None else found.at

    def item(self, id_: str) -> tuple[float, Wire | None]:
        """Return when an item was read, and the item; None: it does not exist."""
        found = self._items.get(id_.lower())
        return self.read_at(id_), None if found is None or found.packed is None else unpack(found.packed)

    def digest(self, ids: Iterable[str]) -> int:
        """Return the hash of items as they were read, without regard to their order."""
        found = ((id_, self._items.get(id_)) for id_ in map(str.lower, ids))
        return hash(frozenset((id_, item.packed if item else None) for id_, item in found))

    def group_at(self, group: str) -> float:
        """Return when the items of a group were last listed."""
        return max(self.at, self._groups.get(group.lower(), NEVER))

    def put(self, id_: str, item: Wire | None, at: float) -> None:
        """Put an item, or that there is none under this id. `at`: when its read began."""
        keys = () if item is None else tuple(str(key).lower() for key in self._keys(item) if key)
        packed = None if item is None else pack(item)
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
            del self._having[key][id_]
            if not self._having[key]:
                del self._having[key]
        self._items[id_] = item
        for key in item.keys:
            self._having.setdefault(key, {})[id_] = None
