"""Diagnosis of a pod: one table of checks in order; the first that matches gives the cause and the remedy."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.helm.health.snapshot import HealthSnapshot

SELECTED_NODE = "volume.kubernetes.io/selected-node"
PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"})
CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
OTHER_ZONE = ("volume node affinity conflict", "didn't match PersistentVolume's node affinity")
"""The scheduler's messages for a disk that no node can reach, of older and of newer Kubernetes."""

UNBOUND = "unbound immediate PersistentVolumeClaims"
"""The scheduler's words for a pod that waits for its disk."""

PROVISIONING = timedelta(seconds=30)
"""How long a new claim may wait for its disk before that is an issue: Azure creates one in 5 to 20 seconds."""

STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})


@dataclass(frozen=True)
class Check:
    """`why` returns the sentence if the check matches; `remedy` is the action. A smaller `weight` is worse."""

    reason: AnyReason
    weight: int
    why: Callable[[Any, HealthSnapshot], str | None]
    remedy: str


def diagnose(pod: Any, snapshot: HealthSnapshot) -> tuple[Check, str] | None:
    """Return the first matching check and its sentence; None: the pod works, or its state is not known yet."""
    for check in CHECKS:
        if cause := check.why(pod, snapshot):
            return check, f"{cause}: {check.remedy}"
    return None


def _containers(pod: Any) -> list[Any]:
    return [*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())]


def _waiting(pod: Any) -> Iterator[tuple[Any, Any]]:
    for status in _containers(pod):
        if status.state and status.state.waiting:
            yield status, status.state.waiting


def _image(pod: Any, snapshot: HealthSnapshot) -> str | None:
    for status, waiting in _waiting(pod):
        if waiting.reason in PULL_REASONS:
            node = f" on node {pod.spec.node_name}" if pod.spec.node_name else ""
            return f"the image {status.image} of pod {pod.metadata.name} cannot be pulled{node} ({waiting.reason})"
    return None


def _unbound(pod: Any, snapshot: HealthSnapshot) -> str | None:
    for volume in pod.spec.volumes or ():
        if volume.persistent_volume_claim is None:
            continue
        name = volume.persistent_volume_claim.claim_name
        claim = snapshot.claims.get(name)
        if claim is None:
            return f"the volume claim {name} does not exist"
        if claim.status.phase == "Bound":
            continue
        class_name = claim.spec.storage_class_name
        chosen = snapshot.classes.get(class_name)
        if class_name is None:
            return f"the volume claim {name} is not bound (it names no storage class, and the cluster has no default one)"
        if chosen is None:
            return f"the volume claim {name} is not bound (there is no storage class {class_name})"
        at_once = chosen.volume_binding_mode != "WaitForFirstConsumer" or SELECTED_NODE in (claim.metadata.annotations or {})
        if at_once:
            event = snapshot.latest_warning("PersistentVolumeClaim", name, "ProvisioningFailed")
            if not event and snapshot.now - claim.metadata.creation_timestamp < PROVISIONING:
                continue
            return f"the volume claim {name} is not bound (storage class {class_name}){f': {event}' if event else ''}"
    return None


def _unattached(pod: Any, snapshot: HealthSnapshot) -> str | None:
    if pod.status.phase != "Pending":
        return None
    event = snapshot.latest_warning("Pod", pod.metadata.name, "FailedAttachVolume", "FailedMount", "FailedMapVolume")
    if event:
        return f"a volume of pod {pod.metadata.name} cannot be used on node {pod.spec.node_name} ({event})"
    unscheduled = _unscheduled(pod) or ""
    if any(words in unscheduled for words in OTHER_ZONE):
        return f"the disk of pod {pod.metadata.name} lies in another zone than the nodes that have room ({unscheduled})"
    return None


def _unscheduled(pod: Any) -> str | None:
    """Return the scheduler's message; None for a pod whose claims are not bound yet, which is `_unbound`'s."""
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            message = str(condition.message or condition.reason)
            return None if UNBOUND in message else message
    return None


def _no_such_node(pod: Any, snapshot: HealthSnapshot) -> str | None:
    if _unscheduled(pod) is None:
        return None
    for key, values in _asked_labels(pod):
        if not any((node.metadata.labels or {}).get(key) in values for node in snapshot.nodes):
            label = f"{key}={values[0]}" if len(values) == 1 else f"{key} of {', '.join(values)}"
            return f"no node has the label {label} that pod {pod.metadata.name} requires"
    return None


def _asked_labels(pod: Any) -> Iterator[tuple[str, list[str]]]:
    """Return the labels that a node must have: a selector, or the only term of a required affinity."""
    for key, value in (pod.spec.node_selector or {}).items():
        yield key, [value]
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    terms = required.node_selector_terms if required else []
    if len(terms) == 1:
        for wanted in terms[0].match_expressions or ():
            if wanted.operator == "In":
                yield wanted.key, list(wanted.values)


def _no_room(pod: Any, snapshot: HealthSnapshot) -> str | None:
    lacking = re.findall(r"Insufficient ([\w/-]+(?:[.][\w/-]+)*)", _unscheduled(pod) or "")
    if not lacking:
        return None
    names = sorted(set(lacking))
    asked = [c.resources.requests or {} for c in pod.spec.containers if c.resources]
    amounts = [f"{name} ({', '.join(r[name] for r in asked if name in r)})" for name in names]
    return f"no node has enough {' and '.join(amounts)} left for pod {pod.metadata.name}"


def _tainted(pod: Any, snapshot: HealthSnapshot) -> str | None:
    answer = re.search(r"untolerated taint(?:\(s\))?(?: ?\{([^}:]+))?", _unscheduled(pod) or "")
    if answer is None:
        return None
    return f"pod {pod.metadata.name} does not tolerate {f'the taint {answer.group(1)}' if answer.group(1) else 'the taints'} of the nodes"


def _unschedulable(pod: Any, snapshot: HealthSnapshot) -> str | None:
    answer = _unscheduled(pod)
    return f"pod {pod.metadata.name} cannot be scheduled ({answer.rstrip('.')})" if answer else None


def _misconfigured(pod: Any, snapshot: HealthSnapshot) -> str | None:
    for status, waiting in _waiting(pod):
        if waiting.reason in CONFIG_REASONS:
            answer = f" ({waiting.message})" if waiting.message else ""
            return f"container {status.name} of pod {pod.metadata.name} cannot be created{answer}"
    return None


def _killed(pod: Any, snapshot: HealthSnapshot) -> str | None:
    for status in _containers(pod):
        ended = status.last_state.terminated if status.last_state else None
        if ended and ended.reason == "OOMKilled" and not status.ready:
            return (
                f"container {status.name} of pod {pod.metadata.name} exceeded its memory limit ({status.restart_count} restarts)"
            )
    return None


def _crashing(pod: Any, snapshot: HealthSnapshot) -> str | None:
    for status, waiting in _waiting(pod):
        if waiting.reason == "CrashLoopBackOff":
            ended = status.last_state.terminated if status.last_state else None
            code = f", last with exit code {ended.exit_code}" if ended else ""
            return f"container {status.name} of pod {pod.metadata.name} keeps crashing ({status.restart_count} restarts{code})"
    return None


def _waits(pod: Any, snapshot: HealthSnapshot) -> str | None:
    for status, waiting in _waiting(pod):
        if (waiting.reason or "") not in STARTING:
            return f"container {status.name} of pod {pod.metadata.name} waits ({waiting.reason})"
    return None


def _unready(pod: Any, snapshot: HealthSnapshot) -> str | None:
    event = snapshot.latest_warning("Pod", pod.metadata.name, "Unhealthy")
    for status in pod.status.container_statuses or ():
        if status.state and status.state.running and not status.ready and event:
            return f"container {status.name} of pod {pod.metadata.name} runs but is not ready ({event})"
    return None


CHECKS = (
    Check(Reason.VOLUME_NOT_BOUND, 2, _unbound, "choose an existing storage class, or check the claim's events"),
    Check(
        Reason.STORAGE_UNAVAILABLE, 2, _unattached, "check whether the disk is attached to another node, or lies in another zone"
    ),
    Check(
        Reason.NO_NODE_WITH_LABEL,
        1,
        _no_such_node,
        "add this label to a pool (spec.nodePools[].nodeLabels), or remove the selector",
    ),
    Check(
        Reason.INSUFFICIENT_RESOURCES, 1, _no_room, "add nodes or choose a larger size (spec.nodePools), or lower the requests"
    ),
    Check(Reason.TAINT_NOT_TOLERATED, 1, _tainted, "add a pool without this taint, or a toleration"),
    Check(Reason.UNSCHEDULABLE, 1, _unschedulable, "check spec.nodePools"),
    Check(Reason.IMAGE_PULL_FAILED, 0, _image, "correct its name, or allow the cluster's nodes to pull from that registry"),
    Check(Reason.CONTAINER_CONFIG_ERROR, 0, _misconfigured, "create what the container refers to"),
    Check(Reason.OUT_OF_MEMORY, 0, _killed, "raise its limit"),
    Check(Reason.CRASH_LOOPING, 0, _crashing, "read its log"),
    Check(Reason.CONTAINER_WAITING, 3, _waits, "read the pod's events"),
    Check(Reason.PROBE_FAILING, 4, _unready, "read its log"),
)
"""Reason, weight, the test for the cause, and the remedy."""
