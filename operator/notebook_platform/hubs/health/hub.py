"""Health of a hub beyond its workloads: its endpoint, its certificate, its schedulers, and the images that it pulls beforehand.

Rules of the z2jh chart's workloads: placeholders wait by design, the continuous image puller follows the autoscaler, and the
hub is replaced, not rolled (its available replicas are 0 for a moment in every upgrade).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.step import Notice
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.helm.health.pods import diagnose
from notebook_platform.helm.health.snapshot import take_snapshot
from notebook_platform.helm.health.workloads import health_issues
from notebook_platform.helm.release import Release
from notebook_platform.hubs.health import crash_log, endpoint
from notebook_platform.hubs.health.endpoint import FRONT_DOOR
from notebook_platform.kube.existing import existing
from notebook_platform.paths import at
from notebook_platform.workload.paging import whole

BY_DESIGN = frozenset({"user-placeholder", "continuous-image-puller", "hook-image-puller"})
"""Workloads that need not be complete."""

PULLER = "hook-image-puller"
SERVERS = "component=singleuser-server"
UNSCHEDULED = timedelta(minutes=2)
"""Age at which a user's pod without any scheduling result shows that its scheduler does not run."""


@dataclass(frozen=True)
class Health:
    """`issues` are, worst first; `address` is the endpoint's, when it has one; `notices` are further observations."""

    issues: tuple[HealthIssue, ...] = ()
    address: str | None = None
    notices: tuple[Notice, ...] = ()


async def read_health(api: client.ApiClient, release: Release, field: str) -> Health:
    """Observe the workloads, the endpoint and what only a hub has. `field` is the part of the spec."""
    found = [*await health_issues(api, release, passed_by=BY_DESIGN)]
    if any(issue.reason == Reason.CRASH_LOOPING and "Deployment hub:" in issue.message for issue in found):
        sign = await crash_log.crash_cause(api, release.namespace)
        found += [sign] if sign else []
    names = {(thing["kind"], thing["metadata"]["name"]) for thing in release.objects()}
    core = client.CoreV1Api(api)
    servers = await whole(core.list_namespaced_pod, release.namespace, label_selector=SERVERS)
    found += unscheduled(servers, datetime.now(UTC))
    address = await address_of(core, release.namespace) if ("Service", FRONT_DOOR) in names else None
    values = at(release.config, "jupyterhub") or release.config  # a binder's hub is a chart in the chart
    endpoint_health = await endpoint.read_health(api, release.namespace, values, address, field)
    return Health(tuple(sorted([*found, *endpoint_health.issues])), address, endpoint_health.notices)


def unscheduled(pods: list[Any], now: datetime) -> Iterator[HealthIssue]:
    """Yield users' pods that their scheduler ignores: it does not run, or is too old for this Kubernetes. Pure."""
    oldest = now - UNSCHEDULED
    for pod in pods:
        scheduled = any(condition.type == "PodScheduled" for condition in pod.status.conditions or ())
        if not scheduled and not pod.spec.node_name and pod.metadata.creation_timestamp < oldest:
            yield HealthIssue(
                1,
                Reason.SCHEDULER_NOT_RUNNING,
                f"users' pods wait for the scheduler {pod.spec.scheduler_name}, which schedules none of them: check the pods of "
                "Deployment user-scheduler, or disable it (scheduling.userScheduler.enabled: false)",
            )
            return


async def address_of(core: "client.CoreV1Api", namespace: str) -> str | None:
    """Return the address of the Service that users connect to."""
    service = await existing(core.read_namespaced_service(FRONT_DOOR, namespace))
    if service is None:
        return None
    for ingress in service.status.load_balancer.ingress or () if service.spec.type == "LoadBalancer" else ():
        return str(ingress.ip or ingress.hostname)
    return None


async def pulling(api: client.ApiClient, namespace: str) -> str | None:
    """Return the progress of the images that an install or upgrade pulls on all nodes first; None: it pulls none."""
    puller = await existing(client.AppsV1Api(api).read_namespaced_daemon_set(PULLER, namespace))
    if puller is None:
        return None
    wanted, ready = puller.status.desired_number_scheduled or 0, puller.status.number_ready or 0
    text = f"pulling the images: finished on {ready} of {wanted} nodes"
    if ready == wanted:
        return text
    snapshot = await take_snapshot(api, namespace)
    selector: Mapping[str, str] = puller.spec.selector.match_labels
    blocked = [why for pod in snapshot.pods_of(selector) if (found := diagnose(pod, snapshot)) for why in [found[1]]]
    return f"{text}; {blocked[0]}" if blocked else text
