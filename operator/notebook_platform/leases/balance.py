"""Divide the shards among the replicas. Pure.

A replica knows of other replicas only the leases that they hold or ask for. Three rules lead to equal shares, give or take one, and leave no
shard without a replica while one lives:

- A replica takes one free lease at once, and further ones only after they have been free for a period, which leaves the replicas that wait
  the time to take theirs.
- A replica that holds at least two leases less than another, and finds none free, asks that one for a lease by an annotation on it.
- The holder stops the shard's reconcilers and releases the lease, which for some periods only the replica takes that has asked.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from notebook_platform.leases.shards import Shard, fnv1a
from notebook_platform.leases.store import Lease

RESERVED = 4
"""Periods for which a released lease is kept for the replica that has asked for it."""


@dataclass(frozen=True)
class View:
    """The leases as one replica sees them.

    `free`: seconds for which each lease without a live holder has been free, by shard. `leases`: the Leases that exist. `held`: the
    shards of this replica. `foreign`: leases of another number of shards that a replica holds.
    """

    me: str
    period: float
    free: Mapping[Shard, float]
    leases: Mapping[Shard, Lease]
    held: Collection[Shard]
    foreign: Collection[str] = ()


def to_take(view: View) -> list[Shard]:
    """Return the shards whose leases to take now: none while a replica works with another number of shards, on the same platforms."""
    if view.foreign:
        return []
    first = fnv1a(view.me)  # replicas that start together begin with different shards
    open_ = [shard for shard in sorted(view.free) if not _reserved(view, shard)]
    open_.sort(key=lambda shard: (shard.index + first) % shard.count)
    waited = [shard for shard in open_ if view.free[shard] >= view.period]
    return waited or ([] if view.held else open_[:1])


def _reserved(view: View, shard: Shard) -> bool:
    lease = view.leases.get(shard)
    other = lease is not None and lease.wanted_by not in ("", view.me) and not lease.holder
    return other and view.free[shard] < RESERVED * view.period


def to_ask(view: View) -> Shard | None:
    """Return the shard whose holder to ask for its lease."""
    if view.free or view.foreign:
        return None
    taken = {shard: lease for shard, lease in view.leases.items() if shard not in view.held and lease.holder not in ("", view.me)}
    if any(lease.wanted_by == view.me for lease in taken.values()):
        return None
    counts = Counter(lease.holder for lease in taken.values())
    if not counts:
        return None
    richest, most = max(counts.items(), key=lambda item: (item[1], item[0]))
    if most < len(view.held) + 2:
        return None
    return next((shard for shard, lease in sorted(taken.items()) if lease.holder == richest and not lease.wanted_by), None)
