"""Many platforms without hubs are created at once: whether all become Ready, and how long it takes beside the bound that Azure's rate
limits and operations set.

Everything but kopf is the operator's own: reconcilers, work queue, rate limits, steps. The management API and the API of the built
clusters are one server each in this process, so the processor time of the simulator counts against the operator.
"""

import asyncio
import base64
import contextlib
import copy
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from notebook_platform.azure.arm.rate_limit import METHODS, RESOURCE_MANAGER
from notebook_platform.clients import SharedClients
from notebook_platform.config import OperatorConfig
from notebook_platform.reconciler import PlatformReconciler

from sandbox.azure.server import AzureSimulator
from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, TENANT
from sandbox.operator_process import secret
from tests.azure.cli.target import BuiltCluster
from tests.bench.subscription import QUOTA, numbered_spec
from tests.local.reconciler.cluster import Management

BURST = 400
NAMESPACES = 8
SPEED = 20.0
"""Azure's operations run so many times as fast as real ones. The rate limits of the operator and of the simulator do not, so that a
platform's requests cost what they cost in Azure."""

LONGEST = 1800.0
"""Seconds until a platform that is not Ready counts as failed."""

NODES = 6


@dataclass(frozen=True)
class Burst:
    """`alone`: seconds until one platform is Ready. `bound`: that, and the seconds until the rate limits have let the requests of all
    platforms pass: as many as one platform needs alone, or as the burst sent if those are fewer. `over_bound`: `took` in relation to
    it. `ready_at`: seconds until the part of the platforms is Ready. `reasons`: failures that a status has shown meanwhile."""

    platforms: int
    failed: int
    requests: int
    requests_429: int
    ratio_429: float
    alone: float
    bound: float
    took: float
    over_bound: float
    ready_at: dict[str, float]
    reasons: dict[str, int]


class _Api(Management):
    """The management API, with Secrets as an API server stores them."""

    def _answer(self, request: web.Request, path: str, text: str) -> web.Response:
        body = json.loads(text) if request.method in ("POST", "PUT") else {}
        if texts := body.pop("stringData", None):
            body["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
            text = json.dumps(body)
        return super()._answer(request, path, text)


class _Run:
    """One operator, one Azure, and platforms that are created at once."""

    def __init__(self, directory: Path, count: int, speed: float) -> None:
        self.count, self._directory, self._speed = count, directory, speed
        self._target = BuiltCluster(NODES)
        self._azure = AzureSimulator(backend=self._target, state_dir=directory, speed=speed)
        self._azure.world.catalog.quota = QUOTA
        self._management = _Api()
        self.ready: dict[str, float] = {}
        self.reasons: Counter[str] = Counter()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Return the requests that Resource Manager received."""
        return [e for e in self._azure.world.journal.entries if e["path"].startswith("/subscriptions")]

    async def measure(self) -> float:
        """Create the platforms. Returns the seconds until all are Ready, or until the limit."""
        await self._target.start()
        await self._azure.start()
        credentials = {"tenantId": TENANT, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
        for number in range(NAMESPACES):
            self._management.put(secret("azure-credentials", f"team-{number}", credentials))
        for number in range(self.count):
            self._management.put(_platform(number))
        async with self._management:
            shared = SharedClients(self._config())
            await shared.warm_up()
            began = time.monotonic()
            tasks = [
                asyncio.create_task(PlatformReconciler(copy.deepcopy(body), self._management.api, shared).run())
                for body in self._platforms()
            ]
            await self._until_ready(began)
            took = time.monotonic() - began
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await shared.close()
        await self._azure.close()
        await self._target.stop_listening()
        return took

    def _config(self) -> OperatorConfig:
        url = self._azure.url
        return OperatorConfig(
            resource_manager_url=url,
            authority_url=url,
            graph_url=url,
            ca_file=self._azure.ca_file,
            work_dir=self._directory,
            allow_private_addresses=True,
            passes_per_minute=int(20 * self._speed),
        )

    def _platforms(self) -> Iterator[dict[str, Any]]:
        return (one for one in self._management.objects.values() if one.get("kind") == "NotebookPlatform")

    async def _until_ready(self, began: float) -> None:
        seen: set[tuple[str, str]] = set()
        while len(self.ready) < self.count and time.monotonic() - began < LONGEST:
            await asyncio.sleep(0.5)
            for one in self._platforms():
                name, status = one["metadata"]["name"], one.get("status") or {}
                for attempt in status.get("attempts") or ():
                    seen.add((name, attempt["reason"]))
                if name not in self.ready and any(
                    c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()
                ):
                    self.ready[name] = time.monotonic() - began
        self.reasons = Counter(reason for _, reason in seen)


def _platform(number: int) -> dict[str, Any]:
    metadata = {"name": f"hub-{number:03d}", "namespace": f"team-{number % NAMESPACES}", "uid": f"uid-{number}", "generation": 1}
    kind = {"apiVersion": "notebookplatform.io/v1alpha1", "kind": "NotebookPlatform"}
    return {**kind, "metadata": metadata, "spec": numbered_spec(number)}


def waits(alone: Counter[str], sent: Counter[str], platforms: int) -> float:
    """Return the seconds until the rate limits of Resource Manager have let the requests of all platforms pass. `alone`: those of one
    platform, `sent`: those of the burst, by kind."""
    least = {kind: min(alone[kind] * platforms, sent[kind]) for kind in RESOURCE_MANAGER}
    return max(0.0, *((least[kind] - limit.burst) / limit.rate for kind, limit in RESOURCE_MANAGER.items()))


def kinds(requests: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return the number of requests by kind."""
    return Counter(METHODS.get(entry["method"], "writes") for entry in requests)


async def measure(platforms: int = BURST, speed: float = SPEED) -> Burst:
    """Measure one platform alone, then the burst."""
    with contextlib.ExitStack() as stack:
        directories = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="burst-"))) for _ in range(2)]
        one = _Run(directories[0], 1, speed)
        alone = await one.measure()
        many = _Run(directories[1], platforms, speed)
        took = await many.measure()
    refused = sum(entry["status"] == 429 for entry in many.requests)
    bound = alone + waits(kinds(one.requests), kinds(many.requests), platforms)
    times = sorted(many.ready.values())
    return Burst(
        platforms=platforms,
        failed=platforms - len(times),
        requests=len(many.requests),
        requests_429=refused,
        ratio_429=refused / len(many.requests),
        alone=alone,
        bound=bound,
        took=took,
        over_bound=took / bound,
        ready_at={f"{part:.0%}": times[int(part * (len(times) - 1))] for part in (0.01, 0.5, 0.9, 1.0) if times},
        reasons=dict(many.reasons.most_common()),
    )


def figures(burst: Burst) -> dict[str, object]:
    """Return the figures for the file."""
    name = f"burst{burst.platforms}"
    return {
        f"{name}_failed": burst.failed,
        f"{name}_429_ratio": round(burst.ratio_429, 4),
        f"{name}_over_bound": round(burst.over_bound, 2),
        "details": asdict(burst),
    }
