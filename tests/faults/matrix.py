"""Every kind of call to Azure meets every kind of fault; what has to hold afterwards.

A kind of call is a method, a resource type and the phase of the life in which it is sent; the kinds are read from the journal of a life
without faults. A life meets one fault in each phase, in force until the operator has met it twice, and has to become Ready, or to be
gone, with the same resources and writes as the life without faults.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.baseline import Baseline, Call, Case, Finding
from tests.faults.kinds import FaultKind
from tests.faults.life import NotSettled, life
from tests.faults.meeting import Meeting
from tests.faults.plans import CHANGE, CREATE, DELETE, LIVES, PLANS, UPGRADE, Plan


def calls_to_meet(known: Mapping[str, Baseline]) -> dict[str, list[Call]]:
    """Return the kinds of calls of each life, those of its short life's deletion too. A read of the phases change and upgrade that the
    creation sends too is left out, and all that another life has."""
    seen: set[tuple[str, str, str]] = set()
    found: dict[str, list[Call]] = {}
    for plan in LIVES:
        created = {(c.method, c.path) for c in known[plan.name].calls if c.phase == CREATE}
        found[plan.name] = []
        for call in known[plan.name].calls + [c for c in known[plan.short.name].calls if c.phase == DELETE]:
            key = (call.phase, call.method, call.path)
            repeated = call.phase in (CHANGE, UPGRADE) and not call.write and (call.method, call.path) in created
            if key not in seen and not repeated:
                found[plan.name].append(call)
            seen.add(key)
    return found


def _can_meet(call: Call, fault: FaultKind) -> bool:
    if fault.operations:
        return call.begins
    if fault.name == "401 expired" and "oauth2" in call.path:
        return False
    return fault.writes if call.write else fault.reads


def lives_of(plan: Plan, calls: Sequence[Call], fault: FaultKind, known: Mapping[str, Baseline]) -> list[dict[str, Case]]:
    """Distribute the calls that can meet a fault to lives, one call a phase. What remains when changes and upgrades have their lives goes
    to short ones."""
    queues = {phase: [c for c in calls if c.phase == phase and _can_meet(c, fault)] for phase in plan.phases}
    sent = {life.name: set(known[life.name].calls) for life in (plan, plan.short)}
    found = []
    while any(queues.values()):
        only_whole = [call for call in queues[DELETE] if call not in sent[plan.short.name]]
        life = plan if queues[CHANGE] or queues[UPGRADE] or only_whole else plan.short
        cases = {}
        for phase in life.phases:
            fitting = [call for call in queues[phase] if phase != DELETE or call in sent[life.name]]
            if call := next((c for c in fitting if c in only_whole), next(iter(fitting), None)):
                queues[phase].remove(call)
                cases[phase] = Case(life.name, call, fault.name)
        found.append(cases)
    return found


async def live(plan: Plan, known: Baseline, cases: Mapping[str, Case]) -> list[Finding]:
    """Run a life that meets one fault in each phase, by phase. A case that fails ends it; the caller runs the rest anew."""
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as state:
        async with life(Path(state)) as run:
            for phase, spec in plan.phases.items():
                case = cases.get(phase)
                meeting = Meeting(run, case) if case else None
                if meeting:
                    await meeting.begin()
                try:
                    await run.settle(spec, deleting=phase == DELETE)
                except NotSettled as stuck:
                    if not meeting:
                        raise
                    meeting.finding.problems.append(f"never came to rest: {stuck}")
                    findings.append(meeting.judge(known))
                    return findings
                if meeting:
                    findings.append(meeting.judge(known))
                    await meeting.end()
                    if findings[-1].problems:
                        return findings
    return findings


async def run_all(cases: Sequence[dict[str, Case]], known: Mapping[str, Baseline], together: int) -> list[Finding]:
    """Run lives, so many side by side."""
    turn = asyncio.Semaphore(together)

    async def one(wanted: dict[str, Case]) -> list[Finding]:
        found: list[Finding] = []
        async with turn:
            while wanted:
                plan = next(iter(wanted.values())).plan
                found += await live(PLANS[plan], known[plan], wanted)
                wanted = {phase: case for phase, case in wanted.items() if case not in [f.case for f in found]}
        return found

    return [finding for part in await asyncio.gather(*map(one, cases)) for finding in part]
