"""What AKS refuses. Pure checks of a wanted cluster or pool; each raises ArmError as AKS words it."""

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from sandbox.azure.core.catalog import Catalog
from sandbox.azure.core.errors import ArmError

IMMUTABLE = ("dnsPrefix", "nodeResourceGroup")
IMMUTABLE_NETWORK = ("networkPlugin", "networkPluginMode", "serviceCidr", "dnsServiceIP", "podCidr")
SCALING = ("count", "minCount", "maxCount", "enableAutoScaling")
IMMUTABLE_POOL = ("vmSize", "vnetSubnetID", "osDiskSizeGB", "maxPods", "availabilityZones", "osType", "type", "scaleSetPriority")
RESERVED = 5
OFFICIAL, LTS = "KubernetesOfficial", "AKSLongTermSupport"


def refusal(code: str, message: str, target: str | None = None, *, status: int = 400) -> ArmError:
    """A refusal in AKS's form."""
    return ArmError(status, code, message, target=target, flat=True)


def invalid(message: str, target: str | None = None) -> ArmError:
    """400 InvalidParameter."""
    return refusal("InvalidParameter", message, target)


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
        raise refusal(code, message, "kubernetesVersion")
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
        raise refusal("K8sVersionNotSupported", message, "kubernetesVersion")


def check_upgrade(catalog: Catalog, current: str, wanted: str, location: str) -> str:
    """The patch to go to: the same minor or one further, never back. What runs already stays, offered or not."""
    if wanted == current:
        return current
    patch = offered(catalog, wanted, location)
    if patch == current or (wanted.count(".") == 1 and minor(patch) == minor(current)):
        return current
    if patch not in (choices := upgrades(catalog, current)):
        message = f"Upgrading Kubernetes version {current} to {patch} is not allowed. Available upgrades: {choices}."
        raise refusal("OperationNotAllowed", message)
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
        raise refusal("VMSizeNotSupported", message, "agentPoolProfile.vmSize")
    check_zones(catalog, pool)
    count = pool.get("count", 1)
    least = 1 if pool.get("mode", "User") == "System" else 0
    if not least <= count <= 1000:
        raise invalid(f"The value of parameter agentPoolProfile.count is invalid: {count}.", "agentPoolProfile.count")
    if pool.get("enableAutoScaling"):
        low, high = pool.get("minCount"), pool.get("maxCount")
        if low is None or high is None or not low <= high:
            raise invalid("minCount and maxCount must be given, minCount not above maxCount.", "agentPoolProfile.minCount")


def check_zones(catalog: Catalog, pool: dict[str, Any]) -> None:
    """Raise AvailabilityZoneNotSupported for a zone that the size does not have here, or not for this subscription."""
    size = catalog.size(pool.get("vmSize") or "Standard_D2s_v3")
    there = [zone for zone in size.zones if zone not in size.closed_zones] if size else []
    missing = [zone for zone in pool.get("availabilityZones") or () if zone not in there]
    if missing:
        message = (
            f"The zone(s) '{','.join(missing)}' for resource '{pool['name']}' is not supported. The supported zones for location "
            f"are '{','.join(there)}'"
        )
        raise refusal("AvailabilityZoneNotSupported", message, "agentPoolProfile.availabilityZones")


def check_network(profile: dict[str, Any], subnets: dict[str, str], pools: list[dict[str, Any]]) -> None:
    """Service addresses, and room in the subnets for nodes and pods. `subnets`: prefix by lower-case id."""
    service = ip_network(profile.get("serviceCidr") or "10.0.0.0/16", strict=False)
    dns = ip_address(profile.get("dnsServiceIP") or str(service[10]))
    if dns not in service:
        raise invalid(f"dnsServiceIP {dns} is not in serviceCidr {service}.", "networkProfile.dnsServiceIP")
    for id_, prefix in subnets.items():
        if ip_network(prefix, strict=False).overlaps(service):
            message = f"The specified service CIDR {service} is conflicted with an existing subnet CIDR {prefix}."
            raise refusal("ServiceCidrOverlapExistingSubnetsCidr", message, target="networkProfile.serviceCIDR")
        flat = profile.get("networkPlugin") == "azure" and profile.get("networkPluginMode") != "overlay"
        mine = [p for p in pools if str(p.get("vnetSubnetID", "")).lower() == id_]
        each = [(p.get("count", 1) + 1) * ((p.get("maxPods") or 30) + 1 if flat else 1) for p in mine]
        room = ip_network(prefix, strict=False).num_addresses - RESERVED
        if sum(each) > room:
            message = f"Pre-allocated IPs {sum(each)} exceeds IPs available {room} in Subnet Cidr {prefix}."
            raise refusal("InsufficientSubnetSize", message, target="networkProfile")


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
            raise refusal("OperationNotAllowed", f".properties.nodeProvisioningProfile.mode cannot be Auto {words}.")


def is_auto(cluster: dict[str, Any]) -> bool:
    """Return whether AKS provisions nodes of a cluster with these properties."""
    return (cluster.get("nodeProvisioningProfile") or {}).get("mode") == "Auto"


def check_immutable(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse a change of a cluster's immutable members; `new` may leave them out."""
    pairs = [(key, old.get(key), new.get(key)) for key in IMMUTABLE]
    network_old, network_new = old.get("networkProfile") or {}, new.get("networkProfile") or {}
    pairs += [(f"networkProfile.{key}", network_old.get(key), network_new.get(key)) for key in IMMUTABLE_NETWORK]
    if network_new.get("networkPluginMode") == "overlay":  # https://learn.microsoft.com/azure/aks/update-azure-cni
        moves = {"networkPlugin": ("kubenet", "azure"), "networkPluginMode": (None, "overlay")}
        pairs = [pair for pair in pairs if moves.get(pair[0].removeprefix("networkProfile.")) != pair[1:]]
        pairs = [pair for pair in pairs if pair[:2] != ("networkProfile.podCidr", None)]
    _same(pairs)


def check_immutable_pool(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse a change of a pool's immutable members."""
    before = {"scaleSetPriority": "Regular", **old}
    _same([(f"agentPoolProfile.{key}", before.get(key), new.get(key)) for key in IMMUTABLE_POOL])


def _same(pairs: list[tuple[str, Any, Any]]) -> None:
    for name, before, after in pairs:
        if after in (None, "", []) or _plain(before) == _plain(after):
            continue
        raise refusal("PropertyChangeNotAllowed", f'Changing property "{name}" is not allowed.', name)


def _plain(value: Any) -> object:
    """A value as AKS compares it: the case has no meaning, nor the order of a list."""
    return sorted(map(str, value)) if isinstance(value, list) else str(value).lower()


def check_not_scaled(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raise OperationNotAllowed if a pool whose version changes is scaled as well. `new`: the members that are sent.

    No public source says that AKS refuses a version together with other members of the cluster, such as autoScalerProfile, so that is
    accepted here. The operator sends an upgrade alone.
    """
    if any(new.get(key) is not None and new[key] != old.get(key, False) for key in SCALING):
        message = (
            "Updating Kubernetes version and agent node scaling are mutually exclusive operations. "
            "Please visit https://aka.ms/aks-pending-upgrade for more details."
        )
        raise refusal("OperationNotAllowed", message, status=409)


def check_pool_versions(before: dict[str, set[str]], wanted: dict[str, str], control_plane: set[str]) -> None:
    """Check the versions of the pools in a change of their cluster: all or none, each as it was or the control plane's.

    `before`: the names that each pool's version has, by the pool's name; `control_plane`: those of its version.
    Raises NotAllAgentPoolOrchestratorVersionSpecifiedAndUnchanged (https://github.com/Azure/azure-cli/issues/22807).
    """
    given = {name: version for name, version in wanted.items() if version}
    unchanged = all(version in before.get(name, {version}) | control_plane for name, version in given.items())
    if given and (len(given) < len(wanted) or not unchanged):
        message = (
            "Using managed cluster api, all Agent pools' OrchestratorVersion must be all specified or all unspecified. If all "
            "specified, they must be stay unchanged or the same with control plane. For agent pool specific change, please use per "
            "agent pool operations: https://aka.ms/agent-pool-rest-api"
        )
        raise refusal("NotAllAgentPoolOrchestratorVersionSpecifiedAndUnchanged", message)


def check_skew(cluster: str, pool: str) -> None:
    """A pool is never newer than the control plane and at most three minors older."""
    if (
        minor(pool) > minor(cluster)
        or minor(cluster) - minor(pool) > 3
        or (minor(pool) == minor(cluster) and parts(pool) > parts(cluster))
    ):
        message = f"Node pool version {pool} and control plane version {cluster} are incompatible."
        raise refusal("NodePoolMcVersionIncompatible", message)
