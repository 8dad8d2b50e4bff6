"""Nodes as AKS makes them; kwok keeps them Ready."""

import asyncio
from collections.abc import Sequence
from typing import Any

from kubernetes.aio import client

from sandbox.azure.backend import NodeSpec

ATTEMPTS = 20

RESERVED_MEMORY_GIB = 1.5
"""Roughly what AKS keeps of a node for itself (https://learn.microsoft.com/azure/aks/node-resource-reservations)."""


def node_body(spec: NodeSpec, *, subscription: str, group: str, location: str) -> dict[str, Any]:
    """A Node with AKS's labels, provider id and capacity."""
    scale_set, instance = spec.name[:-6], int(spec.name[-6:], 36)
    zone = f"{location}-{spec.zone}" if spec.zone else "0"
    labels = {
        "agentpool": spec.pool,
        "kubernetes.azure.com/agentpool": spec.pool,
        "kubernetes.azure.com/mode": spec.mode.lower(),
        "kubernetes.azure.com/role": "agent",
        "kubernetes.azure.com/cluster": group,
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": spec.vm_size,
        "topology.kubernetes.io/region": location,
        "topology.kubernetes.io/zone": zone,
        **spec.labels,
    }
    provider = (
        f"azure:///subscriptions/{subscription}/resourceGroups/{group.lower()}/providers/Microsoft.Compute/"
        f"virtualMachineScaleSets/{scale_set}/virtualMachines/{instance}"
    )
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"providerID": provider, "taints": [_taint(t) for t in spec.taints]},
    }


def _taint(text: str) -> dict[str, str]:
    head, _, effect = text.rpartition(":")
    key, _, value = head.partition("=")
    return {"key": key, "value": value, "effect": effect}


def node_status(spec: NodeSpec) -> dict[str, Any]:
    """Capacity and versions; the conditions are kwok's."""
    capacity = {"cpu": str(spec.cpu), "memory": f"{spec.memory}Gi", "pods": "110", "ephemeral-storage": "128Gi"}
    memory = f"{max(0.5, spec.memory - RESERVED_MEMORY_GIB):g}Gi"
    return {
        "status": {
            "capacity": capacity,
            "allocatable": {**capacity, "cpu": f"{spec.cpu * 1000 - 100}m", "memory": memory},
            "nodeInfo": {
                "kubeletVersion": f"v{spec.kubernetes_version}",
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "containerd://2.0.0",
                "osImage": "Ubuntu 22.04.5 LTS",
                "kernelVersion": "5.15.0-1087-azure",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        }
    }


async def make_nodes(api: client.ApiClient, nodes: Sequence[NodeSpec], *, subscription: str, group: str, location: str) -> None:
    """Create and remove until exactly these are there."""
    core = client.CoreV1Api(api)
    there = {node.metadata.name for node in (await core.list_node()).items}
    for spec in nodes:
        if spec.name not in there:
            await core.create_node(node_body(spec, subscription=subscription, group=group, location=location))
    for name in there - {spec.name for spec in nodes}:
        await core.delete_node(name)
    for _ in range(ATTEMPTS):
        # kwok writes the status of a new node too, with versions of its own: ours is written until it stays.
        found = {node.metadata.name: node.status.node_info for node in (await core.list_node()).items}
        wrong = [s for s in nodes if not found.get(s.name) or found[s.name].kubelet_version != f"v{s.kubernetes_version}"]
        for spec in wrong:
            await core.patch_node_status(spec.name, node_status(spec), _content_type="application/strategic-merge-patch+json")
        if not wrong:
            return
        await asyncio.sleep(0.2)
