"""Drain the nodes of an agent pool: cordon them and evict their pods, within PodDisruptionBudgets.

Each call acts once and does not wait; the node pool step repeats it until the nodes are empty.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.bounded.unanswered import why
from notebook_platform.engine import StepError
from notebook_platform.workload.client import TIMEOUT_SECONDS
from notebook_platform.workload.paging import each

POOL_LABEL = "kubernetes.azure.com/agentpool"
MIRROR = "kubernetes.io/config.mirror"
SHOWN = 3

Pod = Mapping[str, Any]


async def drain(api: client.ApiClient, pool: str) -> str | None:
    """Cordon the pool's nodes and evict their pods. Returns None once no pod has to move, else what is left, as a clause.

    Raises StepError (ClusterUnreachable).
    """
    core = client.CoreV1Api(api)
    try:
        selector, listing = f"{POOL_LABEL}={pool}", core.list_node_without_preload_content
        nodes = [node async for node in each(listing, label_selector=selector, _request_timeout=TIMEOUT_SECONDS)]
        for node in nodes:
            if not (node.get("spec") or {}).get("unschedulable"):
                await core.patch_node(
                    node["metadata"]["name"], {"spec": {"unschedulable": True}}, _content_type="application/merge-patch+json"
                )
        pods = [pod for node in nodes for pod in await _leaving(core, node["metadata"]["name"])]
        held = [words for words in await asyncio.gather(*(_evict(core, pod) for pod in pods)) if words]
    except (ApiException, TimeoutError, aiohttp.ClientError, OSError, DocumentRefused) as error:
        raise StepError(
            Reason.CLUSTER_UNREACHABLE,
            f"the nodes of agent pool {pool} cannot be drained: the cluster's API did not answer: {why(error)}",
            "The operator retries.",
            retry_in=10,
        ) from None
    return _summary(pods, held) if pods else None


async def _leaving(core: "client.CoreV1Api", node: str) -> Sequence[Pod]:
    """Return the pods on a node that have to move: without those of DaemonSets, static pods, and completed ones."""
    listing, selector = core.list_pod_for_all_namespaces_without_preload_content, f"spec.nodeName={node}"
    return [pod async for pod in each(listing, field_selector=selector, _request_timeout=TIMEOUT_SECONDS) if _must_move(pod)]


def _must_move(pod: Pod) -> bool:
    metadata = pod["metadata"]
    owners = [owner.get("kind") for owner in metadata.get("ownerReferences") or ()]
    over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not (over or "DaemonSet" in owners or MIRROR in (metadata.get("annotations") or {}))


async def _evict(core: "client.CoreV1Api", pod: Pod) -> str | None:
    """Evict a pod. Returns its name if a PodDisruptionBudget blocks the eviction."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    if pod["metadata"].get("deletionTimestamp"):
        return None
    body = client.V1Eviction(metadata=client.V1ObjectMeta(name=name, namespace=namespace))
    try:
        await core.create_namespaced_pod_eviction(name, namespace, body)
    except ApiException as error:
        if error.status == 429:
            return f"{namespace}/{name}"
        if error.status != 404:
            raise
    return None


def _summary(pods: Sequence[Pod], held: Sequence[str]) -> str:
    names = [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    sentence = f"waits for {', '.join(names[:SHOWN])}{more} to leave its nodes"
    return f"{sentence}; a PodDisruptionBudget blocks the eviction of {', '.join(held[:SHOWN])}" if held else sentence
