"""The meeting of a fault with one phase of a life: put it in force, see that it is met, end it, and judge what came of it."""

import re
from collections import Counter
from collections.abc import Mapping

from notebook_platform.engine.result import Result

from tests.faults.baseline import Baseline, Case, Finding, executed, resources_of
from tests.faults.kinds import FAULTS
from tests.faults.life import Life
from tests.faults.plans import DELETE, PLANS

STILL = 7 * 3600.0
"""Seconds for which an operation stands still: longer than any is waited for before a user is called."""


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
        twice = Counter({write: n for write, n in _lower(extra).items() if not REPLACED.search(write)}) - self._allowed()
        if twice:
            found.problems.append(f"writes beyond those of a life without faults: {dict(extra)}")
        self._run.on_reconcile = None
        return found

    def _allowed(self) -> Counter[str]:
        """Return the writes that the fault may cost, in lower case. The count of repairs is a tag of a cluster or a pool: its removal, after
        the operation that succeeds, is one write more."""
        call = self._case.call
        allowed = Counter({f"{call.method} {call.path}": self._fault.extra})
        if "operation_error" in self._fault.rule and call.method == "PUT" and REPAIRED.search(call.path):
            tags = f"PATCH {call.path}/providers/Microsoft.Resources/tags/default"
            allowed[f"PUT {call.path}" if "/agentPools/" in call.path else tags] += 1
        return _lower(allowed)


def _lower(writes: Counter[str]) -> Counter[str]:
    """Return the writes in lower case: Azure and the operator spell /resourceGroups/ differently."""
    found: Counter[str] = Counter()
    for write, count in writes.items():
        found[write.lower()] += count
    return found


REPAIRED = re.compile("/managedClusters/[^/]+(/agentPools/[^/]+)?$")
REPLACED = re.compile("/(addPassword|removePassword|generateCredentials|register)$", re.IGNORECASE)
"""Azure shows a secret once. One whose answer was lost is replaced by another and removed. A registration may be sent again: it changes
nothing."""

PASSING = frozenset({"PrincipalReplicating", "AnotherOperationInProgress"})
"""Reasons that a life without faults shows too: a principal that is not known everywhere, work side by side on one cluster."""
