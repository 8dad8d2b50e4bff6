"""Whether addresses are enough. Pure.

With the azure plugin and no overlay every pod has an address of the subnet (https://learn.microsoft.com/azure/aks/azure-cni-overview).
"""

from collections.abc import Iterator
from ipaddress import IPv4Network

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import initial_count

RESERVED = 5
"""Azure keeps so many of each subnet (https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""

DEFAULT_MAX_PODS = 30
SURGE = 1

Finding = tuple[str, str, str]
"""(reason, sentence, remedy)."""


def most_nodes(pool: NodePool) -> int:
    """The most nodes a pool may come to have, at any hour."""
    if pool.autoscaling is None:
        return initial_count(pool)
    return max([pool.autoscaling.max_count, *(schedule.max_count for schedule in pool.schedules)])


def addresses_needed(pool: NodePool, *, flat: bool) -> int:
    """Addresses of the subnet that a pool can come to need; `flat`: pods have theirs from the subnet too."""
    each = (pool.max_pods or DEFAULT_MAX_PODS) + 1 if flat else 1
    return (most_nodes(pool) + SURGE) * each


def subnet_findings(spec: NotebookPlatformSpec) -> Iterator[Finding]:
    """What is amiss with the subnets that the platform keeps."""
    if spec.network is None or spec.network.subnet is None:
        return
    flat = spec.cluster.network.plugin == "azure" and spec.cluster.network.plugin_mode != "overlay"
    service, default = IPv4Network(spec.cluster.network.service_cidr, strict=False), spec.network.subnet.name
    fields = {default: "spec.network.subnet", **{s.name: f"spec.network.subnets[{s.name}]" for s in spec.network.subnets}}
    for subnet in (spec.network.subnet, *spec.network.subnets):
        prefix, field = IPv4Network(subnet.address_prefix, strict=False), f"{fields[subnet.name]}.addressPrefix"
        if prefix.overlaps(service):
            sentence = f"spec.cluster.network.serviceCidr {service} overlaps {field} {prefix}"
            yield "ServiceCidrOverlaps", sentence, "Choose addresses apart from each other."
        pools = [p for p in spec.node_pools if not p.subnet_id and (p.subnet or default) == subnet.name]
        needed, room = sum(addresses_needed(p, flat=flat) for p in pools), prefix.num_addresses - RESERVED
        if needed > room:
            why = "one for each node and pod" if flat else "one for each node"
            sentence = (
                f"{field} {prefix} has {room} addresses but spec.nodePools can need {needed}: {why}, with one more node a pool for "
                "upgrades"
            )
            yield "SubnetTooSmall", sentence, "Make the subnet larger, or lower maxCount or maxPods, or use pluginMode: overlay."
    prefixes = [(s.name, IPv4Network(s.address_prefix, strict=False)) for s in spec.network.subnets]
    for place, (name, prefix) in enumerate(prefixes):
        for other, theirs in prefixes[:place]:
            if prefix.overlaps(theirs):
                sentence = f"spec.network.subnets[{name}] {prefix} overlaps spec.network.subnets[{other}] {theirs}"
                yield "SubnetsOverlap", sentence, "Choose addresses apart from each other."
