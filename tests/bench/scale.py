"""What settled platforms cost one operator: memory, processor time, requests to Azure, a restart, and the wait for an edit.

The operator is a process of its own under its own role, on a real API server; Azure is simulated in another process
(`world.py`). One platform is created for real. The rest are clones of its resources in Azure, with objects of their own, which the
operator observes for the first time and finds settled. They have a network, an identity, a pool, autoscale settings and a workload
cluster, and no hub.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from kubernetes.aio import client, config
from notebook_platform.api import FINALIZER

from sandbox.azure.world import SUBSCRIPTION
from tests.bench.process import NAMESPACE, Bench, bench
from tests.bench.stored import clone_access

OBJECT = ("notebookplatform.io", "v1alpha1", NAMESPACE, "notebookplatforms")
CONFIGURED_INTERVAL = 600.0
"""Seconds: the interval for which figures are given. The measured one is shorter; what depends on it is a count for each interval."""

READY_NOW = r'notebook_platform_platform_conditions\{reason="[A-Za-z]+",status="True",type="Ready"'
"""The metric of the platforms that are Ready."""

STEP_READY = r'notebook_platform_step_outcomes_total\{{outcome="Ready",reason="[A-Za-z]+",step="{step}"'
"""The metric that counts the times at which a step was Ready: that of the workload cluster when it has answered, that of a hub when it is
healthy."""

EDITS, TOGETHER = 100, 16
QUIET = 10.0
"""Seconds until the last reconciles that settled a platform have ended."""
IDLE = 20.0
"""Seconds after a measurement began until connections that it does not need are closed."""


@dataclass
class Scale:
    """The figures of one size; see `GOALS`. `cpu_cores_alone`: of an operator with one settled platform; `cpu_cores`: the same, and what
    the reconciles of an interval of ten minutes take. `simulator_cores`: what the simulated Azure takes meanwhile."""

    platforms: int
    rss_mb: float = 0.0
    rss_mb_alone: float = 0.0
    cpu_ms_per_reconcile: float = 0.0
    cpu_cores_alone: float = 0.0
    cpu_cores: float = 0.0
    simulator_cores: float = 0.0
    loop_stall_ms_p999: float = 0.0
    reads_per_platform_interval: float = 0.0
    settled_writes: int = 0
    settled_helm_processes: int = 0
    restart_observed_s: float = 0.0
    restart_status_writes: int = 0
    edit_to_call_ms_p50: float = 0.0
    edit_to_call_ms_p99: float = 0.0

    @property
    def kb_per_platform(self) -> float:
        """Return the memory of one more platform, in KB."""
        return (self.rss_mb - self.rss_mb_alone) * 1024 / max(1, self.platforms - 1)


GOALS: dict[str, tuple[str, Callable[[Scale], bool]]] = {
    "rss_mb": ("500 at 10,000", lambda s: s.rss_mb <= 500),
    "loop_stall_ms_p999": ("100", lambda s: s.loop_stall_ms_p999 <= 100),
    "cpu_cores": ("0.15 at 10,000", lambda s: s.cpu_cores <= 0.15 * s.platforms / 10_000),
    "reads_per_platform_interval": ("0.05 at 1,000", lambda s: s.platforms < 1000 or s.reads_per_platform_interval <= 0.05),
    "settled_writes": ("0", lambda s: s.settled_writes == 0),
    "settled_helm_processes": ("0", lambda s: s.settled_helm_processes == 0),
    "restart_status_writes": ("0", lambda s: s.restart_status_writes == 0),
    "restart_observed_s": ("60 at 10,000", lambda s: s.restart_observed_s <= 60 * max(1, s.platforms / 10_000)),
    "edit_to_call_ms_p50": ("100", lambda s: s.edit_to_call_ms_p50 <= 100),
    "edit_to_call_ms_p99": ("300", lambda s: s.edit_to_call_ms_p99 <= 300),
}


def spec_of(name: str, interval: float) -> dict[str, Any]:
    """Return the spec of a platform whose every Azure name contains `name`."""
    return {
        "azure": {
            "subscriptionId": SUBSCRIPTION,
            "location": "eastus",
            "resourceGroup": f"rg-{name}",
            "credentials": {"secretRef": {"name": "azure-credentials"}},
        },
        "network": {
            "virtualNetwork": {"name": f"vnet-{name}", "addressPrefixes": ["10.0.0.0/8"]},
            "subnet": {"name": "default", "addressPrefix": "10.240.0.0/16"},
        },
        "identity": {"type": "UserAssigned", "userAssigned": {"name": f"id-{name}"}},
        "cluster": {"name": f"aks-{name}", "nodeResourceGroup": f"rg-{name}-nodes", "kubernetesVersion": "1.35"},
        "nodePools": [
            {
                "name": "pool1",
                "mode": "System",
                "vmSize": "Standard_D2s_v3",
                "count": 1,
                "autoscaling": {"minCount": 1, "maxCount": 5},
            }
        ],
        "interval": f"{interval:.0f}s",
    }


async def measure(count: int, interval: float, window: float, report: Callable[[Scale], None]) -> Scale:
    """Measure an operator with so many settled platforms, which reconcile every `interval` seconds. Nothing changes for `window` seconds.
    `report` gets the figures so far."""
    found = Scale(count)
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as directory:
        async with bench(Path(directory)) as parts:
            await config.load_kube_config(str(Path(directory) / "management" / "kubeconfig"))
            async with client.ApiClient() as api:
                custom = client.CustomObjectsApi(api)
                names = await _settle(parts, custom, found, interval)
                await watch_quiet(parts, found, window)
                report(found)
                await _edits(parts, custom, names[:EDITS], found)
                report(found)
                await restart(parts, found)
    return found


async def _settle(parts: Bench, custom: client.CustomObjectsApi, found: Scale, interval: float) -> list[str]:
    """Create the platforms, and wait until each was reconciled. They have the finalizer, which the first reconcile would set."""
    names = [f"p{number:05}" for number in range(found.platforms)]

    async def create(name: str) -> str:
        metadata = {"name": name, "finalizers": [FINALIZER]}
        body = {"apiVersion": f"{OBJECT[0]}/{OBJECT[1]}", "kind": "NotebookPlatform", "metadata": metadata}
        async with turn:
            made = await custom.create_namespaced_custom_object(*OBJECT, {**body, "spec": spec_of(name, interval)})
        return str(made["metadata"]["uid"])

    async def ready() -> bool:
        body = await custom.get_namespaced_custom_object(*OBJECT, names[0])
        conditions = body.get("status", {}).get("conditions", ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    turn = asyncio.Semaphore(TOGETHER)
    first = await create(names[0])
    await parts.until("the first platform is Ready", ready)
    await asyncio.sleep(IDLE)
    found.rss_mb_alone, cpu = parts.machine.rss_mb(), parts.machine.cpu()
    await asyncio.sleep(IDLE)
    found.cpu_cores_alone = (parts.machine.cpu() - cpu) / IDLE
    await asyncio.to_thread(parts.operator.stop)  # the clones exist before it sees their objects
    uids = await asyncio.gather(*map(create, names[1:]))
    await parts.clone(names, [first, *uids])
    await clone_access(parts, custom.api_client, names, [first, *uids])
    await asyncio.to_thread(parts.operator.start)

    await settle(parts, found.platforms)
    return names


async def settle(parts: Bench, count: int) -> None:
    """Wait until so many platforms are Ready and the last reconciles that settled them have ended."""

    async def settled() -> bool:
        return await parts.machine.metric(READY_NOW) >= count

    await parts.until("every platform is settled", settled, 1.0)
    await asyncio.sleep(QUIET)


async def watch_quiet(parts: Bench, found: Scale, seconds: float) -> None:
    """Measure so many seconds without any change."""
    mark, cpu, done = await parts.mark(), parts.machine.cpu(), await parts.machine.reconciles()
    helm, status = (
        await parts.machine.metric("notebook_platform_helm_runs_total"),
        await parts.machine.metric("notebook_platform_status_writes_total"),
    )
    simulator = parts.simulator_seconds()
    await asyncio.sleep(seconds)
    found.simulator_cores = (parts.simulator_seconds() - simulator) / seconds
    cpu = parts.machine.cpu() - cpu - found.cpu_cores_alone * seconds
    reconciles, entries = await parts.machine.reconciles() - done, await parts.journal(mark)
    found.rss_mb = parts.machine.rss_mb()
    found.cpu_ms_per_reconcile = 1000 * cpu / max(1.0, reconciles)
    found.cpu_cores = found.cpu_cores_alone + found.cpu_ms_per_reconcile / 1000 * found.platforms / CONFIGURED_INTERVAL
    found.loop_stall_ms_p999 = await parts.machine.stall_ms(0.999)
    found.reads_per_platform_interval = sum(not entry["write"] for entry in entries) / max(1.0, reconciles)
    writes = await parts.machine.metric("notebook_platform_status_writes_total") - status
    found.settled_writes = sum(entry["write"] for entry in entries) + int(writes)
    found.settled_helm_processes = int(await parts.machine.metric("notebook_platform_helm_runs_total") - helm)


async def _edits(parts: Bench, custom: client.CustomObjectsApi, names: Sequence[str], found: Scale) -> None:
    """Change one platform after the other, and measure the time from the API server's answer to the write in Azure's journal."""
    waits = []
    for name in names:
        spec = spec_of(name, 60)
        spec["nodePools"][0]["autoscaling"]["maxCount"] = 6
        mark = await parts.mark()
        patch = {"spec": {"nodePools": spec["nodePools"]}}
        await custom.patch_namespaced_custom_object(*OBJECT, name, patch, _content_type="application/merge-patch+json")

        async def written(name: str = name, mark: int = mark) -> bool:
            return any(entry["write"] and f"aks-{name}/" in entry["path"] for entry in await parts.journal(mark))

        waits.append(1000 * await parts.until(f"the edit of {name} reaches Azure", written, 0.005))
    percentiles = quantiles(waits, n=100, method="inclusive")
    found.edit_to_call_ms_p50, found.edit_to_call_ms_p99 = percentiles[49], percentiles[98]


async def restart(parts: Bench, found: Scale, step: str = "WorkloadCluster") -> None:
    """Kill the operator once the edits are over, and measure until a new one has found each platform's `step` in order: once, because
    the next reconcile of a platform is due after its interval."""
    await asyncio.sleep(QUIET)
    await asyncio.to_thread(parts.operator.kill)
    began = time.monotonic()
    await asyncio.to_thread(parts.operator.start)

    async def observed() -> bool:
        return await parts.machine.metric(STEP_READY.format(step=step)) >= found.platforms

    await parts.until("every platform is observed", observed, 1.0)
    found.restart_observed_s = time.monotonic() - began
    found.restart_status_writes = int(await parts.machine.metric("notebook_platform_status_writes_total"))


def rows(measured: Sequence[Scale]) -> list[tuple[str, ...]]:
    """Return the rows of the table: each figure beside its goal, with an asterisk where it is missed."""
    found = []
    for name, (goal, met) in GOALS.items():
        values = [f"{getattr(one, name):,.3g}{'' if met(one) else ' *'}" for one in measured]
        found.append((name, *values, goal))
    for name in ("kb_per_platform", "cpu_ms_per_reconcile", "cpu_cores_alone", "simulator_cores"):
        found.append((name, *(f"{getattr(one, name):,.3g}" for one in measured), ""))
    return found
