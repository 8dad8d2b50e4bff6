"""Event loop stalls: how long a task that is due waits for the loop. One loop serves all platforms and the health probes, so
nothing may block it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notebook_platform.observability.metrics import LOOP_STALLS

BEAT = 0.05
"""Seconds between two samples."""


@asynccontextmanager
async def measured() -> AsyncIterator[None]:
    """Sample the delay of the running event loop until the block ends."""

    async def beat() -> None:
        while True:
            due = time.perf_counter() + BEAT
            await asyncio.sleep(BEAT)
            LOOP_STALLS.observe(max(0.0, time.perf_counter() - due))

    task = asyncio.create_task(beat(), name="event loop stalls")
    try:
        yield
    finally:
        task.cancel()
