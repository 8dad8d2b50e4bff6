"""Whether addresses are enough. Pure.

With the azure plugin and no overlay every pod has an address of the subnet (https://learn.microsoft.com/azure/aks/azure-cni-overview).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import initial_count

RESERVED = 5
"""Azure keeps so many of each subnet (https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""

DEFAULT_MAX_PODS = 30
SURGE = 1

Finding = tuple[Reason, str, str]
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


@dataclass(frozen=True, kw_only=True)
class Room:
    """A subnet, and how many addresses the pools in it can come to need. `field` is the member of the spec that says which one
    it is; `taken`: addresses that others have already."""

    field: str
    prefix: IPv4Network
    needed: int
    taken: int = 0

    @property
    def free(self) -> int:
        """Addresses that are left for the pools."""
        return self.prefix.num_addresses - RESERVED - self.taken


def is_flat(spec: NotebookPlatformSpec) -> bool:
    """Whether pods have addresses of the subnet."""
    return spec.cluster.network.plugin == "azure" and spec.cluster.network.plugin_mode != "overlay"


def room(spec: NotebookPlatformSpec, field: str, prefix: str, pools: Iterable[NodePool], taken: int = 0) -> Room:
    """The room that `pools` have and need in a subnet."""
    needed = sum(addresses_needed(pool, flat=is_flat(spec)) for pool in pools)
    return Room(field=field, prefix=IPv4Network(prefix, strict=False), needed=needed, taken=taken)


def kept_subnets(spec: NotebookPlatformSpec) -> list[Room]:
    """The subnets that the platform keeps."""
    network = spec.network
    if network is None or network.subnet is None:
        return []
    default = network.subnet.name
    fields = {default: "spec.network.subnet", **{s.name: f"spec.network.subnets[{s.name}]" for s in network.subnets}}
    pools = [pool for pool in spec.node_pools if not pool.subnet_id]
    return [
        room(spec, f"{fields[s.name]}.addressPrefix", s.address_prefix, [p for p in pools if (p.subnet or default) == s.name])
        for s in (network.subnet, *network.subnets)
    ]


def subnet_findings(spec: NotebookPlatformSpec) -> Iterator[Finding]:
    """What is amiss with the subnets that the platform keeps."""
    kept = kept_subnets(spec)
    yield from room_findings(spec, kept)
    for place, mine in enumerate(kept):
        for other in kept[:place]:
            if mine.prefix.overlaps(other.prefix):
                sentence = f"{mine.field} {mine.prefix} overlaps {other.field} {other.prefix}"
                yield Reason.SUBNETS_OVERLAP, sentence, "Choose addresses apart from each other."


def room_findings(spec: NotebookPlatformSpec, subnets: Iterable[Room]) -> Iterator[Finding]:
    """Whether each subnet is large enough, and apart from the addresses of Services."""
    service = IPv4Network(spec.cluster.network.service_cidr, strict=False)
    for subnet in subnets:
        if subnet.prefix.overlaps(service):
            sentence = f"spec.cluster.network.serviceCidr {service} overlaps {subnet.field} {subnet.prefix}"
            yield Reason.SERVICE_CIDR_OVERLAPS, sentence, "Choose addresses apart from each other."
        if subnet.needed > subnet.free:
            why = "one for each node and pod" if is_flat(spec) else "one for each node"
            sentence = (
                f"{subnet.field} {subnet.prefix} has {subnet.free} addresses but spec.nodePools can need {subnet.needed}: {why}, "
                "with one more node a pool for upgrades"
            )
            yield (
                Reason.SUBNET_TOO_SMALL,
                sentence,
                "Make the subnet larger, or lower maxCount or maxPods, or use pluginMode: overlay.",
            )
