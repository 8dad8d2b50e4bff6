"""Shards: disjoint parts of all platforms, by the hash of a platform's uid. Pure.

Each shard has one Lease, and the replica that holds it reconciles the shard's platforms. The rule is that of Kubernetes' sharded list and
watch (https://kubernetes.io/docs/reference/using-api/api-concepts/#sharded-list-and-watch), which hashes with FNV-1a of 64 bits. An API
server that has it sends only the shard's objects; the operator applies the same rule to every event, so replicas agree before, during
and after the API server learns or forgets it.
"""

import re
from dataclasses import dataclass

SPACE = 1 << 64
_OFFSET, _PRIME = 0xCBF29CE484222325, 0x100000001B3
"""http://www.isthe.com/chongo/tech/comp/fnv/"""

MOST_SHARDS = 64


def fnv1a(text: str) -> int:
    """Return the FNV-1a hash of 64 bits."""
    found = _OFFSET
    for byte in text.encode():
        found = ((found ^ byte) * _PRIME) % SPACE
    return found


@dataclass(frozen=True, order=True)
class Shard:
    """Shard `index` of `count`."""

    index: int
    count: int

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the first hash of the shard, and the one after the last."""
        return self.index * SPACE // self.count, (self.index + 1) * SPACE // self.count

    def includes(self, uid: str) -> bool:
        """Return whether the shard has the object with this uid."""
        start, end = self.bounds
        return self.count == 1 or start <= fnv1a(uid) < end

    @property
    def selector(self) -> str | None:
        """Return the value of the API server's `shardSelector`; None: the shard has all objects."""
        if self.count == 1:
            return None
        start, end = self.bounds
        return f"shardRange(object.metadata.uid, '{start:#018x}', '{end:#018x}')"

    def lease(self, name: str) -> str:
        """Return the name of the shard's Lease; `name` is the installation's."""
        return name if self.count == 1 else f"{name}-{self.index}-of-{self.count}"


def shards(count: int) -> tuple[Shard, ...]:
    """Return all shards."""
    return tuple(Shard(index, count) for index in range(count))


def shard_of(lease: str, name: str) -> Shard | None:
    """Return the shard of a Lease; None: another installation's, or no Lease of the operator."""
    if lease == name:
        return Shard(0, 1)
    found = re.fullmatch(re.escape(name) + r"-(\d{1,2})-of-(\d{1,2})", lease)
    return Shard(int(found[1]), int(found[2])) if found and int(found[1]) < int(found[2]) else None
