"""Deprecated APIs: the kinds that Kubernetes no longer serves, since when, and their successors.

Two things depend on them. An upgrade of Kubernetes waits while a release in the cluster holds a kind that the new version does not serve
(`removed_apis_in_use`). And Helm reads the manifest of the previous revision when it upgrades and refuses one that names a removed kind, so
the operator writes the successors into it first (`renew`).

https://kubernetes.io/docs/reference/using-api/deprecation-guide/
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client

from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.ledger import ReleaseLedger
from notebook_platform.helm.object_client import Live
from notebook_platform.helm.release import Release
from notebook_platform.helm.storage import Manifest, releases, rewrite_manifest
from notebook_platform.versions import minor

Version = tuple[int, int]
Kind = tuple[str, str]
"""(apiVersion, kind)"""


@dataclass(frozen=True)
class Removal:
    """A removed API. `since`: the first minor version without it; `successor`: the apiVersion that serves the kind now, None if
    none does."""

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
    (version, kind): Removal((1, since), successor) for since, version, successor, kinds in _ROWS for kind in kinds.split()
}


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """Return (apiVersion, kind) of an object."""
    return str(manifest.get("apiVersion")), str(manifest.get("kind"))


def ageing(manifests: Iterable[Mapping[str, Any]]) -> frozenset[Kind]:
    """Return the kinds of a manifest's objects that some version of Kubernetes no longer serves."""
    return frozenset(kind for manifest in manifests if (kind := kind_of(manifest)) in REMOVED)


def removed_kinds(manifests: Iterable[Mapping[str, Any]], current: Version, wanted: Version) -> list[str]:
    """Return the kinds in a manifest that `current` still serves and `wanted` does not, as `PodDisruptionBudget (policy/v1beta1)`."""
    removed = sorted(kind for kind in ageing(manifests) if current < REMOVED[kind].since <= wanted)
    return [named(kind) for kind in removed]


def named(kind: Kind) -> str:
    """Return a kind in words."""
    version, name = kind
    return f"{name} ({version})"


async def removed_apis_in_use(api: client.ApiClient, current: str, wanted: str) -> str | None:
    """Return the releases, of any owner, that hold kinds which the Kubernetes version `wanted` no longer serves, as a clause.

    None: there are none, or the cluster does not answer: the upgrade may be what repairs it.
    """
    try:
        found = await releases(api)
    except StepError:
        return None
    return removed_apis_clause([one for revisions in found for one in revisions], minor(current), minor(wanted))


def removed_apis_clause(found: Iterable[Release], current: Version, wanted: Version) -> str | None:
    """Return the clause for some releases; None: they hold no such kind. Pure."""
    clauses = [
        f"release {one.name} in namespace {one.namespace} ({one.chart}-{one.chart_version}) has {', '.join(kinds)}"
        for one in found
        if (kinds := removed_kinds(one.objects(), current, wanted))
    ]
    return f"{'; '.join(clauses)}, which it no longer serves" if clauses else None


async def unserved_kinds(api: client.ApiClient, release: Release) -> frozenset[Kind]:
    """Return the kinds in a manifest that the API server no longer serves. Raises ApiException."""
    suspects = ageing(release.objects())
    if not suspects:
        return frozenset()
    objects = Live(api, release.namespace)
    manifests = {kind: {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": "any"}} for kind in suspects}
    return frozenset([kind for kind, manifest in manifests.items() if await objects.place(manifest) is None])


async def renew(api: client.ApiClient, ledger: ReleaseLedger, release: Release) -> None:
    """Replace the API versions that the API server no longer serves in the manifest of a release.

    Without this a release could never be upgraded again after its cluster was. https://helm.sh/docs/topics/kubernetes_apis/
    """
    if unserved := await unserved_kinds(api, release):
        await rewrite_manifest(
            api, ledger, release, lambda manifests: [new for manifest in manifests if (new := _renewed(manifest, unserved))]
        )


def _renewed(manifest: Manifest, unserved: Collection[Kind]) -> Manifest | None:
    if (kind := kind_of(manifest)) not in unserved:
        return manifest
    successor = REMOVED[kind].successor
    return {**manifest, "apiVersion": successor} if successor else None
