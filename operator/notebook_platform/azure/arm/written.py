"""Written resources: when the operator last wrote which path of Resource Manager, so that only what was written is read again.

A write shows in the read of the resource itself, of what is below it (a deleted group), and of what it is a part of (an agent pool
is part of its cluster's JSON). `AzureSession` records each write, the steps record the end of operations, `ResourceCache` asks.
"""

import re
import time
from collections.abc import Iterator

from notebook_platform.fencing import READS

MANY_PATHS = 4096
"""Paths that are older than any cached list are dropped when there are this many, and each time that their number has doubled."""

OLDEST = 7200.0
"""Seconds."""

_TAGS = "/providers/microsoft.resources/tags/default"
_ASSIGNMENT = "/providers/microsoft.authorization/"
_READING = re.compile(r"/(list|check|get)[^/]*$", re.IGNORECASE)
"""Actions (POST) that only read, by their name: listClusterUserCredential, checkNameAvailability."""


def is_write(method: str, path: str) -> bool:
    """Return whether a request changes a resource."""
    return method not in READS and not (method == "POST" and _READING.search(path))


class WrittenPaths:
    """The times of the last writes, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._below: dict[str, float] = {}
        self._prune_at = MANY_PATHS

    def record(self, path: str) -> None:
        """Record that a path was written now, or that its operation has ended now."""
        now, path = time.monotonic(), path.lower().rstrip("/").removesuffix(_TAGS)
        self._at[path] = now
        if _ASSIGNMENT not in path:  # a role on a resource is no part of the resource
            self._below.update(dict.fromkeys(_parents(path), now))
        if len(self._at) + len(self._below) >= self._prune_at:
            self._at, self._below = (
                {path: at for path, at in times.items() if at >= now - OLDEST} for times in (self._at, self._below)
            )
            self._prune_at = max(MANY_PATHS, 2 * (len(self._at) + len(self._below)))

    def last(self, path: str, *, parts: bool) -> float:
        """Return when a path or what it lies in was last written; with `parts`, also what lies below it. Minus infinity: never."""
        path = path.lower()
        times = [self._at.get(one, float("-inf")) for one in (path, *_parents(path))]
        return max(*times, self._below.get(path, float("-inf")) if parts else float("-inf"))


def _parents(path: str) -> Iterator[str]:
    """Yield the resource group of a path, and each resource and each list between the two: not `/providers` and its namespace."""
    segments = path.split("/")
    for end in (5, *range(8, len(segments))):
        if end < len(segments):
            yield "/".join(segments[:end])
