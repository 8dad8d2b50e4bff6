"""Index which platforms refer to a Secret or a ConfigMap, by the object's name: an event costs the same at 10 and at 10,000
platforms.

Events of Secrets carry no data, and an author can change a Secret many times a second. So the events of an object within
DEBOUNCE seconds become one read, and its platforms are woken only if its data have changed: changes of labels and annotations
wake none. Used by the controller.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import random
from collections.abc import Callable, Collection
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

log = logging.getLogger(__name__)

DEBOUNCE = 1.0
SPREAD = 0.5
"""Seconds within which the platforms that refer to one object are woken, so that they do not all sign in at once."""

Reference = tuple[str, str, str]
"""(kind, namespace, name)."""


class Referrers:
    """The platforms (by uid) that refer to each object, and the digest of each object's data when last read."""

    def __init__(self) -> None:
        self._of: dict[Reference, set[str]] = {}
        self._by: dict[str, frozenset[Reference]] = {}
        self._digests: dict[Reference, str] = {}

    def put(self, uid: str, references: Collection[Reference]) -> None:
        """Replace the references of a platform; an empty collection removes it."""
        now, before = frozenset(references), self._by.pop(uid, frozenset())
        if now:
            self._by[uid] = now
        for reference in before - now:
            self._of[reference].discard(uid)
            if not self._of[reference]:
                del self._of[reference]
                self._digests.pop(reference, None)
        for reference in now - before:
            self._of.setdefault(reference, set()).add(uid)

    def concerns(self, reference: Reference) -> bool:
        """Return whether any platform refers to an object."""
        return reference in self._of

    def changed(self, reference: Reference, digest: str | None) -> frozenset[str]:
        """Return the platforms to wake for the digest of an object's current data; `digest` is None when they could not be
        read."""
        if reference not in self._of:
            return frozenset()
        before = self._digests.pop(reference, None)
        if digest is not None:
            self._digests[reference] = digest
        return frozenset() if digest is not None and digest == before else frozenset(self._of[reference])


class ReferenceWatch:
    """Wakes platforms on events of Secrets and ConfigMaps. `wake` is called with the uid of a platform."""

    def __init__(self, api: client.ApiClient, wake: Callable[[str], None]) -> None:
        self._core = client.CoreV1Api(api)
        self._wake = wake
        self._pending: dict[Reference, asyncio.Task[None]] = {}
        self.referrers = Referrers()

    def event(self, reference: Reference) -> None:
        """Handle an object that was added, changed or deleted."""
        if self.referrers.concerns(reference) and reference not in self._pending:
            task = asyncio.create_task(self._check(reference), name=f"check {reference[0]} {reference[2]}")
            self._pending[reference] = task

    async def _check(self, reference: Reference) -> None:
        await asyncio.sleep(DEBOUNCE)
        del self._pending[reference]
        kind, namespace, name = reference
        read = self._core.read_namespaced_secret if kind == "Secret" else self._core.read_namespaced_config_map
        digest: str | None = None
        try:
            digest = _digest(await read(name, namespace))
        except ApiException as error:
            digest = "" if error.status == 404 else None
        except (OSError, ValueError, client.exceptions.OpenApiException) as error:
            log.warning("%s %s/%s could not be read: %s", kind, namespace, name, type(error).__name__)
        for uid in self.referrers.changed(reference, digest):
            asyncio.get_running_loop().call_later(random.uniform(0, SPREAD), self._wake, uid)

    async def close(self) -> None:
        """Cancel pending reads."""
        tasks = list(self._pending.values())
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _digest(found: Any) -> str:
    data = [found.data, getattr(found, "binary_data", None)]
    return hashlib.blake2b(json.dumps(data, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
