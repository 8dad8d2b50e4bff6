"""When a lease counts as expired.

A replica never compares a lease's time with its own clock, as clocks of machines differ. It notes when it first read each version of a
lease, and the lease has expired when the same version is read after the lease's duration has passed: the rule of client-go
(https://pkg.go.dev/k8s.io/client-go/tools/leaderelection).
"""

from notebook_platform.leases.store import Lease


class Observations:
    """When each lease was first read in its present version, and since when it is free; all times in seconds of `boottime`."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], tuple[str, float]] = {}
        self._free: dict[str, float] = {}

    def expired(self, lease: Lease, asked: float, answered: float) -> bool:
        """Return whether the lease has expired. `asked`, `answered`: when the read began and ended that returned it."""
        key = lease.namespace, lease.name
        version, since = self._first.get(key, ("", 0.0))
        if version != lease.version:
            self._first[key] = lease.version, answered
            return False
        return asked - since >= lease.duration

    def free_for(self, name: str, now: float, *, free: bool) -> float | None:
        """Note whether a lease is free now. Returns for how long it has been; None: it is held."""
        if not free:
            self._free.pop(name, None)
            return None
        return now - self._free.setdefault(name, now)
