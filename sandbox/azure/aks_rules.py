"""What AKS refuses. Pure checks of a wanted cluster or pool; each raises ArmError as AKS words it."""

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from sandbox.azure.core.catalog import Catalog
from sandbox.azure.core.errors import ArmError

IMMUTABLE = ("dnsPrefix", "nodeResourceGroup")
IMMUTABLE_NETWORK = ("networkPlugin", "serviceCidr", "dnsServiceIP", "podCidr")
IMMUTABLE_POOL = ("vmSize", "vnetSubnetID", "osDiskSizeGB", "maxPods", "availabilityZones", "osType", "type", "scaleSetPriority")
RESERVED = 5
OFFICIAL, LTS = "KubernetesOfficial", "AKSLongTermSupport"


def invalid(message: str, target: str | None = None) -> ArmError:
    """400 InvalidParameter."""
    return ArmError(400, "InvalidParameter", message, target=target)


def minor(version: str) -> int:
    """34 of 1.34.2."""
    return int(version.split(".")[1])


def parts(version: str) -> tuple[int, ...]:
    """1.34.2 in a form that can be compared."""
    return tuple(map(int, version.split(".")))


def check_name(name: str) -> None:
    """Letters, digits and hyphens; no underscore."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", name):
        message = (
            f"The value of parameter name is invalid. Error details: managed cluster name '{name}' is not valid. "
            "Only letters, numbers, and hyphens are allowed."
        )
        raise invalid(message, "name")


def offered(catalog: Catalog, version: str, location: str, code: str = "K8sVersionNotSupported") -> str:
    """The patch that runs. Raises K8sVersionNotSupported."""
    patch = catalog.patch(version)
    if patch is None:
        message = (
            f"Managed cluster is on version {version} which is not supported in this region. Please use [az aks get-versions] "
            f"command to get the supported version list in this region ({location})."
        )
        raise ArmError(400, code, message, target="kubernetesVersion")
    return patch


def check_support(catalog: Catalog, patch: str, plan: str | None, tier: str | None) -> None:
    """Long-term support needs tier Premium, and some versions are offered with it alone
    (https://learn.microsoft.com/azure/aks/long-term-support)."""
    if plan == LTS and tier != "Premium":
        raise invalid("The support plan AKSLongTermSupport needs the tier Premium.", "properties.supportPlan")
    if plan != LTS and any(patch in catalog.versions[version] for version in catalog.lts):
        message = (
            f"Managed cluster is on version {patch}, which is only available for Long-Term Support (LTS). If you intend to onboard to "
            "LTS, please ensure the cluster is in Premium tier and LTS support plan. Otherwise, use [az aks get-versions] command to "
            "get the supported version list in this region."
        )
        raise ArmError(400, "K8sVersionNotSupported", message, target="kubernetesVersion")


def check_upgrade(catalog: Catalog, current: str, wanted: str, location: str) -> str:
    """The patch to go to: the same minor or one further, never back."""
    patch = offered(catalog, wanted, location)
    if patch == current or (wanted.count(".") == 1 and minor(patch) == minor(current)):
        return current
    if patch not in (choices := upgrades(catalog, current)):
        message = f"Upgrading Kubernetes version {current} to {patch} is not allowed. Available upgrades: {choices}."
        raise ArmError(400, "OperationNotAllowed", message)
    return patch


def upgrades(catalog: Catalog, current: str) -> list[str]:
    """The patches that can be gone to: later ones of the same minor, and those of the next."""
    near = (p for v, ps in catalog.versions.items() for p in ps if minor(v) - minor(current) in (0, 1))
    return sorted((p for p in near if parts(p) > parts(current)), key=parts)


def check_pool(catalog: Catalog, pool: dict[str, Any]) -> None:
    """Name, size, counts."""
    name = pool["name"]
    if not re.fullmatch(r"[a-z][a-z0-9]{0,11}", name):
        raise invalid(f"The value of parameter agentPoolProfile.name is invalid: '{name}'.", "agentPoolProfile.name")
    if catalog.size(pool.get("vmSize") or "Standard_D2s_v3") is None:
        message = f"The VM size of {pool['vmSize']} is not allowed in your subscription in location."
        raise ArmError(400, "VMSizeNotSupported", message, target="agentPoolProfile.vmSize")
    count = pool.get("count", 1)
    least = 1 if pool.get("mode", "User") == "System" else 0
    if not least <= count <= 1000:
        raise invalid(f"The value of parameter agentPoolProfile.count is invalid: {count}.", "agentPoolProfile.count")
    if pool.get("enableAutoScaling"):
        low, high = pool.get("minCount"), pool.get("maxCount")
        if low is None or high is None or not low <= high:
            raise invalid("minCount and maxCount must be given, minCount not above maxCount.", "agentPoolProfile.minCount")


def check_network(profile: dict[str, Any], subnets: dict[str, str], pools: list[dict[str, Any]]) -> None:
    """Service addresses, and room in the subnets for nodes and pods. `subnets`: prefix by lower-case id."""
    service = ip_network(profile.get("serviceCidr") or "10.0.0.0/16", strict=False)
    dns = ip_address(profile.get("dnsServiceIP") or str(service[10]))
    if dns not in service:
        raise invalid(f"dnsServiceIP {dns} is not in serviceCidr {service}.", "networkProfile.dnsServiceIP")
    for id_, prefix in subnets.items():
        if ip_network(prefix, strict=False).overlaps(service):
            message = f"The specified service CIDR {service} is conflicted with an existing subnet CIDR {prefix}."
            raise ArmError(400, "ServiceCidrOverlapExistingSubnetsCidr", message, target="networkProfile.serviceCIDR")
        flat = profile.get("networkPlugin") == "azure" and profile.get("networkPluginMode") != "overlay"
        mine = [p for p in pools if str(p.get("vnetSubnetID", "")).lower() == id_]
        each = [(p.get("count", 1) + 1) * ((p.get("maxPods") or 30) + 1 if flat else 1) for p in mine]
        room = ip_network(prefix, strict=False).num_addresses - RESERVED
        if sum(each) > room:
            message = f"Pre-allocated IPs {sum(each)} exceeds IPs available {room} in Subnet Cidr {prefix}."
            raise ArmError(400, "InsufficientSubnetSize", message, target="networkProfile")


def check_node_provisioning(cluster: dict[str, Any], pools: Iterable[dict[str, Any]]) -> None:
    """Raise OperationNotAllowed for a cluster whose other members exclude node auto-provisioning, if it asks for that.

    `cluster` and `pools`: properties as they would be. AKS names the member with "cannot be Auto"
    (https://github.com/Azure/karpenter-provider-azure/issues/80, https://github.com/Azure/AKS/issues/4759); what it refuses:
    https://learn.microsoft.com/azure/aks/node-auto-provisioning#limitations-and-unsupported-features
    """
    if not is_auto(cluster):
        return
    network = cluster.get("networkProfile") or {}
    client = (cluster.get("servicePrincipalProfile") or {}).get("clientId")
    refused = {
        "if .properties.networkProfile.networkPlugin is kubenet": network.get("networkPlugin") == "kubenet",
        "if .properties.networkProfile.networkPolicy is calico": network.get("networkPolicy") == "calico",
        "if .properties.servicePrincipalProfile is specified": client not in (None, "msi"),
        "if any agent pool has enableAutoScaling": any(pool.get("enableAutoScaling") for pool in pools),
    }
    for words, applies in refused.items():
        if applies:
            raise ArmError(400, "OperationNotAllowed", f".properties.nodeProvisioningProfile.mode cannot be Auto {words}.")


def is_auto(cluster: dict[str, Any]) -> bool:
    """Return whether AKS provisions nodes of a cluster with these properties."""
    return (cluster.get("nodeProvisioningProfile") or {}).get("mode") == "Auto"


def check_immutable(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Members that a cluster has for life; `new` may leave them out."""
    pairs = [(key, old.get(key), new.get(key)) for key in IMMUTABLE]
    network_old, network_new = old.get("networkProfile") or {}, new.get("networkProfile") or {}
    pairs += [(f"networkProfile.{key}", network_old.get(key), network_new.get(key)) for key in IMMUTABLE_NETWORK]
    _same(pairs)


def check_immutable_pool(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Members that a pool has for life."""
    _same([(f"agentPoolProfile.{key}", old.get(key), new.get(key)) for key in IMMUTABLE_POOL])


def _same(pairs: list[tuple[str, Any, Any]]) -> None:
    for name, before, after in pairs:
        if after in (None, "", []) or str(before).lower() == str(after).lower():
            continue
        raise ArmError(400, "PropertyChangeNotAllowed", f'Changing property "{name}" is not allowed.', target=name)


def check_skew(cluster: str, pool: str) -> None:
    """A pool is never newer than the control plane and at most three minors older."""
    if (
        minor(pool) > minor(cluster)
        or minor(cluster) - minor(pool) > 3
        or (minor(pool) == minor(cluster) and parts(pool) > parts(cluster))
    ):
        message = f"Node pool version {pool} and control plane version {cluster} are incompatible."
        raise ArmError(400, "NodePoolMcVersionIncompatible", message)
