"""The life of a platform on a simulated clock that stands still between reconciles: create, change, upgrade, delete.

Each life has a simulator and an operator of its own in this process. The operator's waits (requeue, backoff with jitter left out) move
the clock, so a life of an hour takes a second, and the same life sends the same calls.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from notebook_platform.api.conditions import Condition
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.azure.last_applied import claims_of, confirmed, joined
from notebook_platform.clients import TOKEN_REFUSED
from notebook_platform.engine.backoff import Attempt, backing_off, exhausted, next_attempts
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.outcome import Failed, Progressing, Unblocking
from notebook_platform.engine.reconcile import Policy, reconcile
from notebook_platform.engine.result import Result, operations_in_progress, operations_not_polled, requeue_after, up_to_date
from notebook_platform.engine.teardown import teardown
from notebook_platform.policy import OLDEST_READ
from notebook_platform.reconcile_state import FRESH_SECONDS

from sandbox.azure.backend import NoClusters
from sandbox.azure.server import AzureSimulator
from tests.azure.conftest import Estate

INTERVAL = 600.0
TOKEN_RENEWED = timedelta(minutes=50)
"""The SDK renews a token before it ends, by the real clock; a life renews it by the simulated one."""

STANDSTILL = 1e-6
"""The clock's own speed: it moves when a life moves it."""

PACE = 25.0
"""Simulated seconds. The operator polls more often; a life saves the time of polls that change nothing."""

MOST_RECONCILES = 150


class NotSettled(AssertionError):
    """A phase of a life did not come to rest."""


@dataclass
class Life:
    """One platform with its operator. `reasons`: those of all failures and of work in progress so far, by step."""

    estate: Estate
    attempts: tuple[Attempt, ...] = ()
    conditions: list[Condition] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)
    stalled: set[str] = field(default_factory=set)
    reconciles: int = 0
    generation: int = 1
    on_reconcile: Callable[[Mapping[str, Result]], Awaitable[None]] | None = None
    _fresh: dict[str, tuple[datetime, Result]] = field(default_factory=dict)
    _signed_in: datetime | None = None
    _busy_since: dict[str, datetime] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self.estate.simulator.world.clock.now()

    async def restart(self) -> None:
        """Start a new operator: what a process holds in memory is gone."""
        self.forget()
        await self._sign_in_again()

    def forget(self) -> None:
        """Lose what a process holds in memory."""
        self.attempts, self._fresh, self._busy_since = (), {}, {}

    def observe_again(self) -> None:
        """Use no recent result in the next reconcile."""
        self._fresh.clear()

    def edited(self) -> None:
        """Take note that the user has changed the spec: recent results and backoffs are void."""
        self.forget()
        self.generation += 1

    async def _sign_in_again(self) -> None:
        await self.estate.new_operator()
        self._signed_in = self.now

    async def reconcile(self, spec: dict[str, Any]) -> float | None:
        """Reconcile once as the operator does. Returns the seconds until the next reconcile; None: Ready."""
        estate, now = self.estate, await self._begin()
        claims = claims_of(NotebookPlatformSpec.model_validate(spec))
        estate.applied = joined(estate.applied, claims)
        skipped, before = backing_off(self.attempts, now), dict(estate.operations)
        cached = {n: r for n, (at, r) in self._fresh.items() if (now - at).total_seconds() < FRESH_SECONDS}
        policy = Policy(backing_off=skipped, result_cache=cached)
        results = await reconcile(await estate.graph(spec), policy, self._record)
        estate.applied = confirmed(estate.applied, claims, up_to_date(results))
        self._fresh = {
            n: self._fresh[n] if n in cached else (now, r)
            for n, r in results.items()
            if isinstance(r.outcome, Unblocking) and not r.changes
        }
        wait = await self._conclude(results, skipped, before)
        ready = next(c for c in self.conditions if c.type == "Ready").status == "True"
        return None if ready and not cached else 0.0 if ready else wait

    async def delete(self, spec: dict[str, Any]) -> float | None:
        """Do one round of the deletion. Returns the seconds until the next; None: it is finished."""
        now = await self._begin()
        skipped, before = backing_off(self.attempts, now), dict(self.estate.operations)
        results = await teardown(await self.estate.graph(spec, deleting=True), skipped, self._record)
        wait = await self._conclude(results, skipped, before, deleting=True)
        return None if all(isinstance(r.outcome, Unblocking) for r in results.values()) else wait

    async def _begin(self) -> datetime:
        self.reconciles += 1
        now = self.estate.now = self.now
        if self._signed_in is None or now - self._signed_in > TOKEN_RENEWED:
            await self._sign_in_again()
        return now

    async def _record(self, step: str, result: Result) -> None:
        self.estate.operations |= operations_in_progress({step: result})

    async def _conclude(
        self, results: Mapping[str, Result], skipped: Mapping[str, Failed], before: Mapping[str, Any], *, deleting: bool = False
    ) -> float:
        now = self.now
        results = {name: _on_clock(name, result, before, now) for name, result in results.items()}
        self.estate.operations = {**operations_not_polled(results, before), **operations_in_progress(results)}
        failed = [r.outcome for r in results.values() if isinstance(r.outcome, Failed)]
        if any(f.reason in TOKEN_REFUSED for f in failed):
            await self._sign_in_again()
        results = exhausted(results, self.attempts, skipped)
        self.attempts = next_attempts(results, self.attempts, now, INTERVAL, skipped)
        self.conditions = fold_conditions(results, self.conditions, generation=self.generation, now=now, deleting=deleting)
        self.reasons |= {str(f.reason) for f in failed}
        stalled = next(c for c in self.conditions if c.type == "Stalled")
        self.stalled |= {str(stalled.reason)} if stalled.status == "True" else set()
        if self.on_reconcile:
            await self.on_reconcile(results)
        waits = [(attempt.retry_at - now).total_seconds() for attempt in self.attempts]
        return max(PACE, min([requeue_after(results, INTERVAL, now), *waits]))

    async def settle(self, spec: dict[str, Any], *, deleting: bool = False) -> None:
        """Reconcile, or delete, until the platform is Ready, or gone. Raises NotSettled."""
        turn = self.delete if deleting else self.reconcile
        self._fresh.clear()
        for _ in range(MOST_RECONCILES):
            wait = await turn(spec)
            if wait is None:
                return
            if wait == 0.0:
                self._fresh.clear()  # it is Ready by recent results: observe all of it once more
            await self.advance(wait)
        raise NotSettled(
            "; ".join(f"{c.type}={c.status} {c.reason}: {c.message}"[:300] for c in self.conditions if c.status != "True")
        )

    async def advance(self, seconds: float) -> None:
        """Move the simulated time, and let the simulator do what is due."""
        self.estate.simulator.world.clock.advance(seconds)
        for _ in range(10):
            await asyncio.sleep(0)


def _on_clock(name: str, result: Result, before: Mapping[str, Any], now: datetime) -> Result:
    """Return the result; an operation that began just now began so by the simulated clock."""
    work = result.outcome
    if not isinstance(work, Progressing) or work.operation is None:
        return result
    known = before.get(work.operation.key or name)
    if known is not None and known.url == work.operation.url:
        return result
    return replace(result, outcome=replace(work, since=now, operation=replace(work.operation, started=now)))


@asynccontextmanager
async def life(directory: Path) -> AsyncIterator[Life]:
    """Yield a platform's life before its beginning. Afterwards no connection of it is open."""
    simulator = AzureSimulator(backend=NoClusters(), state_dir=directory, speed=STANDSTILL)
    await simulator.start()
    context = ssl.create_default_context(cafile=str(simulator.ca_file))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        found = Life(Estate(simulator, operator(simulator), http, max_age=OLDEST_READ))
        try:
            yield found
        finally:
            await found.estate.sessions.close()
            await http.close()
            await simulator.close()


def operator(simulator: AzureSimulator) -> SessionPool:
    """Return the sessions of a new operator, with rate limits on the simulated clock: those on the real one would hardly refill in a life."""
    url, ca, clock = simulator.url, simulator.ca_file, simulator.world.clock
    return SessionPool(Cloud(resource_manager=url, authority=url, graph=url, ca_file=ca), clock=lambda: clock.now().timestamp())
