"""Several platforms in one simulator under random edits, faults and restarts of the operator, and what has to hold at each quiet moment.

A seed decides everything: `random.Random(seed)` is the only source of choices, the clock stands still between reconciles, and the
platforms are reconciled one after another. A quiet moment is a time without faults at which each platform is Ready or gone.
"""

import asyncio
import contextlib
import copy
import logging
import random
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebook_platform.clients import OLDEST_LOOK

from sandbox.azure.world import CLIENT_SECRET, SUBSCRIPTION
from tests.azure.conftest import Estate
from tests.faults.kills import LOOK, WRITE
from tests.faults.life import Life, NotSettled, life, operator
from tests.faults.matrix import FAULTS, executed, plain
from tests.unit.azure.specs import runbook_spec

PLATFORMS, EPISODES, MOST_EVENTS, MOST_TURNS = 3, 4, 4, 10
"""Platforms of a run; quiet moments; events before each of them; reconciles after each event."""

POOLS = ("blue", "green", "red")
PLACES = (
    "/managedClusters/[^/]+$",
    "/agentPools/",
    "/virtualNetworks/",
    "/subnets/",
    "/operations/|/operationresults/",
    "/roleAssignments",
    "/resourceGroups/[^/]+$",
    "/userAssignedIdentities/",
    "/autoscalesettings",
    "/applications|/servicePrincipals",
    ".",
)
"""Where a fault is met."""

QUIET_FAULTS = tuple(kind for kind in FAULTS.values() if kind.rule.get("lost") != "silence")
"""Faults that need no minutes of real time; silence is met as a kill of the operator."""

FOREIGN = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/theirs"
OWNER = "notebookplatform-owner"


class SharedEstate(Estate):
    """The estate of one platform of a fleet, whose operator is that of all."""

    fleet: "Fleet"

    async def new_operator(self) -> None:
        """Restart the operator of the fleet."""
        await self.fleet.new_operator()


@dataclass
class Platform:
    """One platform. `spec` is what it asks for; `deleting`: its deletion was requested; `gone`: nothing of it should exist."""

    run: Life
    number: int
    spec: dict[str, Any]
    deleting: bool = False
    gone: bool = False

    @property
    def name(self) -> str:
        """Return the name of the object."""
        return f"hub-{self.number}"

    async def turn(self) -> bool:
        """Reconcile or delete once. Returns whether the platform is at rest."""
        wait = await (self.run.delete if self.deleting else self.run.reconcile)(self.spec)
        if wait == 0.0:
            self.run.observe_again()
        self.gone = self.deleting and wait is None
        return wait is None


@dataclass
class Fleet:
    """The platforms of one run. `trace`: what was done, in order; `secrets`: all values that were in a Secret; `texts`: all texts
    of conditions and logs."""

    host: Life
    choose: random.Random
    platforms: list[Platform] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=lambda: {CLIENT_SECRET})
    texts: set[str] = field(default_factory=set)
    generations: int = 0

    async def new_operator(self) -> None:
        """Throw the operator's memory away, and start another that all platforms share."""
        old, new = self.host.estate.sessions, operator(self.host.estate.simulator)
        for one in self.platforms:
            one.run.estate.sessions = new
        self.host.estate.sessions = new
        await old.close()

    async def restart(self) -> None:
        """Restart the operator."""
        await self.new_operator()
        for one in self.platforms:
            one.run.forget()

    def create(self, number: int) -> Platform:
        """Request a platform that does not exist, as an object of its own."""
        self.generations += 1
        estate = SharedEstate(self.host.estate.simulator, self.host.estate.sessions, self.host.estate.http, max_age=OLDEST_LOOK)
        estate.fleet, estate.uid, estate.name = self, f"uid-{number}-{self.generations}", f"hub-{number}"
        return Platform(Life(estate), number, spec_of(number))

    def note(self, platform: Platform) -> None:
        """Keep the texts of the platform's conditions and the values of its Secrets."""
        self.texts |= {f"{c.reason} {c.message}" for c in platform.run.conditions}
        for name, data in platform.run.estate.secrets.data.items():
            hidden = [v for k, v in data.items() if k not in ("tenantId", "clientId", "appId", "server")]
            self.secrets |= {v for v in hidden if name != "azure-credentials" and len(v) >= 16 and "\n" not in v}


def spec_of(number: int) -> dict[str, Any]:
    """Return the first spec of a platform; each has names of its own, and the first has a service principal."""
    spec = runbook_spec(autoscale=[])
    spec["azure"] |= {"resourceGroup": f"rg-{number}", "features": []}
    spec["network"]["virtualNetwork"]["name"] = f"vnet-{number}"
    spec["cluster"] |= {"name": f"aks-{number}", "nodeResourceGroup": f"rg-{number}-nodes"}
    spec["nodePools"][0] |= {"count": 1}
    spec["nodePools"][0].pop("autoscaling")
    if number:
        spec["identity"] = {"type": "UserAssigned", "userAssigned": {"name": f"identity-{number}"}}
    else:
        spec["identity"]["servicePrincipal"]["name"] = "sp-0"
    return spec


def _edit_pools(fleet: Fleet, spec: dict[str, Any]) -> str:
    choose, pools = fleet.choose, spec["nodePools"]
    name = choose.choice(POOLS)
    known = next((pool for pool in pools if pool["name"] == name), None)
    if known is None:
        pools.append({"name": name, "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1})
        return f"pool {name} is added"
    if choose.random() < 0.5:
        pools.remove(known)
        return f"pool {name} is removed"
    known["nodeLabels"] = {"team": choose.choice(("physics", "maths", "art"))}
    known["count"] = choose.randint(1, 2)
    return f"pool {name} is changed"


def _edit_tags(fleet: Fleet, spec: dict[str, Any]) -> str:
    spec["azure"]["tags"] = {"team": fleet.choose.choice(("physics", "maths", "art"))}
    return "tags are changed"


def _edit_version(fleet: Fleet, spec: dict[str, Any]) -> str:
    spec["cluster"]["kubernetesVersion"] = "1.36"
    return "Kubernetes is upgraded"


def _edit_access(fleet: Fleet, spec: dict[str, Any]) -> str:
    spec["cluster"]["apiServer"] = {"authorizedIPRanges": [f"203.0.113.{fleet.choose.randint(1, 9)}/32"]}
    return "the API server's ranges are changed"


EDITS = (_edit_pools, _edit_pools, _edit_tags, _edit_version, _edit_access)


async def act(fleet: Fleet) -> None:
    """Do one random thing to one platform."""
    one = fleet.choose.choice(fleet.platforms)
    if one.gone:
        fleet.platforms[fleet.platforms.index(one)] = fleet.create(one.number)
        done = "is created again"
    elif one.deleting:
        return
    elif fleet.choose.random() < 0.15:
        one.deleting, done = True, "is deleted"
        one.run.attempts = ()
    else:
        done = fleet.choose.choice(EDITS)(fleet, one.spec)
        one.run.edited()
    fleet.trace.append(f"{one.name}: {done}")


async def break_something(fleet: Fleet) -> None:
    """Put one random fault in force."""
    kind, place = fleet.choose.choice(QUIET_FAULTS), fleet.choose.choice(PLACES)
    method = "GET" if not kind.writes else "PUT|PATCH|DELETE|POST" if not kind.reads else ".*"
    count = fleet.choose.randint(1, 4)
    await fleet.host.estate.control("POST", "/faults", {"method": method, "path": place, **kind.rule, "count": count})
    fleet.trace.append(f"fault: {kind.name} at {place}, {count} times")


async def kill(fleet: Fleet) -> None:
    """Kill the operator after a write that Azure has executed."""
    after = fleet.choose.randint(0, 3)
    one = fleet.choose.choice(fleet.platforms)
    fleet.trace.append(f"the operator is killed at write {after + 1} of {one.name}")
    place = rf"/{re.escape(one.spec['azure']['resourceGroup'])}/(?!.*/(list|check|get)[^/]*$)"
    rule = {**WRITE, "path": place, "after": after, "lost": "silence", "executed": True}
    await fleet.host.estate.control("POST", "/faults", rule)
    entries = fleet.host.estate.simulator.world.journal.entries
    mark = len(entries)
    work = asyncio.create_task(turns(fleet, 6))
    while not work.done():
        if any(e["lost"] == "silence" for e in entries[mark:]):
            work.cancel()
            break
        await asyncio.sleep(LOOK)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    await fleet.host.estate.control("DELETE", "/faults")
    await fleet.restart()


async def turns(fleet: Fleet, count: int) -> bool:
    """Reconcile each platform so many times, one after another. Returns whether all are at rest."""
    rest = False
    for _ in range(count):
        rest = all([one.gone or await one.turn() for one in fleet.platforms])
        for one in fleet.platforms:
            fleet.note(one)
        await fleet.host.advance(fleet.choose.choice((15.0, 25.0, 40.0)))
    return rest


async def settle(fleet: Fleet) -> None:
    """End all faults, and reconcile until a quiet moment. Raises NotSettled."""
    await fleet.host.estate.control("DELETE", "/faults")
    for _ in range(200):
        if await turns(fleet, 1):
            return
        await fleet.host.advance(60)
    states = {
        one.name: [
            f"{c.type}={c.status} {c.reason}: {c.message}"[:200] for c in one.run.conditions if c.type in ("Ready", "Stalled")
        ]
        for one in fleet.platforms
        if not one.gone
    }
    raise NotSettled(f"no quiet moment: {states}")


def resources(fleet: Fleet) -> Counter[str]:
    """Count everything in Azure and in the directory, with GUIDs left out."""
    world = fleet.host.estate.simulator.world
    found = Counter(plain(key) for key in world.store.resources if not key.startswith(FOREIGN.lower()))
    found += Counter(
        f"application {a['displayName']}, {len(a['passwordCredentials'])} secrets" for a in world.applications.values()
    )
    found += Counter(f"principal {p['displayName']}" for p in world.principals.values())
    return found


async def expected(fleet: Fleet) -> Counter[str]:
    """Return the resources of a new fleet with the same specs that has met no fault."""
    async with running(0, number=0) as fresh:
        for one in fleet.platforms:
            if not one.gone:
                made = fresh.create(one.number)
                made.spec = copy.deepcopy(one.spec)
                fresh.platforms.append(made)
        await settle(fresh)
        return resources(fresh)


async def judge(fleet: Fleet, foreign: str) -> list[str]:
    """Return what does not hold at a quiet moment."""
    problems: list[str] = []
    have, want = resources(fleet), await expected(fleet)
    if have != want:
        problems.append(f"other resources: more {sorted((have - want).items())}, less {sorted((want - have).items())}")
    if _foreign(fleet) != foreign:
        problems.append("a resource of another owner was touched")
    living = {one.run.estate.uid for one in fleet.platforms if not one.gone}
    for resource in fleet.host.estate.simulator.world.store.resources.values():
        tags = {str(k).lower(): str(v) for k, v in (resource.body.get("tags") or {}).items()}
        if (mark := tags.get(OWNER)) and not any(mark.endswith(uid) for uid in living):
            problems.append(f"{resource.id} has the owner tag {mark} of no living platform")
    for one in fleet.platforms:
        ready = next((c for c in one.run.conditions if c.type == "Ready"), None)
        if not one.gone and (ready is None or ready.status != "True" or ready.observed_generation != one.run.generation):
            problems.append(f"{one.name} has no current condition Ready: {ready}")
    entries = fleet.host.estate.simulator.world.journal.entries
    mark = len(entries)
    for one in fleet.platforms:
        if not one.gone:
            one.run.observe_again()
            await one.turn()
    if late := executed(entries[mark:]):
        problems.append(f"writes of settled platforms: {dict(late)}")
    problems += [f"a secret in {text!r}" for text in fleet.texts if any(secret in text for secret in fleet.secrets)]
    return problems


def _foreign(fleet: Fleet) -> str:
    store = fleet.host.estate.simulator.world.store.resources
    return str(sorted((key, r.body) for key, r in store.items() if key.startswith(FOREIGN.lower())))


class Listening(logging.Handler):
    """Keeps all that the operator logs."""

    def __init__(self, texts: set[str]) -> None:
        super().__init__(logging.DEBUG)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of a record."""
        self._texts.add(record.getMessage() + (str(record.exc_info[1]) if record.exc_info else ""))


@asynccontextmanager
async def running(seed: int, number: int = PLATFORMS) -> AsyncIterator[Fleet]:
    """Yield a fleet whose platforms are requested, in an Azure that has a resource group of another owner."""
    with tempfile.TemporaryDirectory(prefix="faults-") as state:
        async with life(Path(state)) as host:
            fleet = Fleet(host, random.Random(seed))
            fleet.platforms = [fleet.create(n) for n in range(number)]
            store = host.estate.simulator.world.store
            store.put(FOREIGN, {"name": "theirs", "location": "eastus", "properties": {"provisioningState": "Succeeded"}})
            store.put(
                f"{FOREIGN}/providers/Microsoft.Network/virtualNetworks/theirs",
                {"name": "theirs", "location": "eastus", "tags": {"team": "theirs"}, "properties": {"subnets": []}},
            )
            yield fleet


async def run(seed: int) -> Fleet:
    """Run a fleet. Its `problems` are what did not hold; the first quiet moment with a problem ends the run."""
    async with running(seed) as fleet:
        listening, logger = Listening(fleet.texts), logging.getLogger("notebook_platform")
        logger.addHandler(listening)
        foreign = _foreign(fleet)
        try:
            for _ in range(EPISODES):
                for _ in range(fleet.choose.randint(1, MOST_EVENTS)):
                    await act(fleet)
                    await fleet.choose.choice((break_something, break_something, kill, _calm))(fleet)
                    await turns(fleet, fleet.choose.randint(1, MOST_TURNS))
                    if fleet.choose.random() < 0.2:
                        fleet.trace.append("the operator is restarted")
                        await fleet.restart()
                await settle(fleet)
                fleet.trace.append("quiet")
                fleet.problems = await judge(fleet, foreign)
                if fleet.problems:
                    break
        except NotSettled as stuck:
            fleet.problems.append(str(stuck))
        finally:
            logger.removeHandler(listening)
        return fleet


async def _calm(fleet: Fleet) -> None:
    """Do nothing."""
