"""`make faults`: every kind of call to Azure with every kind of fault, and a kill after every write. A table stands at the end.

`--only matrix` and `--only kills` run a part.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.kills import Killed, kills_of, run_kills
from tests.faults.matrix import FAULTS, Baseline, Finding, baseline, calls_to_meet, lives_of, run_all
from tests.faults.plans import LIVES, PLANS

WORKERS = 2
TOGETHER, SILENT_TOGETHER = 4, 40
"""Lives side by side in a worker; those of time-outs wait for minutes of real time and use no CPU meanwhile."""

PARTS = ("matrix", "kills")


@dataclass(frozen=True)
class Part:
    """What one job of a worker came to. `leaks`: tasks and connections that are left at its end."""

    findings: Sequence[Finding] = ()
    killed: Sequence[Killed] = ()
    leaks: Sequence[str] = ()


def _run(work: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Run a job in a loop of its own. Returns its result, and what it leaves: tasks, sockets, errors that nobody awaited."""
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


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


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
    """Run the kills of one plan."""
    logging.disable(logging.CRITICAL)
    wanted = [(name, kills) for kills in kills_of(PLANS[name], known[name])]
    killed, leaks = _run(lambda: run_kills(known, wanted, TOGETHER))
    return Part(killed=killed, leaks=leaks)


def baselines() -> dict[str, Baseline]:
    """Run the lives without faults."""

    async def all_of_them() -> dict[str, Baseline]:
        return {name: await baseline(plan) for name, plan in PLANS.items()}

    return asyncio.run(all_of_them())


def table(parts: Sequence[Part]) -> list[str]:
    """Return the table of the matrix and of the kills."""
    findings = [f for part in parts for f in part.findings]
    killed = [k for part in parts for k in part.killed]
    lines = [
        "fault                | calls | held | condition meanwhile",
        "---------------------|-------|------|--------------------",
    ]
    for fault in FAULTS:
        mine = [f for f in findings if f.case.fault == fault]
        if mine:
            held = sum(not f.problems for f in mine)
            reasons = sorted({reason for f in mine for reason in f.reasons}) or ["none: the next read is right"]
            lines.append(f"{fault:<20} | {len(mine):>5} | {held:>4} | {', '.join(reasons)}")
    if killed:
        held = sum(not k.problems for k in killed)
        lines.append(f"{'killed after a write':<20} | {len(killed):>5} | {held:>4} | -")
    calls = {(f.case.call.method, f.case.call.path, f.case.call.phase) for f in findings}
    lines.append(f"{len(calls)} kinds of calls, {len(findings)} cases, {len(killed)} kills")
    return lines


def main() -> int:
    """Run what the command line asks for. Returns 1 if something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, of {', '.join(PARTS)}")
    options = parser.parse_args()
    only = set(options.only.split(","))
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    known, parts = (baselines() if only & {"matrix", "kills"} else {}), []
    jobs: list[tuple[Any, ...]] = []
    if "matrix" in only:
        silent_first = sorted(FAULTS.values(), key=lambda kind: kind.rule.get("lost") != "silence")
        jobs += [(matrix_part, plan.name, kind.name, known) for kind in silent_first for plan in LIVES]
    if "kills" in only:
        jobs += [(kills_part, plan.name, known) for plan in LIVES]
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as workers:
        running = [(job, workers.submit(*job)) for job in jobs]
        for job, future in running:
            parts.append(future.result())
            _report(job, parts[-1], began)
    say("\n".join(table(parts)))
    bad = any(f.problems for p in parts for f in p.findings) or any(k.problems for p in parts for k in p.killed)
    bad = bad or any(part.leaks for part in parts)
    say(f"{time.monotonic() - began:.0f} s; {'something did not hold' if bad else 'all held'}")
    return int(bad)


def _report(job: tuple[Any, ...], part: Part, began: float) -> None:
    """Print the end of a job, with what did not hold."""
    names = ", ".join(str(word) for word in job[1:] if isinstance(word, str))
    say(f"[{time.monotonic() - began:>4.0f} s] {names}: {len(part.findings) + len(part.killed)} cases")
    for found in part.findings:
        for problem in found.problems:
            say(f"  {found.case.fault} at {found.case.call.phase} {found.case.call.name} ({found.case.plan}): {problem}")
    for killed in part.killed:
        for problem in killed.problems:
            say(f"  killed after {killed.kill.phase} {killed.kill.number}, {killed.write}: {problem}")
    for leak in part.leaks:
        say(f"  left open: {leak}")


if __name__ == "__main__":
    sys.exit(main())
