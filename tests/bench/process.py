"""One operator process on a real API server, and Azure in another process (`world.py`): memory and processor time are measured apart.

`bench` starts all of it under the operator's own role. `Bench` reads Azure's journal, the operator's metrics, and what the kernel counts
for each process.
"""

import asyncio
import json
import os
import re
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.operator_process import OperatorProcess, install

NAMESPACE = "platforms"
LONGEST = 3600.0
"""Seconds after which a wait fails."""

SETTLING_SPEED = 600.0
"""For measurements that begin when everything is settled."""

TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """Return the processor seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Machine:
    """The operator's process as the kernel sees it, and its metrics."""

    def __init__(self, operator: OperatorProcess) -> None:
        self._operator = operator

    def rss_mb(self) -> float:
        """Return the resident memory."""
        text = Path(f"/proc/{self._operator.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024

    def cpu(self) -> float:
        """Return the processor seconds used so far."""
        return processor_seconds(self._operator.pid)

    async def metric(self, pattern: str) -> float:
        """Return the sum of the samples whose line begins with a pattern."""
        text = await asyncio.to_thread(self._operator.metrics)
        return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(pattern, line))

    async def stall_ms(self, part: float) -> float:
        """Return the delay of the event loop that this part of its samples does not exceed, in milliseconds: the upper bound of a
        bucket."""
        text, name = await asyncio.to_thread(self._operator.metrics), "notebook_platform_event_loop_stall_seconds"
        counts = {float(bound): float(n) for bound, n in re.findall(rf'{name}_bucket{{le="(.+?)"}} (\S+)', text)}
        return 1000 * next(bound for bound, count in sorted(counts.items()) if count >= part * max(counts.values()))

    async def reconciles(self) -> float:
        """Return the reconciles that ran through all steps."""
        return await self.metric(r'notebook_platform_reconciles_total\{result="completed"')


class Bench:
    """The parts of one measurement."""

    def __init__(self, environment: dict[str, str], world: asyncio.subprocess.Process, operator: OperatorProcess) -> None:
        self.environment, self._world = environment, world
        self.operator, self.machine = operator, Machine(operator)
        self._context = ssl.create_default_context(cafile=environment["SANDBOX_CA"])

    async def journal(self, since: int) -> list[dict[str, Any]]:
        """Return the requests that Azure received since a position, without sign-ins."""
        found = (await self._journal(since))["value"]
        return [entry for entry in found if not entry["path"].endswith("/token")]

    async def mark(self) -> int:
        """Return the journal's position."""
        return int((await self._journal(10**9))["next"])

    async def _journal(self, since: int) -> dict[str, Any]:
        return await self._get(f"/_sandbox/journal?since={since}")

    async def _get(self, path: str) -> dict[str, Any]:
        url = f"{self.environment['SANDBOX_ARM']}{path}"
        async with aiohttp.ClientSession() as http, http.get(url, ssl=self._context) as answer:
            found: dict[str, Any] = await answer.json()
        return found

    async def work(self, since: datetime) -> list[dict[str, Any]]:
        """Return all that a client of Azure has to wait for, begun since a time of Azure's clock: operations, registrations of providers
        and features, and the replication of new principals. `kind` is one of the three; `began` (a time stamp) and `seconds` are of
        Azure's clock."""
        state = await self._get("/_sandbox/state")
        kinds = ("operations", "registrations", "replications")
        work = [{**one, "kind": kind} for kind in kinds for one in state[kind]]
        return [one for one in work if datetime.fromisoformat(one["began"]) >= since]

    async def now(self) -> datetime:
        """Return the time of Azure's clock."""
        return datetime.fromisoformat((await self._get("/_sandbox/clock"))["now"])

    def simulator_seconds(self) -> float:
        """Return the processor seconds of the simulated Azure."""
        return processor_seconds(self._world.pid)

    def api_server_seconds(self) -> float:
        """Return the processor seconds of the API server and its etcd."""
        children = Path(f"/proc/{self._world.pid}/task").glob("*/children")
        return sum(processor_seconds(int(pid)) for file in children for pid in file.read_text().split())

    async def clone(self, names: Sequence[str], uids: Sequence[str]) -> None:
        """Give the platforms their resources in Azure."""
        assert self._world.stdin and self._world.stdout
        self._world.stdin.write(json.dumps({"names": names, "uids": uids}).encode() + b"\n")
        await self._world.stdin.drain()
        await self._world.stdout.readline()

    async def clusters(self) -> dict[str, dict[str, Any]]:
        """Return the managed clusters by name, as Azure has them."""
        found = (await self._get("/_sandbox/state"))["resources"]
        kind = "/managedclusters/"
        return {
            id_.lower().rpartition("/")[2]: {"id": id_, **one}
            for id_, one in found.items()
            if kind in id_.lower() and id_.count("/") == 8
        }

    async def until(self, what: str, check: Callable[[], Awaitable[bool]], every: float = 0.5) -> float:
        """Wait until a check is true; return the seconds. Raises TimeoutError."""
        began = time.monotonic()
        while not await check():
            if time.monotonic() - began > LONGEST:
                raise TimeoutError(f"{what}\n{self.operator.log.read_text()[-3000:]}")
            await asyncio.sleep(every)
        return time.monotonic() - began


@asynccontextmanager
async def bench(directory: Path, speed: float = SETTLING_SPEED, *, hubs: bool = False) -> AsyncIterator[Bench]:
    """Run Azure, the API server and the operator until the block ends. `speed`: of Azure's operations, in relation to real ones. `hubs`: pods
    run, so that hubs become Ready, and the operator does not watch their namespaces: the management cluster of real ones is another."""
    command = (sys.executable, "-m", "tests.bench.world", str(directory), str(speed), *(["hubs"] if hubs else []))
    pipe = asyncio.subprocess.PIPE
    world = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)
    assert world.stdin and world.stdout
    try:
        environment = json.loads(await world.stdout.readline())
        await asyncio.to_thread(install, environment, NAMESPACE)
        watched = {"namespaces": json.dumps([NAMESPACE])} if hubs else {}
        operator = OperatorProcess(environment, directory / "operator", **watched)
        try:
            await asyncio.to_thread(operator.start)
            yield Bench(environment, world, operator)
        finally:
            await asyncio.to_thread(operator.stop)
    finally:
        world.stdin.close()
        await world.wait()
