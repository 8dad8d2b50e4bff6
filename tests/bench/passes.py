"""What a pass costs: seconds of the processor, the simulator's share included (it runs in the same process)."""

import time
from dataclasses import dataclass
from statistics import fmean

from notebook_platform.engine.reconcile import Mode, Policy
from notebook_platform.engine.result import Result

from tests.bench.reads import settled
from tests.bench.subscription import Platform, Subscription, reads

LOOKS_LAST = 3600.0
"""Seconds: the shared looks are made once and last for the whole measurement."""

ROUNDS = 400
COLD_ROUNDS = 20


@dataclass(frozen=True)
class Passes:
    """CPU seconds of one pass. `settled`: looks that others made are used, nothing is asked of Azure; `alone`: the first pass of
    an operator, all looks to be made; `planned`: what `plan` does for a platform that is not there yet; `creating`: the passes
    of a creation, on average."""

    settled: float
    alone: float
    planned: float
    creating: float

    @property
    def ratio(self) -> float:
        """A settled pass in parts of one of a creation."""
        return self.settled / self.creating


async def measure(subscription: Subscription, creating: float) -> Passes:
    """The figures, taken at the first of the platforms; `creating` was taken while they were built."""
    platform = subscription.platforms[0]
    alone = [await _timed(subscription, platform, cold=True) for _ in range(COLD_ROUNDS)]
    platform.estate.sessions, platform.estate.max_age = subscription.operator(), LOOKS_LAST
    await platform.estate.once(platform.spec)
    mark = subscription.mark()
    warm = [await _timed(subscription, platform) for _ in range(ROUNDS)]
    assert reads(subscription.seen(mark)) == 0, "a settled pass within the looks' age asks Azure for nothing"
    newcomer = Platform(len(subscription.platforms), platform.estate)
    planned = [await _timed(subscription, newcomer, mode=Mode.PLAN) for _ in range(COLD_ROUNDS)]
    await platform.estate.sessions.close()
    return Passes(fmean(warm), fmean(alone), fmean(planned), creating)


async def _timed(subscription: Subscription, platform: Platform, *, cold: bool = False, mode: Mode = Mode.APPLY) -> float:
    """CPU seconds of one pass; `cold`: by an operator that has seen nothing yet."""
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
