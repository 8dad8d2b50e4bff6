"""One simulated subscription with many platforms, all in this process."""

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
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.policy import OLDEST_READ

from sandbox.azure.backend import NoClusters
from sandbox.azure.server import AzureSimulator
from tests.azure.conftest import Estate
from tests.unit.azure.specs import runbook_spec

QUOTA = 100_000
"""vCPUs: the initial quota of a subscription is too small for this number of platforms."""

TOGETHER = 6
"""Platforms built at the same time: while one waits for Azure, another uses the CPU."""


@dataclass
class Subscription:
    """The simulator with its clients. `platforms` are settled."""

    simulator: AzureSimulator
    http: aiohttp.ClientSession
    platforms: "list[Platform]" = field(default_factory=list)

    def operator(self) -> SessionPool:
        """Return a new operator, with an empty cache and full rate limits."""
        url, ca = self.simulator.url, self.simulator.ca_file
        return SessionPool(Cloud(resource_manager=url, authority=url, graph=url, ca_file=ca))

    async def build(self, count: int) -> None:
        """Settle more platforms until `count` exist, each with its own operator and so its own rate limits."""
        turn = asyncio.Semaphore(TOGETHER)

        async def one(number: int) -> Platform:
            async with turn:
                sessions, name = self.operator(), f"hub-{number}"
                estate = Estate(self.simulator, sessions, self.http, uid=f"uid-{number}", name=name, max_age=OLDEST_READ)
                platform = Platform(number, estate)
                await estate.settle(platform.spec)
                await sessions.close()
                return platform

        self.platforms += await asyncio.gather(*map(one, range(len(self.platforms), count)))

    def mark(self) -> int:
        """Return the current position in the journal."""
        return len(self.simulator.world.journal.entries)

    def seen(self, since: int) -> list[dict[str, Any]]:
        """Return the requests that Azure received since the mark, without sign-ins."""
        entries = self.simulator.world.journal.entries[since:]
        return [entry for entry in entries if not entry["path"].endswith("/token")]


@dataclass
class Platform:
    """The runbook's platform, number `number`: with its own group, network, principal and cluster."""

    number: int
    estate: Estate

    @property
    def spec(self) -> dict[str, Any]:
        """Return its spec."""
        return numbered_spec(self.number)


def numbered_spec(number: int) -> dict[str, Any]:
    """Return the spec of the runbook's platform with names of its own."""
    spec, mark = runbook_spec(), f"{number:03d}"
    spec["azure"]["resourceGroup"] = f"prd_rg_jhub_{mark}"
    spec["network"]["virtualNetwork"]["name"] = f"prd_vnet_jhub_{mark}"
    spec["identity"]["servicePrincipal"]["name"] = f"sp_aks_jhub_{mark}"
    spec["cluster"] |= {"name": f"prd-aks-jhub-{mark}", "nodeResourceGroup": f"prd_rg_jhub_{mark}_infra"}
    return spec


@asynccontextmanager
async def subscription(speed: float) -> AsyncIterator[Subscription]:
    """Yield an empty subscription."""
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        simulator = AzureSimulator(backend=NoClusters(), state_dir=Path(state), speed=speed)
        simulator.world.catalog.quota = QUOTA
        await simulator.start()
        context = ssl.create_default_context(cafile=str(simulator.ca_file))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
            yield Subscription(simulator, http)
        await simulator.close()


def reads(entries: Sequence[dict[str, Any]]) -> int:
    """Return the number of requests that read."""
    return sum(not entry["write"] for entry in entries)


def writes(entries: Sequence[dict[str, Any]]) -> int:
    """Return the number of requests that write."""
    return sum(entry["write"] for entry in entries)
