"""Rotation: a pool is replaced through a temporary one. Pure: the next move follows from the existing pools.

old                -> make the temporary pool
old and temporary  -> the autoscaler releases the old one, its pods move, it is deleted
temporary          -> make the pool anew
new and temporary  -> the temporary pool's pods move back, it goes
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from notebook_platform.azure.arm.ownership import OWNER_TAG, Owner

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


def owned_pools(pools: Mapping[str, Wire], owner: Owner, adopted: Collection[str]) -> list[str]:
    """Return the names of the platform's pools, created or adopted; temporary ones of a rotation too.

    `adopted`: the pools of the spec if a pool without an owner is adopted. Then a temporary pool of one of them, which an orphaned platform
    has left, is too.
    """
    return [
        name
        for name, pool in pools.items()
        if owner.owns(tags := pool.get("tags")) or (_without_owner(tags) and _rotated(name, tags) in adopted)
    ]


def _without_owner(tags: Mapping[str, str] | None) -> bool:
    return all(name.casefold() != OWNER_TAG for name in tags or {})


def _rotated(name: str, tags: Mapping[str, str] | None) -> str | None:
    """Return the name of the pool that a temporary pool replaces; None: the pool is no temporary one."""
    origin = (tags or {}).get(ROTATES_TAG)
    return origin if origin and temporary_name(origin) == name else None


def stand_ins(pools: Mapping[str, Wire], owned: Collection[str]) -> dict[str, str]:
    """Return the temporary pools: the name of the pool that each replaces, by their own name. `owned`: the platform's pools."""
    origins = {name: (pools[name].get("tags") or {}).get(ROTATES_TAG) for name in owned}
    return {name: str(origin) for name, origin in origins.items() if origin}


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
