"""Several platforms in one simulator under random edits, faults and restarts of the operator, and what has to hold at each quiet moment.

A seed decides everything: `random.Random(seed)` is the only source of choices, the clock stands still between reconciles, and the
platforms are reconciled one after another. A quiet moment is a time without faults at which each platform is Ready or gone.
"""

import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebook_platform.policy import OLDEST_READ

from sandbox.azure.world import CLIENT_SECRET, SUBSCRIPTION
from tests.azure.conftest import Estate
from tests.faults.edits import spec_of
from tests.faults.life import Life, NotSettled, life, operator

PLATFORMS = 3
"""Platforms of a run."""

FOREIGN = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/theirs"


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
        estate = SharedEstate(self.host.estate.simulator, self.host.estate.sessions, self.host.estate.http, max_age=OLDEST_READ)
        estate.fleet, estate.uid, estate.name = self, f"uid-{number}-{self.generations}", f"hub-{number}"
        return Platform(Life(estate), number, spec_of(number))

    def note(self, platform: Platform) -> None:
        """Keep the texts of the platform's conditions and the values of its Secrets."""
        self.texts |= {f"{c.reason} {c.message}" for c in platform.run.conditions}
        for name, data in platform.run.estate.secrets.data.items():
            hidden = [v for k, v in data.items() if k not in ("tenantId", "clientId", "appId", "server")]
            self.secrets |= {v for v in hidden if name != "azure-credentials" and len(v) >= 16 and "\n" not in v}


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
