"""Write the status and the Events of a platform to the management cluster.

A rejected status is replaced by a short one, and a rejected Event does not fail the reconcile, so that a platform always
reports its state.
"""

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.status import PlatformStatus
from notebook_platform.events import EventContent
from notebook_platform.kube.objects import PlatformObject
from notebook_platform.observability import metrics
from notebook_platform.observability.context import fields
from notebook_platform.observability.fleet import FLEET
from notebook_platform.packed import Packing
from notebook_platform.status import minimal_status, status_of

log = logging.getLogger(__name__)

REFUSED_STATUS = (400, 413, 422)
"""HTTP statuses with which an API server rejects an object that is too large or does not fit the schema."""

SOON, LONGEST_LEFT = 0.6, 1.0
"""Seconds: a status with nothing but progress is left to a reconcile that comes so soon, for so long. A write costs the API server 30 ms."""

STATUSES = Packing()

SUMMARY = (ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED)


class Reported(NamedTuple):
    """What a status tells besides progress: the generation, the state of the whole platform, and the operations that have begun."""

    generation: int | None
    summary: frozenset[tuple[str, str]]
    operations: frozenset[tuple[str, str]]

    def more_than(self, before: "Reported") -> bool:
        """Return whether it is worth a write after the one that readers see. The end of an operation alone is not. Pure."""
        return self[:2] != before[:2] or not self.operations <= before.operations


def reported(status: PlatformStatus) -> Reported:
    """Return what a status tells besides progress. Pure."""
    summary = frozenset((c.type, c.status) for c in status.conditions if c.type in SUMMARY)
    return Reported(status.observed_generation, summary, frozenset((one.step, one.started) for one in status.operations))


class Reporter:
    """Writes status and Events of one platform. `status` is the last one written, or the one read from `body`. What each reconcile asks of
    it stays at hand while the rest is packed: `observed_generation`, whether the platform is `reconciling`, and the number of `writes`."""

    def __init__(self, platform: PlatformObject, body: Mapping[str, Any], label: str) -> None:
        self._object = platform
        self._label = label
        self._written = self._packed = STATUSES.pack(body.get("status") or {})
        self._status: PlatformStatus | None = None
        self.writes = 0
        self.observed_generation: int | None = None
        self.reconciling = False
        self._left_since: float | None = None
        self._reported: Reported | None = None

    @property
    def status(self) -> PlatformStatus:
        """The status as last written or set."""
        if self._status is None:
            self._status = status_of({"status": STATUSES.unpack(self._packed)})
        return self._status

    @status.setter
    def status(self, status: PlatformStatus) -> None:
        self._status = status
        self.observed_generation = status.observed_generation
        self.reconciling = any(c.type == ConditionType.RECONCILING and c.status == "True" for c in status.conditions)

    def begin(self) -> None:
        """Count the status that was read, and keep it packed: after a start most platforms wait for their first reconcile."""
        self.status = self.status
        self.report()
        self._status = None

    def pack(self) -> None:
        """Keep the status packed until it is used again."""
        if self._status is not None:
            wire = self._status.wire()
            self._packed = self._written if wire == STATUSES.unpack(self._written) else STATUSES.pack(wire)
            self._status = self._reported = None

    async def write_or_leave(self, status: PlatformStatus, next_in: float, at: float | None = None) -> None:
        """Write the status, or leave it to the next reconcile, which is due in `next_in` seconds, if it tells nothing but progress.
        `at`: the monotonic clock, if not as it is now."""
        now = time.monotonic() if at is None else at
        since = now if self._left_since is None else self._left_since
        if next_in > SOON or now - since > LONGEST_LEFT or reported(status).more_than(self._last_reported()):
            await self.write(status)
            return
        self._left_since, self.status = since, status
        self.report()

    def _last_reported(self) -> "Reported":
        if self._reported is None:
            self._reported = reported(status_of({"status": STATUSES.unpack(self._written)}))
        return self._reported

    async def write(self, status: PlatformStatus) -> None:
        """Patch the status if it has changed. One that the API server rejects is replaced by its short form."""
        wire, written = status.wire(), STATUSES.unpack(self._written)
        if wire != written:
            try:
                await self._object.write_status(wire, written)
            except ApiException as error:
                if error.status not in REFUSED_STATUS:
                    raise
                log.error("%s: the API server rejected the status: %s", self._label, error.status)
                await self._object.write_status(minimal_status(status).wire(), {})
            metrics.STATUS_WRITES.inc()
            self.writes += 1
            self._written, self._reported = STATUSES.pack(wire), None
        self._left_since = None
        self.status = status
        self.report()

    def report(self) -> None:
        """Count the status in the metrics of the fleet."""
        status = self.status
        operations = [operation.step for operation in status.operations]
        FLEET.report(self._object.platform.uid, status.conditions, operations, status.observed_generation or 0)

    async def try_write(self, status: PlatformStatus) -> None:
        """Write the status as `write` does; log an error instead of raising it."""
        try:
            await self.write(status)
        except Exception as error:
            log.warning("%s: failed to write the status: %s", self._label, type(error).__name__)

    async def emit_event(self, event: EventContent, now: datetime) -> None:
        """Create an Event, and log it.

        An Event that the API server rejects (a terminating namespace, a quota) does not fail the reconcile: status reports
        the same.
        """
        level = logging.WARNING if event.type == "Warning" else logging.INFO
        log.log(level, "%s: %s", event.reason, event.message, extra=fields(reason=event.reason))
        try:
            await self._object.emit_event(event.type, event.reason, event.message, now)
        except Exception as error:
            log.warning("%s: failed to create an Event: %s", self._label, type(error).__name__)
