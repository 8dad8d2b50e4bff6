"""The elector: holds leases for this replica, and runs the work of each shard for as long as its lease is held.

Own code and not `kubernetes.aio.leaderelection`, whose deadlines follow the wall clock, start after the answer and not before the request,
and do not bound a request; which cannot release a lease; and which ends with the work still running when a connection fails
(docs/decisions/0016-leases.md).
"""

import asyncio
import contextlib
import logging
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import aiohttp
from kubernetes.aio.client.exceptions import ApiException, OpenApiException

from notebook_platform.fencing import Fence, boottime
from notebook_platform.leases.balance import View, to_ask, to_take
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.observations import Observations
from notebook_platform.leases.shards import Shard, shard_of
from notebook_platform.leases.store import Lease, LeaseStore
from notebook_platform.observability.metrics import LEASES

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_ANSWER = (OpenApiException, aiohttp.ClientError, TimeoutError, OSError, ValueError)

LEASE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

REMEDY = (
    "Apply deploy/kustomize/base/rbac.yaml, whose Role notebook-platform-leases allows it, or set lease_namespace to a "
    "namespace in which the operator has these rights."
)


class ShardWork(Protocol):
    """The work of one shard."""

    def abort(self) -> None:
        """Cancel all reconcilers and helm processes at once; returns before they have ended."""

    async def quiesce(self) -> None:
        """Cancel all reconcilers and helm processes, and return when they have ended."""

    async def stop(self) -> None:
        """Stop watching. Raises what ended the work."""

    @property
    def ready(self) -> bool:
        """Return whether the shard's platforms are being watched."""

    @property
    def failed(self) -> bool:
        """Return whether the work has ended although it was not stopped."""


@dataclass
class _Tenure:
    """A lease that this replica holds."""

    lease: Lease
    fence: Fence
    work: ShardWork
    wanted: bool = False


class Elector:
    """The leases of this replica. `start` begins the work of a shard under a fence. `standing` returns why the work does not proceed:
    then nothing is renewed or taken, so that another replica takes over."""

    def __init__(
        self,
        store: LeaseStore,
        shards: Sequence[Shard],
        identity: Identity,
        start: Callable[[Shard, Fence], ShardWork],
        standing: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._identity = identity  # holds the lock of its file
        self.timing = store.timing
        self._store = store
        self._shards = shards
        self._me = identity.name
        self._start = start
        self._standing = standing
        self._seen = Observations(self.timing.duration)
        self._held: dict[Shard, _Tenure] = {}
        self._leaving: set[Shard] = set()
        self._stopping: set[asyncio.Task[None]] = set()
        self._complete_at: float | None = None
        self._errors: list[str] = []
        self._error = ""
        self._reported = ""

    @property
    def held(self) -> int:
        """Return the number of leases that this replica holds."""
        return len(self._held)

    def leases_failing(self) -> str | None:
        """Return why the replica cannot take part in the leases: for the duration of a lease not all calls for them succeeded."""
        if self._complete_at is None:
            return self._error or "the leases have not been read yet"
        silent = boottime() - self._complete_at
        return f"no success for {silent:.0f} s: {self._error}" if silent > self.timing.duration else None

    def watch_failing(self) -> str | None:
        """Return which of the held shards are not watched. A standby, which holds none, has nothing to watch."""
        waiting = sorted(shard.index + 1 for shard, tenure in list(self._held.items()) if not tenure.work.ready)
        return f"shards not watched yet: {', '.join(map(str, waiting))}" if waiting else None

    async def run(self, stop: asyncio.Event) -> None:
        """Hold leases until `stop` is set, then release them. Raises what ended the work of a shard."""
        LEASES.set_function(lambda: self.held)
        try:
            while not stop.is_set():
                self._errors.clear()
                await self._tick()
                self._error = next(iter(self._errors), "")
                if not self._error:
                    self._complete_at = boottime()
                async with _at_most(self.timing.period * random.uniform(0.9, 1.0)):
                    await stop.wait()
        finally:
            for shard in list(self._held):
                self._give_up(shard)
            await asyncio.gather(*self._stopping, return_exceptions=True)

    async def _tick(self) -> None:
        """Renew what is held, and take, give or ask for what the shares require."""
        asked, leases = boottime(), None
        if why := self._standing():
            self._errors.append(why)
            self._report(logging.ERROR, f"no lease is renewed: {why}")
        else:
            leases, *_ = await asyncio.gather(
                self._tried(self._store.list()), *(self._renew(tenure) for tenure in self._held.values())
            )
        for shard, tenure in list(self._held.items()):
            if tenure.work.failed:
                await tenure.work.stop()
            if not tenure.fence.holds or (tenure.wanted and len(self._held) > 1):
                self._give_up(shard)
        if leases is None:
            return
        view = self._view(leases, asked)
        others = ", ".join(sorted(view.foreign)[:3])
        wait = f"another number of shards is in use ({others}): this replica waits until its leases end" if others else ""
        self._report(logging.INFO, wait)
        await self._take(view)
        if (wanted := to_ask(view)) is not None:
            await self._tried(self._store.ask(view.leases[wanted], self._me))

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Log a call for leases that fails in the block, once for each cause."""
        try:
            yield
        except NO_ANSWER as error:
            self._errors.append(_sentence(error, self._store.namespace))
            self._report(logging.WARNING, self._errors[-1])

    async def _tried(self, call: Awaitable[T]) -> T | None:
        """Await a call for leases; None: it failed."""
        with self._reporting():
            return await call
        return None

    def _view(self, leases: Sequence[Lease], asked: float) -> View:
        """Return the leases as this replica sees them. `asked`: when the request was sent that returned them."""
        now = boottime()
        live = {lease.name for lease in leases if not self._seen.expired(lease, asked, now)}
        names, by_name = {shard.lease(self._store.name): shard for shard in self._shards}, {one.name: one for one in leases}
        own = {shard: by_name[name] for name, shard in names.items() if name in by_name}
        live |= {*self._seen.deleted(self._store.namespace, by_name, asked)}
        foreign = [name for name in live if name not in names and shard_of(name, self._store.name) is not None]
        free = {}
        for shard in self._shards:
            mine = shard in own and own[shard].holder == self._me  # not held: an earlier process of this replica held it
            taken = shard in self._held or shard in self._leaving or (not mine and shard.lease(self._store.name) in live)
            waited = self._seen.free_for(shard.lease(self._store.name), now, free=not taken)
            if waited is not None:
                free[shard] = self.timing.period if mine else waited
        return View(self._me, self.timing.period, free, own, tuple(self._held), foreign)

    async def _renew(self, tenure: _Tenure) -> None:
        """Renew a lease. Without an answer nothing changes: the next period tries again, and the fence ends at its deadline."""
        with self._reporting():
            sent, renewed = boottime(), await self._store.renew(tenure.lease)
            if renewed is None:  # a replica has asked for it, the answer to an earlier renewal was lost, or a user has changed it
                found = await self._store.read(tenure.lease.namespace, tenure.lease.name)
                if found is not None and found.holder not in ("", self._me):
                    return tenure.fence.end()
                sent = boottime()
                if found is not None and found.holder:
                    renewed = await self._store.renew(found)
                elif tenure.fence.holds:
                    renewed = await self._store.acquire(tenure.lease.name, found, self._me)
            if renewed is not None:
                tenure.lease, tenure.wanted = renewed, renewed.wanted_by not in ("", self._me)
                tenure.fence.extend(sent + self.timing.deadline)
        return None

    async def _take(self, view: View) -> None:
        """Take leases and begin the work of their shards, unless a replica with another number of shards was as fast. The requests run side by
        side: one after the other, a slow API server would end the first lease before the last one is taken."""
        sent, wanted = boottime(), to_take(view)
        calls = [self._store.acquire(shard.lease(self._store.name), view.leases.get(shard), self._me) for shard in wanted]
        answers = await asyncio.gather(*map(self._tried, calls))
        taken = [(shard, lease) for shard, lease in zip(wanted, answers, strict=True) if lease is not None]
        if not taken:
            return
        asked, leases = boottime(), await self._tried(self._store.list())
        if leases is None or self._view(leases, asked).foreign:
            await asyncio.gather(*(self._tried(self._store.release(lease)) for _, lease in taken))
            return
        for shard, lease in taken:
            self._begin(shard, lease, sent + self.timing.deadline)

    def _begin(self, shard: Shard, lease: Lease, deadline: float) -> None:
        """Begin the work of a shard under its lease."""
        fence = Fence(f"{lease.namespace}/{lease.name}/{self._me}", deadline, self.has_ended)
        self._held[shard] = _Tenure(lease, fence, work := self._start(shard, fence))
        fence.on_end(work.abort)
        log.info("lease %s acquired: this replica reconciles shard %d of %d", lease.name, shard.index + 1, shard.count)

    def _give_up(self, shard: Shard) -> None:
        """End the work of a shard beside the renewals of the rest."""
        tenure = self._held.pop(shard)
        self._leaving.add(shard)
        self._stopping.add(task := asyncio.create_task(self._ended(shard, tenure), name=f"end shard {shard.index}"))
        task.add_done_callback(self._stopping.discard)

    async def _ended(self, shard: Shard, tenure: _Tenure) -> None:
        """End the work of a shard, then release its lease if it is still held: the next holder begins when this one has ended."""
        async with _at_most(self.timing.request):
            await tenure.work.quiesce()
        lost = not tenure.fence.holds
        tenure.fence.end()
        if lost:
            log.warning("lease %s lost: its reconcilers have ended, and nothing is written for its platforms", tenure.lease.name)
        else:
            lease = await self._tried(self._store.read(tenure.lease.namespace, tenure.lease.name))  # its version may have changed
            if lease is not None and lease.holder == self._me:
                await self._tried(self._store.release(lease))
            log.info("lease %s released", tenure.lease.name)
        self._leaving.discard(shard)
        await tenure.work.stop()

    async def has_ended(self, holder: str) -> bool:
        """Return whether a holding, as `Fence.holder` names it, has ended: its lease is gone, free, expired or another's."""
        namespace, _, rest = holder.partition("/")
        name, _, identity = rest.partition("/")
        if identity == self._me:
            return True  # of an earlier process: this one knows its own helm processes
        if namespace != self._store.namespace or not LEASE_NAME.fullmatch(name):
            return False  # authors may edit the ledger, which names the holder
        asked = boottime()
        try:
            lease = await self._store.read(namespace, name)
        except NO_ANSWER:
            return False
        return lease is None or lease.holder != identity or self._seen.expired(lease, asked, boottime())

    def _report(self, level: int, sentence: str) -> None:
        """Log a sentence once, until another one is reported."""
        if sentence and sentence != self._reported:
            log.log(level, "%s", sentence)
        self._reported = sentence


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncIterator[None]:
    """End the block after a time, without an exception."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            yield


def _sentence(error: Exception, namespace: str) -> str:
    if isinstance(error, ApiException) and error.status in (401, 403):
        return (
            f"the operator may not read and write leases in namespace {namespace}, so it reconciles no platform: without a lease "
            f"two operators could act on one platform. {REMEDY}"
        )
    if isinstance(error, ApiException) and error.status == 404:
        return f"namespace {namespace} does not exist, so the operator has no leases and reconciles no platform. {REMEDY}"
    return f"the leases in namespace {namespace} cannot be read or written: {type(error).__name__}; the operator retries"
