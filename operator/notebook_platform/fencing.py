"""Fencing: a process writes for the platforms of a shard only while it holds the shard's lease.

A `Fence` is the right to write, and it ends at a deadline that each renewal of the lease moves. Every write checks it right before its bytes
are sent: to Azure, to a workload cluster and to the management cluster in `FencedConnector`, and each start of helm
(`helm/runner.py`). The clock is CLOCK_BOOTTIME, which also runs while the process is stopped (SIGSTOP, a paused virtual machine): a process
that wakes after its deadline sends nothing, although it has not yet read that another one holds the lease. The deadline comes a
third of the lease's duration before another process may take the lease, so requests in flight end first.

`FENCE` is a context variable, as the log context is: tasks started for a shard inherit it. A command has no fence and is not limited.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

READS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods)."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""https://man7.org/linux/man-pages/man2/clock_gettime.2.html"""


def boottime() -> float:
    """Return seconds on the clock of leases."""
    return time.clock_gettime(_CLOCK)


class LeaseLost(Exception):
    """A write was refused because the lease of its shard is no longer held."""


class Fence:
    """The right to write for one shard, for as long as its lease is held.

    `holder` names the holding as `namespace/lease/identity`. `has_ended` returns whether the holding that such a name describes has ended.
    The loop that makes the fence renews it; any thread may check it or end it.
    """

    def __init__(self, holder: str, deadline: float, has_ended: Callable[[str], Coroutine[Any, Any, bool]]) -> None:
        self.holder = holder
        self.has_ended = has_ended
        self._deadline = deadline
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        self._on_end: list[Callable[[], None]] = []
        self.extend(deadline)

    @property
    def holds(self) -> bool:
        """Return whether writes are allowed now."""
        return not self._ended and boottime() < self._deadline

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the fence ends, in the thread that ends it."""
        self._on_end.append(callback)

    def check(self) -> None:
        """Raise LeaseLost after the deadline."""
        if not self.holds:
            self.end()
            raise LeaseLost(f"the lease {self.holder} has ended: nothing is written")

    def extend(self, deadline: float) -> None:
        """Move the deadline, in seconds of `boottime`. A fence that has ended stays so."""
        if self._ended:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._deadline = deadline
        self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline - boottime()), self._expire)

    def _expire(self) -> None:
        if not self.holds:
            self.end()
        else:  # the clock of timers stands while the machine sleeps, so a timer is late and never early by more than its resolution
            self.extend(self._deadline)

    def end(self) -> None:
        """Refuse all further writes, and call what waits for the end."""
        if self._ended:
            return
        self._ended = True
        for callback in self._on_end:
            callback()


FENCE: ContextVar[Fence | None] = ContextVar("fence", default=None)
"""The fence of the shard that the running task works for."""


def check_fence() -> None:
    """Raise LeaseLost if the running task works for a shard whose lease is no longer held."""
    if fence := FENCE.get():
        fence.check()


class FencedConnector(aiohttp.TCPConnector):
    """Connections on which a write is sent only while the lease is held. The check follows the wait for a connection, which is the last one
    before the request's first bytes."""

    async def connect(self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        """Return a connection for one request. Raises LeaseLost."""
        if req.method not in READS:
            check_fence()
        connection = await super().connect(req, traces, timeout)
        if req.method not in READS:
            try:
                check_fence()
            except LeaseLost:
                connection.close()
                raise
        return connection
