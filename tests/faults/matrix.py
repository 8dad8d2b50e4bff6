"""Every kind of call to Azure meets every kind of fault; what has to hold afterwards.

A kind of call is a method, a resource type and the phase of the life in which it is sent; the kinds are read from the journal of a life
without faults. A life meets one fault in each phase, in force until the operator has met it twice, and has to become Ready, or to be
gone, with the same resources and writes as the life without faults.
"""

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebook_platform.engine.result import Result

from tests.faults.life import Life, NotSettled, life
from tests.faults.plans import CHANGE, CREATE, DELETE, LIVES, PLANS, UPGRADE, Plan

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
ANY_GUID = "[0-9a-fA-F-]{36}"
STILL = 7 * 3600.0
"""Seconds for which an operation stands still: longer than any is waited for before a user is called."""


@dataclass(frozen=True)
class FaultKind:
    """A fault: what the simulator does, the reasons that a condition may show meanwhile, and where it can happen.

    `extra`: executed writes of the call that it met, beyond those of a life without faults. `meets`: how often it is met.
    """

    name: str
    rule: Mapping[str, Any]
    reasons: frozenset[str]
    reads: bool = True
    writes: bool = True
    operations: bool = False
    meets: int = 2
    extra: int = 0


def _refusal(status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "code": code, "message": "A fault of the matrix.", **more}


LOST = frozenset({"AzureUnreachable", "TimedOut"})
DOWN = frozenset({"AzureUnavailable"})
NO_ANSWER = {"lost": "silence"}
FAULTS = {
    kind.name: kind
    for kind in (
        FaultKind("429", _refusal(429, "TooManyRequests", headers={"Retry-After": "1"}), frozenset({"Throttled"})),
        FaultKind("500", _refusal(500, "InternalServerError"), DOWN),
        FaultKind("503", {"status": 503, "empty": True}, DOWN),
        FaultKind("401 expired", {"expired": True}, frozenset({"TokenExpired"})),
        FaultKind(
            "409",
            _refusal(409, "AnotherOperationInProgress"),
            frozenset({"AnotherOperationInProgress"}),
        ),
        FaultKind("reset", {"lost": "reset"}, LOST),
        FaultKind("reset, executed", {"lost": "reset", "executed": True}, LOST, reads=False, meets=1, extra=1),
        FaultKind("time-out", NO_ANSWER, LOST, meets=1),
        FaultKind("time-out, executed", {**NO_ANSWER, "executed": True}, LOST, reads=False, meets=1, extra=1),
        FaultKind("half a body", {"lost": "half"}, LOST, meets=1, extra=1),
        FaultKind(
            "operation fails",
            {"operation_error": {"code": "InternalServerError", "message": "A fault of the matrix."}},
            DOWN,
            reads=False,
            writes=False,
            operations=True,
            meets=1,
            extra=1,
        ),
        FaultKind("operation never ends", {"endless": True}, frozenset(), reads=False, writes=False, operations=True, meets=1),
        FaultKind("stale read", {"stale": True}, frozenset(), writes=False, extra=1),
    )
}


@dataclass(frozen=True, order=True)
class Call:
    """A kind of call. `path` has `{id}` for each GUID. `write`, `begins`: whether it writes, and begins an operation."""

    phase: str
    method: str
    path: str
    write: bool = field(compare=False, default=False)
    begins: bool = field(compare=False, default=False)

    @property
    def name(self) -> str:
        """Return the method and the resource type, short."""
        parts = [p for p in self.path.split("/") if p]
        last = next((i for i in range(len(parts) - 1, -1, -1) if parts[i].lower() == "providers"), None)
        tail = parts[last + 1 :] if last is not None else parts[2:] or parts
        return f"{self.method} {'/'.join(tail)}"

    @property
    def pattern(self) -> str:
        """Return the regular expression of its paths."""
        return f"^{ANY_GUID.join(re.escape(part) for part in self.path.split('{id}'))}$"


@dataclass
class Baseline:
    """A life without faults: its kinds of calls, and after each phase the executed writes and the resources."""

    calls: list[Call]
    writes: dict[str, Counter[str]]
    resources: dict[str, frozenset[str]]


@dataclass(frozen=True)
class Case:
    """One call of one life, and the fault that it meets."""

    plan: str
    call: Call
    fault: str


@dataclass
class Finding:
    """What came of a case. `met`: calls that met the fault. `reasons`: what the conditions showed. `problems`: what does not hold."""

    case: Case
    met: int = 0
    reasons: frozenset[str] = frozenset()
    problems: list[str] = field(default_factory=list)
    twice: int = 0


def plain(path: str) -> str:
    """Return a path without what differs from life to life."""
    return GUID.sub("{id}", path)


def executed(entries: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Count the writes that took effect, by method and path."""
    return Counter(f"{e['method']} {plain(e['path'])}" for e in entries if e["write"] and e["status"] < 400)


def resources_of(run: Life) -> frozenset[str]:
    """Return everything of the platform: in Azure, in the directory, and its Secrets."""
    world = run.estate.simulator.world
    secrets = {a["displayName"]: len(a.get("passwordCredentials") or ()) for a in world.applications.values()}
    found = {plain(key) for key in world.store.resources}
    found |= {f"application {name} with {count} secrets" for name, count in secrets.items()}
    found |= {
        f"principal {p['displayName']}" for p in world.principals.values() if p.get("servicePrincipalType") != "ManagedIdentity"
    }
    return frozenset(found | {f"Secret {name}" for name in run.estate.secrets.data})


async def baseline(plan: Plan) -> Baseline:
    """Run a life without faults."""
    with tempfile.TemporaryDirectory(prefix="faults-") as state:
        async with life(Path(state)) as run:
            journal = run.estate.simulator.world.journal.entries
            calls: dict[Call, None] = {}
            writes, resources, mark = {}, {}, 0
            for phase, spec in plan.phases.items():
                await run.settle(spec, deleting=phase == DELETE)
                entries, mark = journal[mark:], len(journal)
                begins = {(e["method"], plain(e["path"])) for e in entries if e["begins_operation"]}
                for e in entries:
                    key = (e["method"], plain(e["path"]))
                    calls[Call(phase, *key, write=e["write"], begins=key in begins)] = None
                writes[phase], resources[phase] = executed(entries), resources_of(run)
            return Baseline(list(calls), writes, resources)


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


class Meeting:
    """A fault in force during one phase: watches whether it is met, and ends it."""

    def __init__(self, run: Life, case: Case) -> None:
        self._run, self._case, self._fault = run, case, FAULTS[case.fault]
        self._journal = run.estate.simulator.world.journal.entries
        self._mark = len(self._journal)
        self._reconciles = 0
        self.finding = Finding(case)
        self._lifted = False

    async def begin(self) -> None:
        """Put the fault in force."""
        rule = {"method": self._case.call.method, "path": self._case.call.pattern, **self._fault.rule, "count": None}
        if self._fault.meets == 1:
            rule["count"] = 1
        self._run.reasons.clear()
        self._run.stalled.clear()
        await self._run.estate.control("POST", "/faults", rule)
        self._run.on_reconcile = self.watch

    async def watch(self, results: Mapping[str, Result]) -> None:
        """End the fault once it was met often enough."""
        if self._lifted:
            return
        met = self._met()
        if met == self.finding.met:
            return
        self.finding.met, self._reconciles = met, self._reconciles + 1
        if "endless" in self._fault.rule:
            await self._stand_still()
        elif self._reconciles >= self._fault.meets or "stale" in self._fault.rule:
            await self.end()

    async def _stand_still(self) -> None:
        """Let the operation stand still past its limit, and expect that a user is called."""
        self._run.on_reconcile = None
        await self._run.advance(STILL)
        spec = PLANS[self._case.plan].phases[self._case.call.phase]
        turn = self._run.delete if self._case.call.phase == DELETE else self._run.reconcile
        self._run.attempts = ()
        await turn(spec)
        working = [c for c in self._run.conditions if c.type == "Stalled" and c.status == "True"]
        if not working:
            self.finding.problems.append("an operation that never ends does not become Stalled")
        self.finding.reasons |= {str(c.reason) for c in working}
        self._run.stalled.clear()
        await self.end()

    def _met(self) -> int:
        pattern = re.compile(self._case.call.pattern, re.IGNORECASE)
        entries = self._journal[self._mark :]
        return sum(e["method"] == self._case.call.method and bool(pattern.match(e["path"])) for e in entries)

    async def end(self) -> None:
        """End the fault."""
        self._lifted = True
        await self._run.estate.control("DELETE", "/faults")

    def judge(self, known: Baseline) -> Finding:
        """Return what came of it, after the phase has come to rest."""
        found, phase, fault = self.finding, self._case.call.phase, self._fault
        found.reasons |= frozenset(self._run.reasons)
        if "endless" not in fault.rule and (strange := self._run.reasons - fault.reasons - PASSING):
            found.problems.append(f"reasons {sorted(strange)}")
        if self._run.stalled:
            found.problems.append(f"Stalled with {sorted(self._run.stalled)}")
        now = resources_of(self._run)
        if now != known.resources[phase]:
            more, less = sorted(now - known.resources[phase]), sorted(known.resources[phase] - now)
            found.problems.append(f"other resources: more {more}, less {less}")
        extra = executed(self._journal[self._mark :]) - known.writes[phase]
        met = f"{self._case.call.method} {self._case.call.path}"
        found.twice = sum(count for write, count in extra.items() if not REPLACED.search(write) and write != met)
        found.twice += max(0, extra[met] - fault.extra) if not REPLACED.search(met) else 0
        if found.twice:
            found.problems.append(f"writes beyond those of a life without faults: {dict(extra)}")
        self._run.on_reconcile = None
        return found


REPLACED = re.compile("/(addPassword|removePassword|generateCredentials|register)$")
"""Azure shows a secret once. One whose answer was lost is replaced by another and removed. A registration may be sent again: it changes
nothing."""

PASSING = frozenset({"PrincipalReplicating", "AnotherOperationInProgress"})
"""Reasons that a life without faults shows too: a principal that is not known everywhere, work side by side on one cluster."""


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
