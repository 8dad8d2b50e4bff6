"""Whether a release works, and in one sentence why not: from its own objects, not from a time-out.

Rules of the z2jh chart's workloads: placeholders wait by design, the continuous image puller follows the autoscaler, and the
hub is replaced, not rolled (its available replicas are 0 for a moment in every upgrade).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.helm.release import Release

BY_DESIGN = frozenset({"user-placeholder", "continuous-image-puller", "hook-image-puller"})
"""Workloads that need not be complete."""

FRONT_DOOR = "proxy-public"


@dataclass(frozen=True)
class Health:
    """`problems` are sentences, worst first; `address` is the front door's, when it has one."""

    problems: tuple[str, ...] = ()
    address: str | None = None


async def look(api: client.ApiClient, release: Release) -> Health:
    """Look at every workload and the front door of a release. Two or three list calls, whatever the chart."""
    apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
    namespace = release.namespace
    deployments = {d.metadata.name: d for d in (await apps.list_namespaced_deployment(namespace)).items}
    sets = {s.metadata.name: s for s in (await apps.list_namespaced_stateful_set(namespace)).items}
    problems, address = [], None
    for thing in release.objects():
        kind, name = thing.get("kind"), thing["metadata"]["name"]
        if name in BY_DESIGN:
            continue
        if kind == "Deployment" and (lack := _lack(deployments.get(name), thing)):
            problems.append(f"{kind} {name}: {await _why(core, namespace, thing) or lack}")
        if kind == "StatefulSet" and (lack := _lack(sets.get(name), thing)):
            problems.append(f"{kind} {name}: {await _why(core, namespace, thing) or lack}")
        if kind == "Service" and name == FRONT_DOOR:
            address, problem = await _front_door(core, namespace, name)
            problems += [problem] if problem else []
    return Health(tuple(problems), address)


def _lack(found: Any, wanted: Mapping[str, Any]) -> str | None:
    if found is None:
        return "it is not there"
    replicas = wanted["spec"].get("replicas", 1)
    ready = found.status.ready_replicas or 0
    updated = getattr(found.status, "updated_replicas", None) or 0
    if (found.status.observed_generation or 0) < found.metadata.generation or updated < replicas:
        return f"{updated} of {replicas} pods are of the new version"
    return f"{ready} of {replicas} pods are ready" if ready < replicas else None


async def _why(core: client.CoreV1Api, namespace: str, workload: Mapping[str, Any]) -> str | None:
    labels = workload["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = (await core.list_namespaced_pod(namespace, label_selector=selector)).items
    for reason in map(_of_pod, pods):
        if reason is None:
            continue
        if "unbound" in reason and (claim := await _of_claims(core, namespace, pods)):
            return claim
        return reason
    return None


def _of_pod(pod: Any) -> str | None:
    """Why a pod is not ready, in one sentence; None: it is, or nothing is known yet."""
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"pod {pod.metadata.name} cannot be scheduled: {condition.message or condition.reason}"
    for status in [*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())]:
        waiting = status.state.waiting if status.state else None
        if waiting and waiting.reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName"):
            return f"the image {status.image} of pod {pod.metadata.name} cannot be pulled ({waiting.reason})"
        if waiting and waiting.reason == "CrashLoopBackOff":
            return f"container {status.name} of pod {pod.metadata.name} keeps crashing ({status.restart_count} restarts)"
        if waiting and waiting.reason not in ("ContainerCreating", "PodInitializing"):
            return f"container {status.name} of pod {pod.metadata.name} waits: {waiting.reason}"
    return None


async def _of_claims(core: client.CoreV1Api, namespace: str, pods: Sequence[Any]) -> str | None:
    names = {v.persistent_volume_claim.claim_name for p in pods for v in p.spec.volumes or () if v.persistent_volume_claim}
    for name in sorted(names):
        try:
            claim = await core.read_namespaced_persistent_volume_claim(name, namespace)
        except ApiException:
            return f"the volume claim {name} does not exist"
        if claim.status.phase != "Bound":
            return f"the volume claim {name} is not bound (storage class {claim.spec.storage_class_name})"
    return None


async def _front_door(core: client.CoreV1Api, namespace: str, name: str) -> tuple[str | None, str | None]:
    """(address, problem) of the Service people come in by."""
    try:
        service = await core.read_namespaced_service(name, namespace)
    except ApiException as error:
        return None, f"Service {name} is not there ({error.status})"
    if service.spec.type != "LoadBalancer":
        return None, None
    for ingress in service.status.load_balancer.ingress or ():
        return str(ingress.ip or ingress.hostname), None
    since = datetime.now(UTC) - service.metadata.creation_timestamp
    told = await core.list_namespaced_event(namespace, field_selector=f"involvedObject.name={name},type=Warning")
    words = f": {told.items[-1].message}" if told.items else ""
    minutes = int(since.total_seconds() // 60)
    waited = f" for {minutes} min" if minutes else ""
    return None, f"Service {name} waits for an address from Azure{waited}{words}"


def sentence(problems: Iterable[str]) -> str:
    """All problems in one sentence."""
    return "; ".join(problems)
