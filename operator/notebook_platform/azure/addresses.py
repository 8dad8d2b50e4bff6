"""Check whether the subnets have enough addresses. Pure.

With the azure plugin and no overlay every pod takes an address of the subnet
(https://learn.microsoft.com/azure/aks/azure-cni-overview).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import initial_count

RESERVED = 5
"""The number of addresses that Azure reserves in each subnet
(https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""

DEFAULT_MAX_PODS = 30
SURGE = 1

Finding = tuple[Reason, str, str]
"""(reason, sentence, remedy)."""


def most_nodes(pool: NodePool) -> int:
    """Return the maximum number of nodes that a pool may reach at any time."""
    if pool.autoscaling is None:
        return initial_count(pool)
    return max([pool.autoscaling.max_count, *(schedule.max_count for schedule in pool.schedules)])


def addresses_needed(pool: NodePool, *, flat: bool) -> int:
    """Return the maximum number of subnet addresses that a pool needs; `flat`: pods take subnet addresses too."""
    each = (pool.max_pods or DEFAULT_MAX_PODS) + 1 if flat else 1
    return (most_nodes(pool) + SURGE) * each


@dataclass(frozen=True, kw_only=True)
class Room:
    """A subnet, and the maximum number of addresses that its pools need.

    `field` is the member of the spec that names the subnet; `taken`: addresses in use by other resources.
    """

    field: str
    prefix: IPv4Network
    needed: int
    taken: int = 0

    @property
    def free(self) -> int:
        """Return the addresses that are free for the pools."""
        return self.prefix.num_addresses - RESERVED - self.taken


def is_flat(spec: NotebookPlatformSpec) -> bool:
    """Return whether pods take addresses of the subnet."""
    return spec.cluster.network.plugin == "azure" and spec.cluster.network.plugin_mode != "overlay"


def room(spec: NotebookPlatformSpec, field: str, prefix: str, pools: Iterable[NodePool], taken: int = 0) -> Room:
    """Return the addresses that `pools` have and need in a subnet."""
    needed = sum(addresses_needed(pool, flat=is_flat(spec)) for pool in pools)
    return Room(field=field, prefix=IPv4Network(prefix, strict=False), needed=needed, taken=taken)


def kept_subnets(spec: NotebookPlatformSpec) -> list[Room]:
    """Return the subnets that the platform manages."""
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
    """Yield the problems of the subnets that the platform manages."""
    kept = kept_subnets(spec)
    yield from room_findings(spec, kept)
    for place, mine in enumerate(kept):
        for other in kept[:place]:
            if mine.prefix.overlaps(other.prefix):
                sentence = f"{mine.field} {mine.prefix} overlaps {other.field} {other.prefix}"
                yield Reason.SUBNETS_OVERLAP, sentence, "Choose addresses that do not overlap."


def room_findings(spec: NotebookPlatformSpec, subnets: Iterable[Room]) -> Iterator[Finding]:
    """Yield a finding for each subnet that is too small, or that overlaps the addresses of Services."""
    service = IPv4Network(spec.cluster.network.service_cidr, strict=False)
    for subnet in subnets:
        if subnet.prefix.overlaps(service):
            sentence = f"spec.cluster.network.serviceCidr {service} overlaps {subnet.field} {subnet.prefix}"
            yield Reason.SERVICE_CIDR_OVERLAPS, sentence, "Choose addresses that do not overlap."
        if subnet.needed > subnet.free:
            why = "one for each node and pod" if is_flat(spec) else "one for each node"
            sentence = (
                f"{subnet.field} {subnet.prefix} has {subnet.free} addresses but spec.nodePools need up to {subnet.needed}: {why}, "
                "and one more node per pool for upgrades"
            )
            yield Reason.SUBNET_TOO_SMALL, sentence, "Enlarge the subnet, lower maxCount or maxPods, or use pluginMode: overlay."
