"""Versions of the operator's own Secrets, as the watch of the management cluster reports them: a Secret of a known version is not read again.

A version is known once its Secret was read here, and until the watch reports another one. A watch that was interrupted misses
deletions, so a version is known for an hour at most. `SecretStore` notes and asks, the controller reports the events.
"""

import time
from dataclasses import dataclass

KNOWN_SECONDS = 3600.0

ABSENT = ""
"""The version of a Secret that does not exist."""

Place = tuple[str, str]
"""(namespace, name)."""


@dataclass(slots=True)
class _Known:
    """`version` None: the watch has reported the Secret since it was last read, or it is being read for the first time."""

    version: str | None
    at: float


class SecretVersions:
    """The versions of the Secrets that the platforms of a shard have read."""

    def __init__(self) -> None:
        self._known: dict[Place, _Known] = {}

    def expect(self, namespace: str, name: str) -> None:
        """Note that a Secret is about to be read: events from now on count."""
        self._known[namespace, name] = _Known(None, float("inf"))

    def learn(self, namespace: str, name: str, version: str) -> None:
        """Note the version that was read, unless the watch has reported an event since `expect`."""
        known = self._known.get((namespace, name))
        if known is not None and known.at == float("inf"):
            self._known[namespace, name] = _Known(version, time.monotonic())

    def event(self, namespace: str, name: str, version: str) -> None:
        """Note an event of the watch. One that repeats the known version changes nothing."""
        known = self._known.get((namespace, name))
        if known is not None and known.version != version:
            self._known[namespace, name] = _Known(None, float("-inf"))

    def of(self, namespace: str, name: str) -> str | None:
        """Return the current version of a Secret, ABSENT if it does not exist; None: not known."""
        known = self._known.get((namespace, name))
        return known.version if known is not None and known.at > time.monotonic() - KNOWN_SECONDS else None

    def forget(self, namespace: str, name: str) -> None:
        """Drop what is known of a Secret."""
        self._known.pop((namespace, name), None)
