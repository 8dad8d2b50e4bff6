"""The thread of the elector: leases are renewed in an event loop of their own, however busy the loop is that reconciles.

With many platforms that loop passes through thousands of tasks in one turn, and a request takes several turns. A renewal that shares it
comes too late, and each loss of a lease begins all reconciles again. A loop that stands is another case: it does no work, so
its leases are not renewed, and another replica takes over.
"""

import asyncio
import concurrent.futures
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from notebook_platform.fencing import Fence
from notebook_platform.leases.elector import Elector, ShardWork
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.shards import Shard
from notebook_platform.leases.store import LeaseStore

T = TypeVar("T")
Start = Callable[[Shard, Fence], ShardWork]


class ElectorThread:
    """Runs an elector beside the loop that creates it, in which `start` begins the work of a shard.

    `connect` opens the store of the leases in the thread's loop. `standing` returns why nothing may be renewed, if the loop that
    reconciles stands; the thread calls it.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[LeaseStore]],
        shards: Sequence[Shard],
        identity: Identity,
        start: Start,
        standing: Callable[[], str | None],
    ) -> None:
        self._connect, self._shards, self._identity = connect, shards, identity
        self._start, self._standing = start, standing
        self._loop, self._context = asyncio.get_running_loop(), contextvars.copy_context()
        self._elector: Elector | None = None

    def leases_failing(self) -> str | None:
        """Return why the replica cannot take part in the leases. Any thread may call it."""
        return self._elector.leases_failing() if self._elector else "the leases have not been read yet"

    def watch_failing(self) -> str | None:
        """Return which of the held shards are not watched. Any thread may call it."""
        return self._elector.watch_failing() if self._elector else None

    async def run(self, stop: asyncio.Event) -> None:
        """Hold leases until `stop` is set, then release them. Raises what ended the work of a shard."""
        thread = concurrent.futures.ThreadPoolExecutor(1, "leases")
        try:
            await self._loop.run_in_executor(thread, asyncio.run, self._elect(stop))
        finally:
            stop.set()  # a cancelled wait does not end the thread
            thread.shutdown(wait=False)

    async def _elect(self, stop: asyncio.Event) -> None:
        """Run the elector in the thread's loop, until `stop` of the other loop is set."""
        async with self._connect() as store, _set_in(self._loop, stop) as stopped:
            self._elector = Elector(store, self._shards, self._identity, self._begin, self._standing)
            await self._elector.run(stopped)

    def _begin(self, shard: Shard, fence: Fence) -> ShardWork:
        here, has_ended = asyncio.get_running_loop(), fence.has_ended
        fence.has_ended = lambda holder: _awaited_in(here, has_ended(holder))  # reconcilers ask in their own loop
        return _DistantWork(self._loop, self._context, lambda: self._start(shard, fence))


class _DistantWork:
    """The work of one shard in another loop, as the elector's loop calls it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context, start: Callable[[], ShardWork]) -> None:
        self._loop = loop
        self._begun: concurrent.futures.Future[ShardWork] = concurrent.futures.Future()
        loop.call_soon_threadsafe(self._begin, start, context=context)

    def _begin(self, start: Callable[[], ShardWork]) -> None:
        try:
            self._begun.set_result(start())
        except Exception as error:
            self._begun.set_exception(error)

    @property
    def ready(self) -> bool:
        """Return whether the shard's platforms are being watched."""
        return self._begun.done() and self._begun.exception() is None and self._begun.result().ready

    @property
    def failed(self) -> bool:
        """Return whether the work could not begin, or has ended although it was not stopped."""
        return self._begun.done() and (self._begun.exception() is not None or self._begun.result().failed)

    def abort(self) -> None:
        """Cancel all reconcilers and helm processes; returns before they have ended."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        if self._begun.exception() is None:
            self._begun.result().abort()

    async def quiesce(self) -> None:
        """Cancel all reconcilers and helm processes, and return when they have ended."""
        await _awaited_in(self._loop, self._call(lambda work: work.quiesce()))

    async def stop(self) -> None:
        """Stop watching. Raises what ended the work."""
        await _awaited_in(self._loop, self._call(lambda work: work.stop()))

    async def _call(self, method: Callable[[ShardWork], Coroutine[Any, Any, None]]) -> None:
        await method(self._begun.result())


async def _awaited_in(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that runs in another loop."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))


@asynccontextmanager
async def _set_in(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """Yield an event of the running loop that is set when that of another loop is."""
    here, mirrored = asyncio.get_running_loop(), asyncio.Event()
    waiting = asyncio.run_coroutine_threadsafe(event.wait(), loop)
    waiting.add_done_callback(lambda _: here.call_soon_threadsafe(mirrored.set))
    try:
        yield mirrored
    finally:
        waiting.cancel()
