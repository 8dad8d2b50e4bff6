"""The duration of an install, from a settled cluster to a Ready hub, by phase. Helm and the control plane are real; pods and
addresses are simulated."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from kubernetes.aio import client
from notebook_platform.engine.outcome import Unblocking
from notebook_platform.observability.metrics import HELM_RUNS

from tests.integration.releases.site import Cluster, Site, cluster_of

NAMESPACE = "jhub"
HUB = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True, "allowAll": True}}}
BETWEEN, LONGEST = 0.1, 120.0
"""Seconds between two reconciles, and the limit until it must be Ready."""

QUIET_PASSES = 5


@dataclass
class Hub:
    """Seconds from the first reconcile until Helm starts, until it ends, until hub and proxy have their pods, until the proxy's
    Service has its address, until the hub is Ready. `quiet_helm`: Helm processes in reconciles without changes."""

    marks: dict[str, float] = field(default_factory=dict)
    quiet_helm: int = 0

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
            site = Site(cluster, cluster.helm(), NAMESPACE, [], hub=HUB)
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
            before = helm_processes()
            for _ in range(QUIET_PASSES):
                await site.once()
            found.quiet_helm = int(helm_processes() - before)
            return found


async def _there(cluster: Cluster, site: Site) -> list[str]:
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
