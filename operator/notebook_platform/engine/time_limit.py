"""The time limit of a step: how long one call of a step may work. Time in which it only waits for its turn does not count.

A step waits for its turn when other platforms hold a lock or a semaphore that all share (`in_turn`). A time-out there would be a failure
that nothing but the number of platforms has caused, and its retry would make the queue longer. Whoever holds the lock has a time limit
of its own, so the wait ends.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar


class TimeLimit:
    """The limit of one call. It stands still while at least one part of the call waits for its turn."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._waits = 0
        self._left = 0.0
        self._ended = False

    def end(self) -> None:
        """Leave the clock alone from now on: tasks that the call has started may live longer than it."""
        self._ended = True

    def pause(self) -> None:
        """Stop the clock."""
        now = asyncio.get_running_loop().time()
        self._waits += 1
        if self._waits == 1 and self._is_running() and (ends := self._timeout.when()) is not None:
            self._left = ends - now
            self._timeout.reschedule(None)

    def resume(self) -> None:
        """Let the clock run again, from where it stood."""
        self._waits -= 1
        if not self._waits and self._is_running():
            self._timeout.reschedule(asyncio.get_running_loop().time() + self._left)

    def _is_running(self) -> bool:
        return not self._ended and not self._timeout.expired()


_LIMIT: ContextVar[TimeLimit | None] = ContextVar("time_limit", default=None)


@asynccontextmanager
async def limited(seconds: float) -> AsyncIterator[None]:
    """Cancel the block after so many seconds, without those in which it waits for its turn. Raises TimeoutError."""
    async with asyncio.timeout(seconds) as timeout:
        limit = TimeLimit(timeout)
        token = _LIMIT.set(limit)
        try:
            yield
        finally:
            limit.end()
            _LIMIT.reset(token)


@contextmanager
def untimed() -> Iterator[None]:
    """Stop the time limit of the running step inside the block, which waits for a lock or semaphore and does nothing else."""
    limit = _LIMIT.get()
    if limit is None:
        yield
        return
    limit.pause()
    try:
        yield
    finally:
        limit.resume()


@asynccontextmanager
async def in_turn(lock: asyncio.Lock | asyncio.Semaphore) -> AsyncIterator[None]:
    """Hold a lock or semaphore inside the block. The wait for it does not count; the block does."""
    with untimed():
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()
