"""Corrections in Helm's own book, the Secret of a revision, where Helm would stumble over what stands there."""

from collections.abc import Callable, Mapping
from typing import Any

import yaml
from kubernetes.aio import client

from notebook_platform.helm.live import live
from notebook_platform.helm.release import Release, packed, unpacked

Thing = dict[str, Any]

SUCCESSORS: Mapping[tuple[str, str], str] = {
    ("policy/v1beta1", "PodDisruptionBudget"): "policy/v1",
    ("extensions/v1beta1", "Ingress"): "networking.k8s.io/v1",
    ("networking.k8s.io/v1beta1", "Ingress"): "networking.k8s.io/v1",
    ("networking.k8s.io/v1beta1", "IngressClass"): "networking.k8s.io/v1",
    ("extensions/v1beta1", "NetworkPolicy"): "networking.k8s.io/v1",
    ("extensions/v1beta1", "Deployment"): "apps/v1",
    ("extensions/v1beta1", "DaemonSet"): "apps/v1",
    ("apps/v1beta1", "Deployment"): "apps/v1",
    ("apps/v1beta2", "Deployment"): "apps/v1",
    ("apps/v1beta1", "StatefulSet"): "apps/v1",
    ("apps/v1beta2", "StatefulSet"): "apps/v1",
    ("apps/v1beta2", "DaemonSet"): "apps/v1",
    ("batch/v1beta1", "CronJob"): "batch/v1",
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): "autoscaling/v2",
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): "autoscaling/v2",
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): "scheduling.k8s.io/v1",
    ("rbac.authorization.k8s.io/v1beta1", "Role"): "rbac.authorization.k8s.io/v1",
    ("rbac.authorization.k8s.io/v1beta1", "RoleBinding"): "rbac.authorization.k8s.io/v1",
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRole"): "rbac.authorization.k8s.io/v1",
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding"): "rbac.authorization.k8s.io/v1",
}
"""Where kinds went that Kubernetes no longer serves (https://kubernetes.io/docs/reference/using-api/deprecation-guide/)."""

GONE = frozenset({("policy/v1beta1", "PodSecurityPolicy")})
"""Kinds that went with nothing in their place."""


def claims(release: Release) -> dict[tuple[str, str], Thing]:
    """The volume claims of its manifest by (namespace, name)."""
    return {
        (thing["metadata"].get("namespace") or release.namespace, thing["metadata"]["name"]): thing
        for thing in release.objects()
        if thing.get("kind") == "PersistentVolumeClaim"
    }


async def remember(api: client.ApiClient, bad: Release, good: Release) -> None:
    """Write the volume claims that `bad` dropped and we kept into its manifest.

    A rollback to `good` would otherwise take them for something foreign, and try to unbind them, which the API server refuses.
    """
    dropped = [claim for place, claim in claims(good).items() if place not in claims(bad)]
    if dropped:
        await _write(api, bad, lambda things: [*things, *dropped])


async def renew(api: client.ApiClient, release: Release) -> None:
    """Write the successors of API versions that the server no longer serves into a manifest.

    Helm reads the manifest of the revision before when it upgrades, and refuses when it names a kind that is gone: a cluster that
    was upgraded under a running release could never be upgraded again. https://helm.sh/docs/topics/kubernetes_apis/
    """
    old = {pair for thing in release.objects() if (pair := (thing["apiVersion"], thing["kind"])) in SUCCESSORS or pair in GONE}
    if not old:
        return
    async with live(api, release.namespace) as objects:
        unserved = {
            pair
            for pair in old
            if await objects.place({"apiVersion": pair[0], "kind": pair[1], "metadata": {"name": "any"}}) is None
        }
    if unserved:
        await _write(api, release, lambda things: [new for thing in things if (new := _renewed(thing, unserved))])


def _renewed(thing: Thing, unserved: set[tuple[str, str]]) -> Thing | None:
    pair = (thing["apiVersion"], thing["kind"])
    if pair not in unserved:
        return thing
    return {**thing, "apiVersion": SUCCESSORS[pair]} if pair in SUCCESSORS else None


async def _write(api: client.ApiClient, release: Release, change: Callable[[list[Thing]], list[Thing]]) -> None:
    core = client.CoreV1Api(api)
    secret = await core.read_namespaced_secret(release.secret_name, release.namespace)
    document = unpacked(secret.data["release"])
    document["manifest"] = yaml.safe_dump_all(change(release.objects()), explicit_start=True, sort_keys=False)
    patch = {"metadata": {"resourceVersion": secret.metadata.resource_version}, "data": {"release": packed(document)}}
    await core.patch_namespaced_secret(
        release.secret_name, release.namespace, patch, _content_type="application/merge-patch+json"
    )
