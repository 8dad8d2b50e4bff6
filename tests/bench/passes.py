"""The cost of a reconcile in CPU seconds. It includes the simulator, which runs in the same process."""

import time
from dataclasses import dataclass
from statistics import fmean

from notebook_platform.engine.reconcile import Mode, Policy
from notebook_platform.engine.result import Result

from tests.bench.reads import settled
from tests.bench.subscription import Platform, Subscription, reads

LOOKS_LAST = 3600.0
"""Seconds: cached reads stay valid for the whole measurement."""

ROUNDS = 400
COLD_ROUNDS = 20


@dataclass(frozen=True)
class Passes:
    """CPU seconds of one reconcile. `settled`: all reads come from the shared cache, no request to Azure; `alone`: the first
    reconcile of an operator, with an empty cache; `planned`: `plan` for a platform that does not exist yet; `creating`: the mean
    of a creation's reconciles."""

    settled: float
    alone: float
    planned: float
    creating: float

    @property
    def ratio(self) -> float:
        """Return the cost of a settled reconcile relative to one of a creation."""
        return self.settled / self.creating


async def measure(subscription: Subscription, creating: float) -> Passes:
    """Measure the first of the platforms; `creating` was measured while they were built."""
    platform = subscription.platforms[0]
    alone = [await _timed(subscription, platform, cold=True) for _ in range(COLD_ROUNDS)]
    platform.estate.sessions, platform.estate.max_age = subscription.operator(), LOOKS_LAST
    await platform.estate.once(platform.spec)
    mark = subscription.mark()
    warm = [await _timed(subscription, platform) for _ in range(ROUNDS)]
    assert reads(subscription.seen(mark)) == 0, "a settled reconcile with a valid cache sends no request to Azure"
    newcomer = Platform(len(subscription.platforms), platform.estate)
    planned = [await _timed(subscription, newcomer, mode=Mode.PLAN) for _ in range(COLD_ROUNDS)]
    await platform.estate.sessions.close()
    return Passes(fmean(warm), fmean(alone), fmean(planned), creating)


async def _timed(subscription: Subscription, platform: Platform, *, cold: bool = False, mode: Mode = Mode.APPLY) -> float:
    """Return the CPU seconds of one reconcile; `cold`: of an operator with an empty cache."""
    estate = platform.estate
    if cold:
        estate.sessions = subscription.operator()
        await estate.sessions.warm_up()
    began = time.process_time()
    results: dict[str, Result] = await estate.once(platform.spec, Policy(mode=mode))
    took = time.process_time() - began
    assert mode is Mode.PLAN or settled(results)
    if cold:
        await estate.sessions.close()
    return took
