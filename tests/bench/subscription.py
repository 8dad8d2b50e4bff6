"""One simulated subscription with many platforms in it, all in this process."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.session import SessionPool
from notebook_platform.clients import OLDEST_LOOK

from sandbox.azure.backend import NoClusters
from sandbox.azure.server import AzureSimulator
from tests.unit.azure.conftest import Estate, runbook_spec

QUOTA = 100_000
"""vCPUs: so many platforms are more than a subscription has at first."""

TOGETHER = 6
"""Platforms that are built at the same time: while one waits for Azure, another uses the processor."""


@dataclass
class Subscription:
    """The simulator and whoever looks at it. `platforms` are settled."""

    simulator: AzureSimulator
    http: aiohttp.ClientSession
    platforms: "list[Platform]" = field(default_factory=list)

    def operator(self) -> SessionPool:
        """A new operator: it has seen nothing yet, and used up nothing of what Azure allows."""
        url, ca = self.simulator.url, self.simulator.ca_file
        return SessionPool(Cloud(resource_manager=url, authority=url, graph=url, ca_file=ca))

    async def build(self, count: int) -> None:
        """Settle more platforms, until there are `count`. Each has an operator of its own, for the sake of its rate limits."""
        turn = asyncio.Semaphore(TOGETHER)

        async def one(number: int) -> Platform:
            async with turn:
                sessions, name = self.operator(), f"hub-{number}"
                estate = Estate(self.simulator, sessions, self.http, uid=f"uid-{number}", name=name, max_age=OLDEST_LOOK)
                platform = Platform(number, estate)
                await estate.settle(platform.spec)
                await sessions.close()
                return platform

        self.platforms += await asyncio.gather(*map(one, range(len(self.platforms), count)))

    def mark(self) -> int:
        """Where the journal stands."""
        return len(self.simulator.world.journal.entries)

    def seen(self, since: int) -> list[dict[str, Any]]:
        """What Azure has seen since, without the sign-ins."""
        entries = self.simulator.world.journal.entries[since:]
        return [entry for entry in entries if not entry["path"].endswith("/token")]


@dataclass
class Platform:
    """The runbook's platform, the `number`th of its kind: a group, a network, a principal and a cluster of its own."""

    number: int
    estate: Estate

    @property
    def spec(self) -> dict[str, Any]:
        """Its spec."""
        spec, mark = runbook_spec(), f"{self.number:03d}"
        spec["azure"]["resourceGroup"] = f"prd_rg_jhub_{mark}"
        spec["network"]["virtualNetwork"]["name"] = f"prd_vnet_jhub_{mark}"
        spec["identity"]["servicePrincipal"]["name"] = f"sp_aks_jhub_{mark}"
        spec["cluster"] |= {"name": f"prd-aks-jhub-{mark}", "nodeResourceGroup": f"prd_rg_jhub_{mark}_infra"}
        return spec


@asynccontextmanager
async def subscription(speed: float) -> AsyncIterator[Subscription]:
    """An empty one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        simulator = AzureSimulator(backend=NoClusters(), state_dir=Path(state), speed=speed)
        simulator.world.catalog.quota = QUOTA
        await simulator.start()
        context = ssl.create_default_context(cafile=str(simulator.ca_file))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
            yield Subscription(simulator, http)
        await simulator.close()


def reads(entries: Sequence[dict[str, Any]]) -> int:
    """Requests that change nothing."""
    return sum(not entry["write"] for entry in entries)


def writes(entries: Sequence[dict[str, Any]]) -> int:
    """Requests that change something."""
    return sum(entry["write"] for entry in entries)
