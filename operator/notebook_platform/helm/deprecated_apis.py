"""Kinds that Kubernetes no longer serves: since when, and what took their place. Pure data, and what a manifest holds of them.

https://kubernetes.io/docs/reference/using-api/deprecation-guide/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Version = tuple[int, int]
Kind = tuple[str, str]
"""(apiVersion, kind)"""


@dataclass(frozen=True)
class Removal:
    """`since`: the first minor version without it; `successor`: the apiVersion that serves the kind now, None if nothing does."""

    since: Version
    successor: str | None


_ROWS: tuple[tuple[int, str, str | None, str], ...] = (
    (16, "extensions/v1beta1", "apps/v1", "DaemonSet Deployment ReplicaSet"),
    (16, "extensions/v1beta1", "networking.k8s.io/v1", "NetworkPolicy"),
    (16, "extensions/v1beta1", None, "PodSecurityPolicy"),
    (16, "apps/v1beta1", "apps/v1", "Deployment StatefulSet"),
    (16, "apps/v1beta2", "apps/v1", "DaemonSet Deployment ReplicaSet StatefulSet"),
    (22, "extensions/v1beta1", "networking.k8s.io/v1", "Ingress"),
    (22, "networking.k8s.io/v1beta1", "networking.k8s.io/v1", "Ingress IngressClass"),
    (22, "scheduling.k8s.io/v1beta1", "scheduling.k8s.io/v1", "PriorityClass"),
    (22, "rbac.authorization.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1", "Role RoleBinding ClusterRole ClusterRoleBinding"),
    (22, "apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    (22, "apiregistration.k8s.io/v1beta1", "apiregistration.k8s.io/v1", "APIService"),
    (
        22,
        "admissionregistration.k8s.io/v1beta1",
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    (22, "coordination.k8s.io/v1beta1", "coordination.k8s.io/v1", "Lease"),
    (22, "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "CSIDriver CSINode StorageClass VolumeAttachment"),
    (25, "policy/v1beta1", "policy/v1", "PodDisruptionBudget"),
    (25, "policy/v1beta1", None, "PodSecurityPolicy"),
    (25, "batch/v1beta1", "batch/v1", "CronJob"),
    (25, "discovery.k8s.io/v1beta1", "discovery.k8s.io/v1", "EndpointSlice"),
    (25, "node.k8s.io/v1beta1", "node.k8s.io/v1", "RuntimeClass"),
    (25, "autoscaling/v2beta1", "autoscaling/v2", "HorizontalPodAutoscaler"),
    (26, "autoscaling/v2beta2", "autoscaling/v2", "HorizontalPodAutoscaler"),
    (26, "flowcontrol.apiserver.k8s.io/v1beta1", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema PriorityLevelConfiguration"),
    (27, "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "CSIStorageCapacity"),
    (29, "flowcontrol.apiserver.k8s.io/v1beta2", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema PriorityLevelConfiguration"),
    (32, "flowcontrol.apiserver.k8s.io/v1beta3", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema PriorityLevelConfiguration"),
)

REMOVED: Mapping[Kind, Removal] = {
    (version, kind): Removal((1, minor), successor) for minor, version, successor, kinds in _ROWS for kind in kinds.split()
}


def kind_of(thing: Mapping[str, Any]) -> Kind:
    """(apiVersion, kind) of an object."""
    return str(thing.get("apiVersion")), str(thing.get("kind"))


def ageing(things: Iterable[Mapping[str, Any]]) -> frozenset[Kind]:
    """The kinds of a manifest's objects that are gone from some version on."""
    return frozenset(kind for thing in things if (kind := kind_of(thing)) in REMOVED)


def lost(things: Iterable[Mapping[str, Any]], current: Version, wanted: Version) -> list[str]:
    """What a manifest holds that `current` still serves and `wanted` does not, as `PodDisruptionBudget (policy/v1beta1)`."""
    gone = sorted(kind for kind in ageing(things) if current < REMOVED[kind].since <= wanted)
    return [named(kind) for kind in gone]


def named(kind: Kind) -> str:
    """A kind in words."""
    version, name = kind
    return f"{name} ({version})"
