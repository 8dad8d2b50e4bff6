"""When a lease counts as expired.

A replica never compares a lease's time with its own clock, as clocks of machines differ. It notes when it first read each renewal of a
lease, and the lease has expired when no other one is read until the lease's duration has passed: the rule of client-go
(https://pkg.go.dev/k8s.io/client-go/tools/leaderelection). A change of the metadata is no renewal.

Users may edit and delete leases. The holder notices it at its next renewal, so a lease that lost its holder in another way than by a
release counts as held until it would have expired.
"""

from collections.abc import Collection, Iterator

from notebook_platform.leases.store import Lease


class Observations:
    """When each lease was first read with its last renewal, and since when it is free; all times in seconds of `boottime`. `least`: the
    duration that leases have at least, whatever they say."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._first: dict[tuple[str, str], tuple[tuple[str, str, int], float, float]] = {}
        """The renewal, when it was first read, and the duration of the lease then."""
        self._free: dict[str, float] = {}

    def expired(self, lease: Lease, asked: float, answered: float) -> bool:
        """Return whether the lease has expired. `asked`, `answered`: when the read began and ended that returned it."""
        key, renewal = (lease.namespace, lease.name), (lease.holder, lease.renewed, lease.transitions)
        if lease.released:
            self._first.pop(key, None)
            return True
        if key not in self._first or self._first[key][0] != renewal:
            self._first[key] = renewal, answered, max(lease.duration, self._least)
            return False
        _, since, duration = self._first[key]
        return asked - since >= duration

    def deleted(self, namespace: str, leases: Collection[str], asked: float) -> Iterator[str]:
        """Yield the names of leases of a namespace that were deleted, and would not have expired. `leases`: those that were read."""
        for (place, name), (_, since, duration) in self._first.items():
            if place == namespace and name not in leases and asked - since < duration:
                yield name

    def free_for(self, name: str, now: float, *, free: bool) -> float | None:
        """Note whether a lease is free now. Returns for how long it has been; None: it is held."""
        if not free:
            self._free.pop(name, None)
            return None
        return now - self._free.setdefault(name, now)
