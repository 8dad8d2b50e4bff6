"""The alerts of hubs: expressions in PromQL over the metrics of the workload cluster, for Azure's managed Prometheus. Pure.

But for HubStartsFail, whose metric the hub itself serves, they use metrics that the metrics agent keeps by default (its minimal ingestion
profile), so that a platform without any configuration of the agent has them.
https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-default
"""

from collections.abc import Sequence
from dataclasses import dataclass

from notebook_platform.api.manual import SITE

MANUAL = f"{SITE}how-to/monitoring/#"
"""The public address of docs/how-to/monitoring.md."""

ERROR, WARNING = 1, 2
"""Severities of Azure, from 0 (critical) to 4 (verbose)."""

HUB = "HUB"
"""Stands in an expression for the namespaces of the hubs."""


@dataclass(frozen=True, kw_only=True)
class HubAlert:
    """One alert. `lasts`: how long the expression has to hold, in minutes. `summary` and `description` may use the labels of the result.
    What to do stands in the manual at `runbook`."""

    name: str
    severity: int
    expression: str
    lasts: int
    summary: str
    description: str

    @property
    def runbook(self) -> str:
        """Return the address of the alert's part of the manual. Anchors are the name in lower case."""
        return f"{MANUAL}{self.name.lower()}"

    def within(self, namespaces: Sequence[str]) -> str:
        """Return the expression for the hubs in these namespaces. Names of namespaces have no special characters of a pattern."""
        return self.expression.replace(HUB, f'namespace=~"{"|".join(namespaces)}"')


ALERTS: tuple[HubAlert, ...] = (
    HubAlert(
        name="HomeAlmostFull",
        severity=WARNING,
        expression="max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{HUB}) / "
        "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_capacity_bytes{HUB}) > 0.9",
        lasts=15,
        summary="The volume {{ $labels.persistentvolumeclaim }} is more than 90 % full",
        description="A full home prevents users from saving notebooks; a full database stops the hub. Volumes are measured while they are "
        "mounted.",
    ),
    HubAlert(
        name="HubRestarted",
        severity=ERROR,
        expression='sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{HUB,container="hub"}[30m])) > 0',
        lasts=0,
        summary="The hub {{ $labels.pod }} restarted in the last 30 minutes",
        description="Kubernetes started the container of the hub again: it ended with an error, used too much memory, or did not answer "
        "its probe. Servers of users continue; no user can sign in or start a server meanwhile.",
    ),
    HubAlert(
        name="HubStartsFail",
        severity=ERROR,
        expression="round(sum by (namespace) (increase("
        'jupyterhub_server_spawn_duration_seconds_count{HUB,status="failure"}[30m]))) >= 2',
        lasts=0,
        summary='{{ $value | printf "%.0f" }} servers of users failed to start in 30 minutes',
        description="The hub in the namespace {{ $labels.namespace }} gave up starting them. This metric is the hub's own: the alert needs "
        "a scrape of the hub.",
    ),
    HubAlert(
        name="HubPodPending",
        severity=WARNING,
        expression='max by (namespace, pod) (kube_pod_status_phase{HUB,phase="Pending",pod!~"user-placeholder-.*"}) > 0',
        lasts=30,
        summary="The pod {{ $labels.pod }} has been Pending for 30 minutes",
        description="No node, volume or image is available to it. Placeholders, which are Pending by design, are excluded.",
    ),
    HubAlert(
        name="HubNotScraped",
        severity=WARNING,
        expression='max by (namespace, pod) (up{HUB,pod=~"(hub|proxy|binder)-.*"}) == 0',
        lasts=15,
        summary="The metrics of {{ $labels.pod }} have been unavailable for 15 minutes",
        description="The pod does not answer, or rejects the scrape. Meanwhile alerts on the hub's own metrics are silent.",
    ),
)
"""In the order of the manual."""
