"""The duration of an install, from a settled cluster to a Ready hub, by phase. Helm and the control plane are real; pods and
addresses are simulated."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from kubernetes.aio import client
from notebook_platform.engine.outcome import Unblocking
from notebook_platform.observability.metrics import HELM_RUNS

from tests.integration.releases.cluster import Cluster, cluster_of
from tests.integration.releases.harness import ReleaseHarness, by_hand

NAMESPACE = "jhub"
HUB: dict[str, Any] = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True, "allowAll": True}}}
BETWEEN, LONGEST = 0.1, 120.0
"""Seconds between two reconciles, and the limit until it must be Ready."""

QUIET_PASSES = 20


@dataclass
class Hub:
    """Seconds from the first reconcile until Helm starts, until it ends, until hub and proxy have their pods, until the proxy's
    Service has its address, until the hub is Ready. `quiet_helm`: Helm processes in reconciles without changes. `pass_ms` and
    `pass_cpu_ms`: the median of such a reconcile by the clock, and its processor time. `by_hand`: seconds of `helm install --wait` of the
    same chart."""

    marks: dict[str, float] = field(default_factory=dict)
    quiet_helm: int = 0
    pass_ms: float = 0.0
    pass_cpu_ms: float = 0.0
    by_hand: float = 0.0

    def took(self, since: str, until: str) -> float:
        """Return the seconds between two marks; zero when the later one came first."""
        return max(0.0, self.marks[until] - self.marks[since])


def helm_processes() -> float:
    """Return the number of Helm processes started so far."""
    return sum(s.value for metric in HELM_RUNS.collect() for s in metric.samples if s.name.endswith("_total"))


async def measure() -> Hub:
    """Measure one install."""
    with tempfile.TemporaryDirectory(prefix="notebook-platform-bench-") as directory:
        async with cluster_of(Path(directory)) as cluster:
            site = ReleaseHarness(cluster, cluster.helm(), NAMESPACE, [], hub=HUB)
            found = Hub()
            began = time.monotonic()
            while "Ready" not in found.marks:
                outcome = (await site.once())["JupyterHub"].outcome
                now = time.monotonic() - began
                assert now < LONGEST, outcome
                if getattr(outcome, "reason", "") == "Installing":
                    found.marks.setdefault("helm begins", now)
                for mark in await _there(cluster, site):
                    found.marks.setdefault(mark, now)
                if isinstance(outcome, Unblocking):
                    found.marks["Ready"] = now
                await asyncio.sleep(BETWEEN)
            await _settled_passes(site, found)
            found.by_hand = await _by_hand(cluster)
            return found


async def _settled_passes(site: ReleaseHarness, found: Hub) -> None:
    """Measure reconciles of the Ready hub without changes."""
    helm, processor, times = helm_processes(), time.process_time(), []
    for _ in range(QUIET_PASSES):
        began = time.monotonic()
        await site.once()
        times.append(1000 * (time.monotonic() - began))
    found.quiet_helm = int(helm_processes() - helm)
    found.pass_ms, found.pass_cpu_ms = median(times), 1000 * (time.process_time() - processor) / QUIET_PASSES


async def _by_hand(cluster: Cluster) -> float:
    """Return the seconds of `helm install --wait` of the same chart in a namespace of its own."""
    site = ReleaseHarness(cluster, cluster.helm(), f"{NAMESPACE}-by-hand", [])
    chart = next(cluster.charts.glob(f"jupyterhub-{HUB['chart']['version']}.tgz"))
    values = "hub.config.JupyterHub.authenticator_class=dummy"
    began = time.monotonic()
    process = await by_hand(
        site, "install", "jupyterhub", str(chart), "--create-namespace", "--wait", "--timeout", "120s", "--set", values
    )
    assert await process.wait() == 0, "helm install --wait failed"
    return time.monotonic() - began


async def _there(cluster: Cluster, site: ReleaseHarness) -> list[str]:
    """Return the marks that are reached by now."""
    marks = []
    if [status for _, status in await site.records()] == ["deployed"]:
        marks.append("helm is done")
    deployments = (await client.AppsV1Api(cluster.target.api).list_namespaced_deployment(NAMESPACE)).items
    ready = {one.metadata.name for one in deployments if one.status.ready_replicas}
    if {"hub", "proxy"} <= ready:
        marks.append("pods")
    services = (await cluster.core.list_namespaced_service(NAMESPACE, field_selector="metadata.name=proxy-public")).items
    if any(one.status.load_balancer.ingress for one in services):
        marks.append("address")
    return marks
