"""The number of reads while nothing changes, and how it grows with the number of platforms."""

import asyncio
import time
from dataclasses import asdict, dataclass

from notebook_platform.engine.outcome import Ready
from notebook_platform.engine.reconcile import Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.policy import oldest_read

from tests.bench.subscription import Platform, Subscription, reads, writes

INTERVAL = 4.0
"""Seconds: spec.interval of the platforms, shortened from ten minutes. All that depends on it is as in the operator."""


@dataclass(frozen=True)
class Reads:
    """Requests that Azure received for settled platforms. `interval`: over one interval, one reconcile of each platform, at
    different times. `start`: an operator starts and reconciles all at once. `each_by_itself`: without the shared cache."""

    platforms: int
    interval: int
    start: int
    each_by_itself: int
    writes: int
    refused: int
    unsettled: int


async def measure(subscription: Subscription) -> Reads:
    """Measure the platforms that exist."""
    platforms, begin = subscription.platforms, subscription.mark()
    each_by_itself = await _without_shared_reads(subscription)
    sessions = subscription.operator()
    for platform in platforms:
        platform.estate.sessions, platform.estate.max_age = sessions, oldest_read(INTERVAL)
    mark = subscription.mark()
    results = await asyncio.gather(*(p.estate.once(p.spec) for p in platforms))
    start = subscription.seen(mark)
    results += await _over_an_interval(platforms)
    mark = subscription.mark()
    results += await _over_an_interval(platforms)
    interval = subscription.seen(mark)
    await sessions.close()
    everything = subscription.seen(begin)
    return Reads(
        platforms=len(platforms),
        interval=reads(interval),
        start=reads(start),
        each_by_itself=each_by_itself,
        writes=writes(everything),
        refused=sum(entry["status"] == 429 for entry in everything),
        unsettled=sum(not settled(result) for result in results),
    )


def settled(results: dict[str, Result]) -> bool:
    """Return whether a reconcile found every step up to date."""
    return all(isinstance(r.outcome, Ready) and not r.changes for r in results.values())


async def _over_an_interval(platforms: list[Platform]) -> list[dict[str, Result]]:
    """Reconcile each platform once, one after the other over the interval."""
    began, results = time.monotonic(), []
    for number, platform in enumerate(platforms):
        await asyncio.sleep(max(0.0, began + number * INTERVAL / len(platforms) - time.monotonic()))
        results.append(await platform.estate.once(platform.spec))
    await asyncio.sleep(max(0.0, began + INTERVAL - time.monotonic()))
    return results


async def _without_shared_reads(subscription: Subscription) -> int:
    """Return the reads of one reconcile of all platforms in which every step reads its own resource."""
    mark = subscription.mark()
    for platform in subscription.platforms:
        platform.estate.sessions = subscription.operator()
        graph = await platform.estate.graph(platform.spec)
        for step in graph.steps.values():
            step.cacheable = False  # type: ignore[misc]
        await reconcile(graph, Policy())
        await platform.estate.sessions.close()
    return reads(subscription.seen(mark))


def figures(measured: list[Reads]) -> list[dict[str, object]]:
    """Return the figures for the file, with the reads that the cache saves."""
    return [{**asdict(m), "saved": round(1 - m.interval / m.each_by_itself, 3)} for m in measured]
