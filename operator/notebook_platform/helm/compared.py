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

from notebook_platform.helm.object_client import Served

VALID = 3600.0
"""Seconds."""
MOST = 100_000
"""Objects that are remembered, of about 100 bytes each. When there are more, all are compared again."""
MOST_KINDS = 1000


class ComparedObjects:
    """The digests of (manifest, uid, resourceVersion) without a difference, and when each was noted, in seconds of `clock`.

    Also how each kind was served last, by any cluster: the next read tries that first, which is all if the object is unchanged.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noted: dict[bytes, float] = {}
        self._served: dict[tuple[str, str], Served] = {}

    def served(self, manifest: Mapping[str, Any]) -> Served | None:
        """Return how the kind of an object was served when one was noted last; None: not known. Another cluster may differ."""
        return self._served.get((manifest["apiVersion"], manifest["kind"]))

    def is_unchanged(self, manifest: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Return whether the live object had no difference from the manifest within the last hour and has not changed since."""
        noted = self._noted.get(_digest(manifest, live))
        return noted is not None and self._clock() - noted < VALID

    def note(self, manifest: Mapping[str, Any], live: Mapping[str, Any], served: Served | None = None) -> None:
        """Note that the live object has no difference from the manifest, and how its kind is served."""
        if len(self._noted) >= MOST:
            self._noted.clear()
        if len(self._served) >= MOST_KINDS:
            self._served.clear()
        if served is not None:
            self._served[manifest["apiVersion"], manifest["kind"]] = served
        self._noted[_digest(manifest, live)] = self._clock()


def _digest(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> bytes:
    metadata = live.get("metadata") or {}
    parts = [manifest, metadata.get("uid"), metadata.get("resourceVersion")]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=16).digest()
