"""What users should know of a managed cluster that works: members of its spec without effect, addresses that overlap."""

from ipaddress import ip_network

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine import Notice


def notices(spec: NotebookPlatformSpec) -> tuple[Notice, ...]:
    """Return the notices that follow from the spec alone, each a condition of the platform. Pure."""
    found = []
    if spec.cluster.network.docker_bridge_cidr:
        message = "spec.cluster.network.dockerBridgeCidr is accepted for old runbooks but has no effect: AKS runs containerd"
        found.append(Notice(condition=ConditionType.DOCKER_BRIDGE_IGNORED, reason=Reason.NO_EFFECT, message=message))
    service = ip_network(spec.cluster.network.service_cidr, strict=False)
    managed = spec.network.virtual_network if spec.network else None
    for prefix in managed.address_prefixes if managed else ():
        if service.subnet_of(ip_network(prefix, strict=False)):  # type: ignore[arg-type]
            message = (
                f"spec.cluster.network.serviceCidr {service} lies inside the virtual network's {prefix}: "
                "it works while no subnet uses these addresses"
            )
            found.append(
                Notice(condition=ConditionType.SERVICE_CIDR_IN_NETWORK, reason=Reason.ADDRESSES_OVERLAP, message=message)
            )
    return tuple(found)
