"""An upgrade over two minor versions with three pools, requeued as the reconciler does it."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notebook_platform.engine.outcome import Ready, Unblocking
from notebook_platform.engine.reconcile import Policy
from notebook_platform.engine.result import Result, requeue_after
from notebook_platform.policy import oldest_read
from notebook_platform.reconcile_state import FRESH_SECONDS

from tests.azure.conftest import Estate
from tests.bench.subscription import Platform, Subscription, reads

SPEED = 60.0
"""Speed relative to real time. Azure asks to be polled every five seconds, at this speed every 83 ms: the operator's rate limits,
which run in real time, are not reached."""

INTERVAL, SHORTEST_WAIT = 600.0, 0.05
"""Seconds, as in the operator."""

POOLS = ("users", "builds")


@dataclass(frozen=True)
class Upgrade:
    """`gaps`: real seconds between an operation's end and the next write; `busy`: share of the time in which an operation ran in
    Azure; `polls`: reads of operations; `other_reads`: all other reads."""

    writes: int
    refused: int
    polls: int
    other_reads: int
    passes: int
    gaps: list[float]
    busy: float


def _spec(platform: Platform, version: str) -> dict[str, Any]:
    spec = platform.spec
    spec["cluster"]["kubernetesVersion"] = version
    spec["nodePools"] += [{"name": name, "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1} for name in POOLS]
    return spec


async def measure(subscription: Subscription) -> Upgrade:
    """Measure the upgrade of a new platform."""
    world = subscription.simulator.world
    estate = Estate(subscription.simulator, subscription.operator(), subscription.http, max_age=oldest_read(INTERVAL))
    platform = Platform(0, estate)
    await _kept(estate, _spec(platform, "1.34"))
    mark, before, passes = subscription.mark(), set(world.operations.all), estate.passes
    await _kept(estate, _spec(platform, "1.36"))
    entries = subscription.seen(mark)
    operations = sorted((o for key, o in world.operations.all.items() if key not in before), key=lambda o: o.started)
    written = [datetime.fromisoformat(entry["time"]) for entry in entries if entry["write"]]
    ends = [operation.ended for operation in operations if operation.ended]
    assert len(ends) == len(written) == len(operations), "each write starts an operation, and each has ended"
    gaps = [(write - end).total_seconds() / world.clock.speed for end, write in zip(ends, written[1:], strict=False)]
    worked = sum((end - operation.started).total_seconds() for end, operation in zip(ends, operations, strict=True))
    polls = sum("/operations/" in entry["path"] for entry in entries)
    await estate.sessions.close()
    return Upgrade(
        writes=len(written),
        refused=sum(entry["status"] >= 400 for entry in entries if entry["write"]),
        polls=polls,
        other_reads=reads(entries) - polls,
        passes=estate.passes - passes,
        gaps=gaps,
        busy=worked / (ends[-1] - operations[0].started).total_seconds(),
    )


async def _kept(estate: Estate, spec: dict[str, Any]) -> None:
    """Reconcile at the reconciler's pace until every step is up to date."""
    seen: dict[str, tuple[float, Result]] = {}
    while True:
        fresh = {name: result for name, (when, result) in seen.items() if when > time.monotonic() - FRESH_SECONDS}
        results = await estate.once(spec, Policy(result_cache=fresh))
        if all(isinstance(r.outcome, Ready) for r in results.values()):
            return
        now = time.monotonic()
        seen = {
            name: seen[name] if name in fresh else (now, result)
            for name, result in results.items()
            if isinstance(result.outcome, Unblocking) and not result.changes
        }
        failed = [retry for r in results.values() if (retry := getattr(r.outcome, "retry_in", None)) is not None]
        await asyncio.sleep(max(SHORTEST_WAIT, min([requeue_after(results, INTERVAL, datetime.now(UTC)), *failed])))
