"""Slots: the reconciles of a process that may run side by side. Tasks wait here until the work queue gives them a slot.

Without a bound, a burst of platforms would share one event loop: each of them would be slower than the time-outs of its own steps, and
none would end. With it, a burst is a queue. All controllers of a process share one `Slots` (`clients.SharedClients.slots`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager

from notebook_platform.observability import metrics
from notebook_platform.work_queue import Priority, WorkQueue

REPORTS = 4
"""Platforms that report side by side that they wait. A thousand at once would delay everything else in the event loop, and the renewal
of the lease with it."""


class Slots:
    """The slots of this process. The key of a reconcile is any object of its platform."""

    def __init__(self, limit: int) -> None:
        self._queue = WorkQueue[Hashable](limit)
        self._wakers: dict[Hashable, asyncio.Future[None]] = {}
        self._reports = 0
        metrics.SLOTS.set(limit)

    @property
    def limit(self) -> int:
        """Return the largest number of slots."""
        return self._queue.limit

    def adapt(self, delay: float) -> None:
        """Close or open slots, after the event loop was late by `delay` seconds."""
        before = self._queue.slots
        self._queue.adapt(delay)
        if self._queue.slots != before:
            metrics.SLOTS.set(self._queue.slots)
            self._start()

    @asynccontextmanager
    async def request(self, key: Hashable, namespace: str, priority: Priority) -> AsyncIterator[asyncio.Future[None]]:
        """Yield a future that is done when the reconcile has its slot. At the end of the block the slot is free again."""
        turn = self._wakers[key] = asyncio.get_running_loop().create_future()
        self._queue.add(key, namespace, priority, time.monotonic())
        self._start()
        try:
            yield turn
        finally:
            self._wakers.pop(key, None)
            self._queue.remove(key)
            self._start()

    @contextmanager
    def report(self) -> Iterator[bool]:
        """Yield whether a platform may report now that it waits; the block is the report."""
        allowed = self._reports < REPORTS
        self._reports += allowed
        try:
            yield allowed
        finally:
            self._reports -= allowed

    def prioritize(self, key: Hashable) -> None:
        """Let a reconcile that waits go before periodic ones: its user has changed something."""
        self._queue.prioritize(key)
        self._start()

    def _start(self) -> None:
        """Wake the reconciles that have a slot now."""
        now = time.monotonic()
        for ticket in self._queue.start():
            metrics.QUEUE_WAIT_SECONDS.labels(priority=ticket.priority.label).observe(now - ticket.since)
            turn = self._wakers[ticket.key]
            if not turn.done():  # done: its task was cancelled while it waited, and removes the key
                turn.set_result(None)
        for priority in Priority:
            metrics.QUEUE_DEPTH.labels(priority=priority.label).set(self._queue.waiting(priority))
