"""A life without faults: the kinds of calls that it sends, its writes and its resources, with which each life with faults is compared."""

import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.life import Life, life
from tests.faults.plans import DELETE, Plan

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
ANY_GUID = "[0-9a-fA-F-]{36}"


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
