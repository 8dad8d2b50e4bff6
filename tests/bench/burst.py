"""Many platforms without hubs are created at once: whether all become Ready, and how long it takes beside the bound that Azure's rate
limits and operations set.

The operator, Azure and the API server are processes of their own (`process.py`), so the simulator's time is measured apart from
the operator's. Azure's operations run `speed` times as fast as real ones; rate limits do not, on either side, so that a platform's
requests cost what they cost in Azure.
"""

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import client, config, watch
from notebook_platform.azure.arm.rate_limit import METHODS, RESOURCE_MANAGER
from notebook_platform.observability.labels import resource_type

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, TENANT
from sandbox.operator_process import ROOT, kubectl, secret
from tests.bench import timeline
from tests.bench.process import Bench, bench
from tests.bench.subscription import numbered_spec

BURST = 400
NAMESPACES = 8
SPEED = 20.0
TOGETHER = 16
"""Objects that are created side by side."""

LONGEST = 1000.0
"""Seconds until a platform that is not Ready counts as failed."""

REFILL = 20.0
"""Seconds until the rate limits are as new after the platform that is created alone."""

GROUP, VERSION, PLURAL = "notebookplatform.io", "v1alpha1", "notebookplatforms"


@dataclass(frozen=True)
class Alone:
    """One platform alone, the first in its subscription: the seconds until it is Ready, those during which Azure's operations run, those
    during which Azure works on it at all (`critical`: registrations and the replication of its principal too), its requests, and the
    timeline."""

    took: float
    operations: float
    critical: float
    requests: tuple[Mapping[str, Any], ...] = field(repr=False)
    lines: tuple[timeline.Line, ...] = field(repr=False)


@dataclass(frozen=True)
class Burst:
    """`alone`: seconds until one platform alone is Ready; `operations`: those during which Azure works on it. `waits`: seconds until
    the rate limits have let the requests pass that all platforms need (`needs`). `bound`: `operations` and `waits`. `over_bound`: `took`
    in relation to it. `each`: requests of a platform on average by kind, its reconciles and status writes; `requests_by_type`: the requests
    by method and resource type. `ready_at`: seconds until the part of the platforms is Ready. `reasons`: failures that a status has
    shown meanwhile. `processor`: seconds of each process."""

    platforms: int
    failed: int
    requests: int
    requests_429: int
    ratio_429: float
    alone: float
    operations: float
    waits: float
    bound: float
    took: float
    over_bound: float
    each: dict[str, float]
    requests_by_type: dict[str, float]
    ready_at: dict[str, float]
    reasons: dict[str, int]
    processor: dict[str, float]
    loop_stall_ms_p999: float


class _Crowd:
    """Platforms that are created at once, and when each became Ready."""

    def __init__(self, custom: client.CustomObjectsApi, numbers: Sequence[int]) -> None:
        self._custom = custom
        self._names = {f"hub-{number:03d}": number for number in numbers}
        self.ready: dict[str, float] = {}
        self.statuses: list[tuple[float, Mapping[str, Any]]] = []
        """Each status that was seen, of a single platform only."""
        self._seen: set[tuple[str, str]] = set()

    async def measure(self) -> float:
        """Create the platforms. Returns the seconds until all are Ready, or until the limit."""
        turn, began = asyncio.Semaphore(TOGETHER), time.monotonic()

        async def create(name: str, number: int) -> None:
            body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "NotebookPlatform", "metadata": {"name": name}}
            async with turn:
                await self._custom.create_namespaced_custom_object(
                    GROUP, VERSION, f"team-{number % NAMESPACES}", PLURAL, {**body, "spec": numbered_spec(number)}
                )

        watching = asyncio.create_task(self._watch(began))
        try:
            await asyncio.gather(*(create(name, number) for name, number in self._names.items()))
            await asyncio.wait({watching}, timeout=LONGEST)
        finally:
            watching.cancel()
        return time.monotonic() - began

    @property
    def size(self) -> int:
        """Return the number of platforms."""
        return len(self._names)

    @property
    def reasons(self) -> Counter[str]:
        """Return the number of platforms by the reason of a failure."""
        return Counter(reason for _, reason in self._seen)

    async def _watch(self, began: float) -> None:
        """Watch the platforms until all are Ready. A list of all again and again would be a fifth of the API server's work."""
        while len(self.ready) < len(self._names):
            async with watch.Watch() as events:
                async for event in events.stream(self._custom.list_cluster_custom_object, GROUP, VERSION, PLURAL):
                    self._observe(event["object"], time.monotonic() - began)
                    if len(self.ready) == len(self._names):
                        return

    def _observe(self, one: Mapping[str, Any], now: float) -> None:
        name, status = one["metadata"]["name"], one.get("status") or {}
        if name not in self._names:
            return
        if self.size == 1:
            self.statuses.append((now, status))
        self._seen |= {(name, attempt["reason"]) for attempt in status.get("attempts") or ()}
        conditions = status.get("conditions") or ()
        if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            self.ready.setdefault(name, now)


def at_work(operations: Iterable[Mapping[str, Any]]) -> float:
    """Return the seconds of Azure's clock during which at least one of the operations runs."""
    total, until = timedelta(), None
    for began, seconds in sorted((datetime.fromisoformat(one["began"]), one["seconds"]) for one in operations):
        end = began + timedelta(seconds=seconds)
        if until is None or end > until:
            total += end - (began if until is None else max(began, until))
            until = end
    return total.total_seconds()


def needs(requests: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return the requests that a platform needs, by kind, from those that it sent for resources of its own when it was created alone:
    each write (and each POST, which Azure counts as one) once, a read before each write, and one poll of each operation."""
    own = [one for one in requests if "/resourcegroups/" in one["path"].lower() and one["status"] < 400]
    sent = {(METHODS.get(one["method"], "writes"), one["path"].lower()) for one in own}
    written = {(kind, path) for kind, path in sent if kind != "reads"}
    found = Counter(kind for kind, _ in written)
    found["reads"] += sum(bool(one["write"]) + bool(one["begins_operation"]) for one in own)
    return found


def waits(needed: Mapping[str, int], platforms: int) -> float:
    """Return the seconds until the rate limits of Resource Manager have let the requests of all platforms pass."""
    return max(0.0, *((needed.get(kind, 0) * platforms - limit.burst) / limit.rate for kind, limit in RESOURCE_MANAGER.items()))


def kinds(requests: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return the number of requests by kind."""
    return Counter(METHODS.get(entry["method"], "writes") for entry in requests)


def by_type(requests: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return the number of requests by method, type of resource, and status. A type that ends with a slash is that of a list."""
    return Counter(
        f"{one['method']} {resource_type(path := one['path'])}{'/' * (path.count('/') % 2)} {one['status']}" for one in requests
    )


def _to_resource_manager(requests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in requests if entry["path"].startswith("/subscriptions")]


def _make_namespaces(environment: Mapping[str, str]) -> None:
    """Make the namespaces with the operator's RoleBinding and the credentials, all at once."""
    binding = yaml.safe_load((ROOT / "deploy" / "kustomize" / "components" / "namespace" / "rolebinding.yaml").read_text())
    credentials = {"tenantId": TENANT, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    documents: list[Mapping[str, Any]] = []
    for number in range(NAMESPACES):
        name = f"team-{number}"
        documents += [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            {**binding, "metadata": {**binding["metadata"], "namespace": name}},
            secret("azure-credentials", name, credentials),
        ]
    kubectl(environment, "apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(documents))


def _processor(parts: Bench) -> dict[str, float]:
    return {
        "operator": parts.machine.cpu(),
        "simulated Azure": parts.simulator_seconds(),
        "API server": parts.api_server_seconds(),
    }


async def _own(parts: Bench) -> dict[str, float]:
    """Return what the operator has counted of itself."""
    writes = await parts.machine.metric("notebook_platform_status_writes_total")
    return {"reconciles": await parts.machine.reconciles(), "status writes": writes}


async def _alone(parts: Bench, custom: client.CustomObjectsApi, number: int, speed: float) -> Alone:
    mark, start, crowd = await parts.mark(), await parts.now(), _Crowd(custom, [number])
    took, sent, work = await crowd.measure(), await parts.journal(mark), await parts.work(start)
    lines = [
        *timeline.of_requests(sent, start, speed),
        *timeline.of_work(work, start, speed),
        *timeline.of_statuses(crowd.statuses),
    ]
    return Alone(
        took=took,
        operations=at_work(one for one in work if one["kind"] == "operations") / speed,
        critical=at_work(work) / speed,
        requests=tuple(_to_resource_manager(sent)),
        lines=tuple(sorted(lines)),
    )


async def measure(platforms: int = BURST, speed: float = SPEED) -> tuple[Alone, Burst | None]:
    """Measure one platform alone, then the burst; without platforms there is none."""
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-burst-")))
        parts = await stack.enter_async_context(bench(directory, speed))
        await asyncio.to_thread(_make_namespaces, parts.environment)
        await config.load_kube_config(parts.environment["KUBECONFIG"])
        custom = client.CustomObjectsApi(await stack.enter_async_context(client.ApiClient()))
        alone = await _alone(parts, custom, platforms, speed)
        if not platforms:
            return alone, None
        await asyncio.sleep(REFILL)
        mark, before, own = await parts.mark(), _processor(parts), await _own(parts)
        crowd = _Crowd(custom, range(platforms))
        took = await crowd.measure()
        requests, after = _to_resource_manager(await parts.journal(mark)), _processor(parts)
        own = {name: count - own[name] for name, count in (await _own(parts)).items()}
        stall = await parts.machine.stall_ms(0.999)
    return alone, _figures(crowd, alone, took, requests, {name: after[name] - before[name] for name in after}, stall, own)


def _figures(
    crowd: _Crowd,
    alone: Alone,
    took: float,
    requests: Sequence[Mapping[str, Any]],
    processor: dict[str, float],
    stall: float,
    own: Mapping[str, float],
) -> Burst:
    refused, times = sum(entry["status"] == 429 for entry in requests), sorted(crowd.ready.values())
    wait = waits(needs(alone.requests), crowd.size)
    return Burst(
        platforms=crowd.size,
        failed=crowd.size - len(times),
        requests=len(requests),
        requests_429=refused,
        ratio_429=refused / max(1, len(requests)),
        alone=alone.took,
        operations=alone.operations,
        waits=wait,
        bound=alone.operations + wait,
        took=took,
        over_bound=took / (alone.operations + wait),
        each={kind: count / crowd.size for kind, count in {**kinds(requests), **own}.items()},
        requests_by_type={name: round(count / crowd.size, 2) for name, count in by_type(requests).most_common()},
        ready_at={f"{part:.0%}": times[int(part * (len(times) - 1))] for part in (0.01, 0.5, 0.9, 1.0) if times},
        reasons=dict(crowd.reasons.most_common()),
        processor=processor,
        loop_stall_ms_p999=stall,
    )


def timeline_of(alone: Alone) -> list[str]:
    """Return the creation of one platform line by line, and its sums."""
    lines = [f"{at:8.2f}  {text}" for at, text in alone.lines]
    sums = f"Ready after {alone.took:.1f} s; Azure worked for {alone.critical:.1f} s, for {alone.operations:.1f} s on operations."
    return [*lines, f"{sums} {len(alone.requests)} requests to Resource Manager."]


def figures(burst: Burst) -> dict[str, object]:
    """Return the figures for the file."""
    name = f"burst{burst.platforms}"
    return {
        f"{name}_failed": burst.failed,
        f"{name}_429_ratio": round(burst.ratio_429, 4),
        f"{name}_over_bound": round(burst.over_bound, 2),
        "details": asdict(burst),
    }
