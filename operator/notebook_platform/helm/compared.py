"""Remember which objects were found to be as their manifest says, so that a settled release is not compared again by dry runs.

An object has not changed since if its uid and its resourceVersion are those of then. Defaults and admission webhooks of the cluster may
have changed, so an object is compared again after an hour. A cluster that lies about either deceives its own platform only.
https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

VALID = 3600.0
"""Seconds."""
MOST = 100_000
"""Objects that are remembered, of about 100 bytes each. When there are more, all are compared again."""


class ComparedObjects:
    """The digests of (manifest, uid, resourceVersion) without a difference, and when each was noted, in seconds of `clock`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noted: dict[bytes, float] = {}

    def is_unchanged(self, manifest: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Return whether the live object had no difference from the manifest within the last hour and has not changed since."""
        noted = self._noted.get(_digest(manifest, live))
        return noted is not None and self._clock() - noted < VALID

    def note(self, manifest: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        """Note that the live object has no difference from the manifest."""
        if len(self._noted) >= MOST:
            self._noted.clear()
        self._noted[_digest(manifest, live)] = self._clock()


def _digest(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> bytes:
    metadata = live.get("metadata") or {}
    parts = [manifest, metadata.get("uid"), metadata.get("resourceVersion")]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=16).digest()
