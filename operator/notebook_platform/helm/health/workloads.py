"""Health of the workloads of a release, and the causes: read from its own objects, not from a timeout."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.helm.health.pods import diagnose
from notebook_platform.helm.health.snapshot import HealthSnapshot, take_snapshot
from notebook_platform.helm.release import Release

NOT_READY = 5
"""Weight of what is only not ready yet."""


@dataclass(frozen=True)
class Kind:
    """A kind of workload: how to list a namespace's, and what one lacks (None: nothing)."""

    listing: Callable[[client.ApiClient, str], Any]
    lack: Callable[[Any], str | None]


def _of_new_version(found: Any, replicas: int, updated: int) -> str | None:
    seen = (found.status.observed_generation or 0) >= found.metadata.generation
    return None if seen and updated >= replicas else f"{updated} of {replicas} pods are of the new version"


def _deployment(found: Any) -> str | None:
    replicas, ready = found.spec.replicas, found.status.ready_replicas or 0
    late = _of_new_version(found, replicas, found.status.updated_replicas or 0)
    return late or (f"{ready} of {replicas} pods are ready" if ready < replicas else None)


def _daemon_set(found: Any) -> str | None:
    """Return what a DaemonSet lacks. Nodes come and go, so a late pod alone is no issue (see `troubles_of`)."""
    wanted, ready = found.status.desired_number_scheduled or 0, found.status.number_ready or 0
    return f"{ready} of {wanted} pods are ready" if ready < wanted else None


KINDS: Mapping[str, Kind] = {
    "Deployment": Kind(lambda api, ns: client.AppsV1Api(api).list_namespaced_deployment(ns), _deployment),
    "StatefulSet": Kind(lambda api, ns: client.AppsV1Api(api).list_namespaced_stateful_set(ns), _deployment),
    "DaemonSet": Kind(lambda api, ns: client.AppsV1Api(api).list_namespaced_daemon_set(ns), _daemon_set),
}


async def health_issues(
    api: client.ApiClient, release: Release, *, passed_by: frozenset[str] = frozenset()
) -> tuple[HealthIssue, ...]:
    """Return the issues, worst first. `passed_by` names workloads that may be incomplete."""
    found: list[HealthIssue] = []
    manifests = [manifest for manifest in release.objects() if manifest["metadata"]["name"] not in passed_by]
    for namespace in sorted({_namespace(manifest, release) for manifest in manifests}):
        here = [manifest for manifest in manifests if _namespace(manifest, release) == namespace]
        found += await _of_workloads(api, namespace, [manifest for manifest in here if manifest["kind"] in KINDS])
        found += await _of_services(api, namespace, {t["metadata"]["name"] for t in here if _is_load_balancer(t)})
    return tuple(sorted(found))


def _namespace(manifest: Mapping[str, Any], release: Release) -> str:
    return manifest["metadata"].get("namespace") or release.namespace


def _is_load_balancer(manifest: Mapping[str, Any]) -> bool:
    return manifest["kind"] == "Service" and (manifest.get("spec") or {}).get("type") == "LoadBalancer"


async def _of_workloads(api: client.ApiClient, namespace: str, manifests: Sequence[Mapping[str, Any]]) -> list[HealthIssue]:
    kinds = sorted({manifest["kind"] for manifest in manifests})
    listed = await asyncio.gather(*(KINDS[kind].listing(api, namespace) for kind in kinds))
    existing = {(kind, one.metadata.name): one for kind, found in zip(kinds, listed, strict=True) for one in found.items}
    gone = [manifest for manifest in manifests if (manifest["kind"], manifest["metadata"]["name"]) not in existing]
    found = [HealthIssue(0, Reason.WORKLOAD_GONE, f"{t['kind']} {t['metadata']['name']} does not exist") for t in gone]
    lacking = [(kind, one, lack) for (kind, _), one in _named(manifests, existing) if (lack := KINDS[kind].lack(one))]
    if not lacking:
        return found
    snapshot = await take_snapshot(api, namespace)
    return found + [issue for kind, one, lack in lacking for issue in issues_of(kind, one, lack, snapshot)]


def _named(
    manifests: Iterable[Mapping[str, Any]], existing: Mapping[tuple[str, str], Any]
) -> Iterable[tuple[tuple[str, str], Any]]:
    keys = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    return [(key, existing[key]) for key in keys if key in existing]


def issues_of(kind: str, workload: Any, lack: str, snapshot: HealthSnapshot) -> list[HealthIssue]:
    """Return why a workload lacks pods; the lack itself when no cause is known."""
    name = workload.metadata.name
    diagnosed = [d for pod in snapshot.pods_of(workload.spec.selector.match_labels) if (d := diagnose(pod, snapshot))]
    if diagnosed:
        check, why = min(diagnosed, key=lambda pair: pair[0].weight)
        return [HealthIssue(check.weight, check.reason, f"{kind} {name}: {why}")]
    if refused := _refused(kind, workload, snapshot):
        return [HealthIssue(0, Reason.PODS_REFUSED, f"{kind} {name}: its pods are rejected: {refused}")]
    return [] if kind == "DaemonSet" else [HealthIssue(NOT_READY, Reason.PROGRESSING, f"{kind} {name}: {lack}")]


def _refused(kind: str, workload: Any, snapshot: HealthSnapshot) -> str:
    """Return why the pods cannot be created: quota, Pod Security, or a missing ServiceAccount."""
    for condition in workload.status.conditions or ():
        if condition.type == "ReplicaFailure" and condition.status == "True":
            return str(condition.message).rstrip(".")
    return snapshot.latest_warning(kind, workload.metadata.name, "FailedCreate")


ABOUT_ADDRESSES = "LoadBalancer"
"""Part of the reasons of the service controller's Events (SyncLoadBalancerFailed, UpdateLoadBalancerFailed). The API server's own, such
as ClusterIPNotAllocated, are transient. https://github.com/kubernetes/cloud-provider/blob/master/controllers/service/controller.go"""


async def _of_services(api: client.ApiClient, namespace: str, names: set[str]) -> list[HealthIssue]:
    """Return the issues of Services that have no address yet."""
    if not names:
        return []
    core = client.CoreV1Api(api)
    found: list[HealthIssue] = []
    for service in (await core.list_namespaced_service(namespace)).items:
        name = service.metadata.name
        if name not in names or service.spec.type != "LoadBalancer" or service.status.load_balancer.ingress:
            continue
        selector = f"involvedObject.kind=Service,involvedObject.name={name},type=Warning"
        events = (await core.list_namespaced_event(namespace, field_selector=selector)).items
        warnings = [event for event in events if ABOUT_ADDRESSES in (event.reason or "")]
        found.append(_without_address(service, str(warnings[-1].message) if warnings else ""))
    return found


def _without_address(service: Any, warning: str) -> HealthIssue:
    name, since = service.metadata.name, service.metadata.creation_timestamp.strftime("%Y-%m-%d %H:%M UTC")
    if not warning:
        return HealthIssue(
            NOT_READY, Reason.ADDRESS_PENDING, f"Service {name} has been waiting for an address from Azure since {since}"
        )
    for code, remedy in ADDRESS_CODES.items():
        if code in warning:
            return HealthIssue(1, Reason.ADDRESS_FAILED, f"Service {name} has had no address since {since}: {code}: {remedy}")
    return HealthIssue(
        1, Reason.ADDRESS_FAILED, f"Service {name} has had no address since {since}: {warning.strip().rstrip('.')}"
    )


ADDRESS_CODES: Mapping[str, str] = {
    "DnsRecordInUse": "the DNS label is taken in this region; choose another",
    "PublicIPCountLimitReached": "the subscription's quota of public addresses is used up; request more, or release one",
    "AuthorizationFailed": "the cluster's identity may not use that address; assign it Network Contributor on the address's resource group",
    "PublicIPAddressInUse": "that address is in use; choose another",
}
"""What Azure's codes in a Service's events mean (https://learn.microsoft.com/azure/aks/static-ip)."""
