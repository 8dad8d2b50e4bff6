"""The operator is killed after every write of a whole life: Azure has executed the write, and the operator never reads the answer.

The process's memory is thrown away at that moment, with all that ran beside the write. The next operator has what was recorded before: the
Secrets, the operations, what was applied. A life meets one kill in each phase.
"""

import asyncio
import contextlib
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.azure.core.journal import READING_POSTS, WRITES
from tests.faults.baseline import Baseline, executed, resources_of
from tests.faults.life import Life, NotSettled, life
from tests.faults.meeting import REPLACED
from tests.faults.plans import DELETE, PLANS, Plan

WRITE = {"method": "|".join(sorted(WRITES)), "path": f"^(?!.*{READING_POSTS.pattern})"}
LOOK = 0.005
"""Seconds between reads of the journal."""


@dataclass(frozen=True)
class Kill:
    """The operator dies after the write number `number` (from 1) of a phase."""

    plan: str
    phase: str
    number: int


@dataclass
class Killed:
    """What came of it. `write`: the one after which the operator died."""

    kill: Kill
    write: str
    problems: list[str]


def kills_of(plan: Plan, known: Baseline, phases: Collection[str]) -> list[dict[str, Kill]]:
    """Return every kill of some phases of a plan, one a phase for each life."""
    counts = {phase: sum(known.writes[phase].values()) for phase in phases}
    return [
        {phase: Kill(plan.name, phase, number) for phase in phases if number <= counts[phase]}
        for number in range(1, max(counts.values()) + 1)
    ]


async def _killed(run: Life, spec: dict[str, Any], kill: Kill) -> str:
    """Run a phase until the write, and kill the operator. Returns the write; empty: the phase ended before."""
    journal = run.estate.simulator.world.journal.entries
    mark = len(journal)
    rule = {**WRITE, "after": kill.number - 1, "lost": "silence", "executed": True}
    await run.estate.control("POST", "/faults", rule)
    work = asyncio.create_task(run.settle(spec, deleting=kill.phase == DELETE))
    while not work.done():
        lost = next((e for e in journal[mark:] if e["lost"]), None)
        if lost:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await run.restart()
            return f"{lost['method']} {lost['path']}"
        await asyncio.sleep(LOOK)
    await run.estate.control("DELETE", "/faults")
    await work
    return ""


async def live(plan: Plan, known: Baseline, kills: Mapping[str, Kill]) -> list[Killed]:
    """Run a life with one kill in each phase; the next operator has to bring each phase to its end."""
    found: list[Killed] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as state:
        async with life(Path(state)) as run:
            journal = run.estate.simulator.world.journal.entries
            for phase, spec in plan.phases.items():
                mark, kill = len(journal), kills.get(phase)
                write = await _killed(run, spec, kill) if kill else ""
                try:
                    await run.settle(spec, deleting=phase == DELETE)
                except NotSettled as stuck:
                    assert kill is not None, stuck
                    return [*found, Killed(kill, write, [f"never came to rest: {stuck}"])]
                if kill:
                    found.append(Killed(kill, write, _problems(run, known, phase, write, journal[mark:])))
    return found


def _problems(run: Life, known: Baseline, phase: str, write: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    problems = [] if write else ["the operator was not killed"]
    if (now := resources_of(run)) != known.resources[phase]:
        more, less = sorted(now - known.resources[phase]), sorted(known.resources[phase] - now)
        problems.append(f"other resources: more {more}, less {less}")
    extra = {w: n for w, n in (executed(entries) - known.writes[phase]).items() if not REPLACED.search(w)}
    if any(re.match("POST", w) or n > 1 for w, n in extra.items()):
        problems.append(f"writes beyond those of a life without kills: {extra}")
    return problems


async def run_kills(known: Mapping[str, Baseline], wanted: Sequence[tuple[str, dict[str, Kill]]], together: int) -> list[Killed]:
    """Run lives with kills, so many side by side."""
    turn = asyncio.Semaphore(together)

    async def one(name: str, kills: dict[str, Kill]) -> list[Killed]:
        async with turn:
            return await live(PLANS[name], known[name], kills)

    return [killed for part in await asyncio.gather(*(one(*each) for each in wanted)) for killed in part]
