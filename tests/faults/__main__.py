"""`make faults`: every kind of call to Azure with every kind of fault, a kill after every write, and a fleet under random edits, faults and
restarts. A table stands at the end.

`--only matrix`, `--only kills` and `--only fleet` run a part; `--faults "429;reset, executed"` and `--lives` run some faults and lives of the matrix;
`--seed` repeats a fleet.
"""

import argparse
import logging
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tests.console import printer
from tests.faults.baseline import Finding
from tests.faults.kinds import FAULTS
from tests.faults.parts import Part, baselines, fleet_part, kills_part, matrix_part
from tests.faults.plans import LIVES

say = printer()

WORKERS = 2 * (os.cpu_count() or 1)
"""A life waits for half of its time."""

PARTS = ("matrix", "kills", "fleet")

LEAST_MET = 0.9
"""Part of a fault's cases that have to meet it: a few calls, as the renewal of a token, are not sent in each life."""


def met_by(findings: Sequence[Finding]) -> int:
    """Return the number of cases in which a call met the fault."""
    return sum(bool(found.met) for found in findings)


def table(parts: Sequence[Part]) -> list[str]:
    """Return the table of the matrix and of the kills."""
    findings = [f for part in parts for f in part.findings]
    killed = [k for part in parts for k in part.killed]
    lines = [
        "fault                | calls |  met | held | condition meanwhile",
        "---------------------|-------|------|------|--------------------",
    ]
    for fault in FAULTS:
        mine = [f for f in findings if f.case.fault == fault]
        if mine:
            held = sum(not f.problems for f in mine)
            reasons = sorted({reason for f in mine for reason in f.reasons}) or ["none: the next read is right"]
            lines.append(f"{fault:<20} | {len(mine):>5} | {met_by(mine):>4} | {held:>4} | {', '.join(reasons)}")
    if killed:
        held = sum(not k.problems for k in killed)
        lines.append(f"{'killed after a write':<20} | {len(killed):>5} | {len(killed):>4} | {held:>4} | -")
    calls = {(f.case.call.method, f.case.call.path, f.case.call.phase) for f in findings}
    lines.append(f"{len(calls)} kinds of calls, {len(findings)} cases, {len(killed)} kills")
    return lines


def main() -> int:
    """Run what the command line asks for. Returns 1 if something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, of {', '.join(PARTS)}")
    parser.add_argument("--faults", default=";".join(FAULTS), help=f"faults of the matrix, of {'; '.join(FAULTS)}")
    parser.add_argument("--lives", default=",".join(plan.name for plan in LIVES), help="lives of the matrix and of the kills")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="seed of the fleet")
    options = parser.parse_args()
    only, lives, faults = set(options.only.split(",")), set(options.lives.split(",")), set(options.faults.split(";"))
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    known, parts = (baselines() if only & {"matrix", "kills"} else {}), []
    jobs: list[tuple[Any, ...]] = []
    if "matrix" in only:
        silent_first = sorted(FAULTS.values(), key=lambda kind: kind.rule.get("lost") != "silence")
        jobs += [
            (matrix_part, plan.name, kind.name, known)
            for kind in silent_first
            for plan in LIVES
            if kind.name in faults and plan.name in lives
        ]
    if "kills" in only:
        jobs += [(kills_part, plan.name, known) for plan in LIVES if plan.name in lives]
    if "fleet" in only:
        say(f"fleet: --seed {options.seed}")
        jobs.append((fleet_part, options.seed))
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as workers:
        running = [(job, workers.submit(*job)) for job in jobs]
        for job, future in running:
            parts.append(future.result())
            _report(job, parts[-1], began)
    say("\n".join(table(parts)))
    bad = any(f.problems for p in parts for f in p.findings) or any(k.problems for p in parts for k in p.killed)
    bad = bad or any(part.leaks or part.fleet for part in parts)
    by_fault = [[f for p in parts for f in p.findings if f.case.fault == fault] for fault in FAULTS]
    bad = bad or any(met_by(mine) < LEAST_MET * len(mine) for mine in by_fault)
    say(f"{time.monotonic() - began:.0f} s; {'something did not hold' if bad else 'all held'}")
    return int(bad)


def _report(job: tuple[Any, ...], part: Part, began: float) -> None:
    """Print the end of a job, with what did not hold."""
    names = ", ".join(str(word) for word in job[1:] if isinstance(word, str)) or "fleet"
    say(f"[{time.monotonic() - began:>4.0f} s] {names}: {len(part.findings) + len(part.killed)} cases")
    for found in part.findings:
        for problem in found.problems:
            say(f"  {found.case.fault} at {found.case.call.phase} {found.case.call.name} ({found.case.plan}): {problem}")
    for killed in part.killed:
        for problem in killed.problems:
            say(f"  killed after {killed.kill.phase} {killed.kill.number}, {killed.write}: {problem}")
    for line in part.fleet:
        say(f"  fleet: {line}")
    for leak in part.leaks:
        say(f"  left open: {leak}")


if __name__ == "__main__":
    sys.exit(main())
