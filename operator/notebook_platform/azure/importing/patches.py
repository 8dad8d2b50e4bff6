"""Describe as patches what an imported cluster and its agent pools have, and the spec has no field or no value for. Pure.

Without them the first reconcile would change nothing either. But a pool that is replaced, or a platform that is made again from its
spec, would lose these members. Members at AKS's default, and what Azure computes, are left out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.azure.cluster_patch import OWNERS as CLUSTER_OWNERS
from notebook_platform.azure.merge_patch import Keys, leaves
from notebook_platform.azure.patch_defaults import DEFAULTS
from notebook_platform.azure.patches import secret_members
from notebook_platform.azure.pool_patch import IMMUTABLE_MEMBERS
from notebook_platform.azure.pool_patch import OWNERS as POOL_OWNERS
from notebook_platform.paths import at

Wire = Mapping[str, Any]
Spec = dict[str, Any]

CLUSTER_MEMBERS = (
    "aiToolchainOperatorProfile",
    "apiServerAccessProfile.disableRunCommand",
    "apiServerAccessProfile.enablePrivateClusterPublicFQDN",
    "apiServerAccessProfile.enableVnetIntegration",
    "apiServerAccessProfile.subnetId",
    "azureMonitorProfile.appMonitoring",
    "azureMonitorProfile.containerInsights",
    "azureMonitorProfile.metrics.controlPlane",
    "azureMonitorProfile.metrics.kubeStateMetrics",
    "diskEncryptionSetID",
    "fqdnSubdomain",
    "httpProxyConfig",
    "ingressProfile",
    "metricsProfile",
    "networkProfile.advancedNetworking",
    "networkProfile.ipFamilies",
    "networkProfile.loadBalancerProfile",
    "networkProfile.natGatewayProfile",
    "nodeResourceGroupProfile",
    "publicNetworkAccess",
    "securityProfile.azureKeyVaultKms",
    "securityProfile.customCATrustCertificates",
    "securityProfile.defender",
    "securityProfile.imageCleaner",
    "serviceMeshProfile",
    "storageProfile",
    "upgradeSettings",
    "workloadAutoScalerProfile",
)
"""Members of a managed cluster that a user chooses.
Source: https://learn.microsoft.com/azure/templates/microsoft.containerservice/managedclusters"""

POOL_MEMBERS = (
    *sorted(IMMUTABLE_MEMBERS - {"osType", "type"}),
    "artifactStreamingProfile",
    "enableFIPS",
    "localDNSProfile",
    "networkProfile",
    "scaleDownMode",
    "securityProfile",
    "upgradeSettings.drainTimeoutInMinutes",
    "upgradeSettings.maxUnavailable",
    "upgradeSettings.nodeSoakDurationInMinutes",
    "upgradeSettings.undrainableNodeBehavior",
)
"""The same of an agent pool. Source: https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update"""

LOGIN = ("linuxProfile.adminUsername", "linuxProfile.ssh.publicKeys")
"""The login on the nodes, which spec.cluster can say with one key in OpenSSH form."""

COMPUTED = frozenset({"effectiveNoProxy", "effectiveOutboundIPs", "identity", "identityResourceId", "securityState", "state"})
"""Names of members that Azure writes."""

LONGEST = 4096
"""Characters of a value. A longer one is left as it is in Azure."""


def add_patches(spec: Spec, cluster: Wire, remarks: list[str]) -> None:
    """Add `patch` to spec.cluster and to the items of spec.nodePools, with a remark for what cannot be in one. `cluster`: in wire
    form."""
    properties = cluster["properties"]
    login = () if "sshPublicKey" in spec["cluster"] else LOGIN
    chosen = dict(_chosen(properties, (*CLUSTER_MEMBERS, *_add_ons(properties), *login)))
    _put_all(spec["cluster"], "spec.cluster.patch", chosen, remarks)
    pools = {pool["name"]: pool for pool in properties.get("agentPoolProfiles") or ()}
    for item in spec["nodePools"]:
        system = () if "osSKU" in item else ("osSKU",)
        found = dict(_chosen(pools[item["name"]], (*POOL_MEMBERS, *system)))
        _put_all(item, f"spec.nodePools[{item['name']}].patch", found, remarks)


def values_left_out(spec: Spec, cluster: Wire, keys: tuple[str | int, ...]) -> list[tuple[Spec, Keys, Any]]:
    """Return where a patch would hold a value that spec.cluster or an item of spec.nodePools does not take, as (the block of the spec,
    the path in the patch, the value in Azure). `keys`: the value's path in the spec; `cluster`: in wire form."""
    if keys[0] == "cluster":
        block, document, owners = spec["cluster"], cluster, CLUSTER_OWNERS
        field = f"spec.{'.'.join(map(str, keys))}"
    elif keys[0] == "nodePools" and len(keys) > 2:
        block = spec["nodePools"][int(keys[1])]
        pools = {pool["name"]: pool for pool in cluster["properties"].get("agentPoolProfiles") or ()}
        document, owners, field = {"properties": pools[block["name"]]}, POOL_OWNERS, ".".join(map(str, keys[2:]))
    else:
        return []
    paths = [tuple(path.split(".")) for path, owner in owners.items() if owner == field]
    if field == "spec.cluster.sshPublicKey":
        paths = [("properties", *path.split(".")) for path in LOGIN]
    return [(block, path, value) for path in paths if (value := at(document, *path)) not in (None, "", [], {})]


def _add_ons(properties: Wire) -> Iterator[str]:
    """Yield the paths of add-ons that are on, without Container insights, which has a field."""
    for name, add_on in (properties.get("addonProfiles") or {}).items():
        if (add_on or {}).get("enabled") and name.lower() != "omsagent":
            yield f"addonProfiles.{name}"


def _chosen(found: Wire, members: tuple[str, ...]) -> Iterator[tuple[Keys, Any]]:
    """Yield the path and the value of each of these members that a user has chosen."""
    for member in members:
        keys = tuple(member.split("."))
        value = at(found, *keys)
        values = leaves(value, keys) if isinstance(value, Mapping) else [(keys, value)]
        for path, leaf in values:
            usual = DEFAULTS.get(".".join(path), False)
            if leaf not in (None, "", [], {}, usual) and not COMPUTED.intersection(path):
                yield path, leaf


def _put_all(block: Spec, field: str, chosen: Mapping[Keys, Any], remarks: list[str]) -> None:
    for keys, value in chosen.items():
        here = f"{field}.properties.{'.'.join(keys)}"
        holder: Any = {keys[-1]: value}
        if any(secret_members(holder)):
            remarks.append(f"{here} may hold a secret and is left as it is in Azure")
        elif len(json.dumps(value)) > LONGEST:
            remarks.append(f"{here} is longer than {LONGEST} characters and is left as it is in Azure")
        else:
            put_member(block, ("properties", *keys), value)


def put_member(block: Spec, keys: Keys, value: Any) -> None:
    """Set one member of the patch of a block of the spec."""
    holder = block.setdefault("patch", {})
    for name in keys[:-1]:
        holder = holder.setdefault(name, {})
    holder[keys[-1]] = value
