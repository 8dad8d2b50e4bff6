"""Labels and taints of the nodes of a pool, and which pods they admit. Pure.

The labels and taints follow from the spec alone, so they are known before a node exists: the agent pools are created with them, the hub's
pods get their tolerations from them, and `doctor` compares profiles with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from notebook_platform.api.node_pools import NodePool

PURPOSE_LABEL = "hub.jupyter.org/node-purpose"
USER_TAINT = "hub.jupyter.org/dedicated=user:NoSchedule"
"""https://z2jh.jupyter.org/en/stable/administrator/optimization.html#using-a-dedicated-node-pool-for-users"""

SPOT_LABEL, SPOT_TAINT = "kubernetes.azure.com/scalesetpriority", "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"
"""AKS puts both on every Spot pool (https://learn.microsoft.com/azure/aks/spot-node-pool)."""

RESERVED = ("kubernetes.io", "k8s.io", "azure.com", "nvidia.com")
"""Domains whose labels Kubernetes, AKS or a device plugin sets: the spec does not show all of them."""


def labels_of(pool: NodePool) -> dict[str, str]:
    """Return the labels that the spec asks for, including those that follow from purpose and spot."""
    purpose = {PURPOSE_LABEL: pool.purpose.lower()} if pool.purpose else {}
    return {**purpose, **({SPOT_LABEL: "spot"} if pool.spot else {}), **pool.node_labels}


def taints_of(pool: NodePool) -> list[str]:
    """Return the taints that the spec asks for, including those that follow from purpose and spot."""
    purpose = [USER_TAINT] if pool.purpose == "User" else []
    return list(dict.fromkeys([*purpose, *([SPOT_TAINT] if pool.spot else []), *pool.node_taints]))


def is_for_users(pool: NodePool) -> bool:
    """Return whether the pool has purpose User, by the field or by the label."""
    return labels_of(pool).get(PURPOSE_LABEL) == "user"


def has_gpus(pool: NodePool) -> bool:
    """Return whether the pool's size has graphics processors: Azure names these sizes N
    (https://learn.microsoft.com/azure/virtual-machines/sizes/overview#gpu-accelerated)."""
    return pool.gpu is not None or pool.vm_size.lower().startswith("standard_n")


@dataclass(frozen=True)
class Tolerance:
    """A taint that pods tolerate. `value` and `effect` None: any."""

    key: str
    value: str | None = None
    effect: str | None = None

    def covers(self, taint: str) -> bool:
        """Return whether pods with this tolerate a taint, written as `key=value:effect`."""
        key, value, effect = parse_taint(taint)
        return self.key == key and self.value in (None, value) and self.effect in (None, effect)


def parse_taint(taint: str) -> tuple[str, str, str]:
    """Return (key, value, effect) of a taint, written as `key=value:effect` or `key:effect`."""
    name, _, effect = taint.rpartition(":")
    key, _, value = name.partition("=")
    return key, value, effect


def tolerance_of(taint: str) -> Tolerance:
    """Return what tolerates exactly this taint."""
    return Tolerance(*parse_taint(taint))


def untolerated_taints(pool: NodePool, tolerances: Iterable[Tolerance]) -> list[str]:
    """Return the taints of a pool that keep pods with these tolerations away. PreferNoSchedule keeps none away."""
    held = list(tolerances)
    strict = [taint for taint in taints_of(pool) if parse_taint(taint)[2] != "PreferNoSchedule"]
    return [taint for taint in strict if not any(one.covers(taint) for one in held)]


def node_labels(pool: NodePool, location: str) -> dict[str, str]:
    """Return the labels of the pool's nodes: the spec's, and those of AKS that follow from it
    (https://learn.microsoft.com/azure/aks/use-labels#reserved-system-labels)."""
    return {
        "agentpool": pool.name,
        "kubernetes.azure.com/agentpool": pool.name,
        "kubernetes.azure.com/mode": pool.mode.lower(),
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": pool.vm_size,
        "topology.kubernetes.io/region": location,
        **({"accelerator": "nvidia", "kubernetes.azure.com/accelerator": "nvidia"} if has_gpus(pool) else {}),
        **labels_of(pool),
    }


def missing_labels(selector: Mapping[str, str], pool: NodePool, location: str) -> dict[str, str]:
    """Return the labels of a nodeSelector that the nodes of a pool certainly lack. A label of Kubernetes or AKS that the spec does not
    show counts as present."""
    found = node_labels(pool, location)
    return {
        key: value
        for key, value in selector.items()
        if found.get(key) != value and (key in found or not key.partition("/")[0].endswith(RESERVED))
    }
