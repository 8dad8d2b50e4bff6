"""Event loop stalls: how long a task that is due waits for the loop. One loop serves all platforms, so nothing may block it.

A task of the loop beats 20 times a second. The delay of each beat is a metric, and the time of the last one shows another thread
whether the loop stands: a loop that stands cannot report it.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from notebook_platform.observability.metrics import LOOP_STALLS

BEAT = 0.05
"""Seconds between two samples."""


class Heartbeat:
    """The last beat of an event loop. Any thread may read it. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._thread = threading.get_ident()

    def beat(self) -> None:
        """Record that the loop runs, in the calling thread."""
        self._last, self._thread = self._clock(), threading.get_ident()

    def age(self) -> float:
        """Return the seconds since the last beat."""
        return self._clock() - self._last

    def stack(self) -> str:
        """Return the stack of the loop's thread, which names what the loop stands in; empty when the thread has ended."""
        frame = sys._current_frames().get(self._thread)
        return "" if frame is None else "".join(traceback.format_stack(frame))


@asynccontextmanager
async def measured(late: Callable[[float], None] = lambda seconds: None) -> AsyncIterator[Heartbeat]:
    """Sample the delay of the running event loop until the block ends; yield its heartbeat. `late` is called with each delay."""
    heartbeat = Heartbeat()

    async def beat() -> None:
        while True:
            due = time.perf_counter() + BEAT
            await asyncio.sleep(BEAT)
            delay = max(0.0, time.perf_counter() - due)
            LOOP_STALLS.observe(delay)
            heartbeat.beat()
            late(delay)

    task = asyncio.create_task(beat(), name="event loop stalls")
    try:
        yield heartbeat
    finally:
        task.cancel()
