"""Rotation: a pool is replaced through a temporary one. Pure: the next move follows from the existing pools.

old                -> make the temporary pool
old and temporary  -> the autoscaler releases the old one, its pods move, it is deleted
temporary          -> make the pool anew
new and temporary  -> the temporary pool's pods move back, it goes
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Wire = dict[str, Any]

ROTATES_TAG = "notebookplatform-rotates"
"""On a temporary pool: the name of the pool whose place it holds."""


class Move(Enum):
    """What to do with a pool."""

    CREATE = "create"
    FREEZE = "take the autoscaler off"
    EMPTY = "drain and delete"


@dataclass(frozen=True)
class Next:
    """The next move, and the pool that it concerns."""

    move: Move
    pool: str


def temporary_name(name: str) -> str:
    """Return a name of at most twelve lower-case letters and digits, as pool names are; a different one for each name."""
    return f"{name[:7]}t{hashlib.sha256(name.encode()).hexdigest()[:4]}"


def stand_ins(pools: Mapping[str, Wire], owner_tag: str, owner: str) -> dict[str, str]:
    """Return the temporary pools: the name of the pool that each replaces, by their own name."""
    found = {}
    for name, pool in pools.items():
        tags = pool.get("tags") or {}
        if tags.get(owner_tag) == owner and tags.get(ROTATES_TAG):
            found[name] = str(tags[ROTATES_TAG])
    return found


def next_move(name: str, pools: Mapping[str, Wire], *, differs: bool) -> Next | None:
    """Return the next move for the pool `name`; `differs`: an immutable property changes. None: nothing is to be done."""
    temporary = temporary_name(name)
    existing, helping = name in pools, temporary in pools
    if existing and differs and not helping:
        return Next(Move.CREATE, temporary)
    if existing and helping:
        leaving = name if differs else temporary
        return Next(Move.FREEZE if pools[leaving].get("enableAutoScaling") else Move.EMPTY, leaving)
    if helping:
        return Next(Move.CREATE, name)
    return None
