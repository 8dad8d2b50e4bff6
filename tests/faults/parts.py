"""The jobs of `make faults`, each run by a worker process: all cases of one fault in one life, or all kills of one life."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.baseline import Baseline, Finding, baseline
from tests.faults.fleet_run import run as fleet_of
from tests.faults.kills import Killed, kills_of, run_kills
from tests.faults.kinds import FAULTS
from tests.faults.matrix import calls_to_meet, lives_of, run_all
from tests.faults.plans import DELETE, PLANS

TOGETHER, SILENT_TOGETHER = 4, 40
"""Lives side by side in a worker; those of time-outs wait for minutes of real time and use no CPU meanwhile."""


@dataclass(frozen=True)
class Part:
    """What one job of a worker came to. `leaks`: tasks and connections that are left at its end; `fleet`: what did not hold in a fleet."""

    findings: Sequence[Finding] = ()
    killed: Sequence[Killed] = ()
    leaks: Sequence[str] = ()
    fleet: Sequence[str] = ()


def _run(work: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Run a job in a loop of its own. Returns its result, and what it leaves: tasks, sockets, exceptions of tasks that were not awaited."""
    errors: list[str] = []

    async def whole() -> tuple[Any, list[str]]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(str(context["message"])))
        before = _sockets()
        result = await work()
        for _ in range(20):
            await asyncio.sleep(0.05)
        gc.collect()
        tasks = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        more = _sockets() - before
        return result, [f"task {name}" for name in tasks] + ([f"{more} open sockets"] if more > 0 else []) + errors

    return asyncio.run(whole())


def _sockets() -> int:
    """Return the number of open sockets of this process."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found += str(entry.readlink()).startswith("socket:")
    return found


def matrix_part(name: str, fault: str, known: Mapping[str, Baseline]) -> Part:
    """Run the cases of one fault in one plan."""
    logging.disable(logging.CRITICAL)
    plan, kind = PLANS[name], FAULTS[fault]
    wanted = lives_of(plan, calls_to_meet(known)[name], kind, known)
    together = SILENT_TOGETHER if kind.rule.get("lost") == "silence" else TOGETHER
    findings, leaks = _run(lambda: run_all(wanted, known, together))
    return Part(findings=findings, leaks=leaks)


def kills_part(name: str, known: Mapping[str, Baseline]) -> Part:
    """Run the kills of one plan, and those of its short life's deletion, which deletes what the change has removed from the whole one."""
    logging.disable(logging.CRITICAL)
    plan = PLANS[name]
    wanted = [(name, kills) for kills in kills_of(plan, known[name], tuple(plan.phases))]
    wanted += [(plan.short.name, kills) for kills in kills_of(plan.short, known[plan.short.name], (DELETE,))]
    killed, leaks = _run(lambda: run_kills(known, wanted, TOGETHER))
    return Part(killed=killed, leaks=leaks)


def fleet_part(seed: int) -> Part:
    """Run a fleet under random edits, faults and restarts. Logging stays on: the fleet searches it for secrets."""
    logging.getLogger().addHandler(logging.NullHandler())
    fleet, leaks = _run(lambda: fleet_of(seed))
    return Part(fleet=[*fleet.problems, *fleet.trace] if fleet.problems else (), leaks=leaks)


def baselines() -> dict[str, Baseline]:
    """Run the lives without faults."""

    async def all_of_them() -> dict[str, Baseline]:
        return {name: await baseline(plan) for name, plan in PLANS.items()}

    return asyncio.run(all_of_them())
