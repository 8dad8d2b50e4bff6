"""Describe as patches what an imported cluster and its agent pools have, and the spec has no field for. Pure.

Without them the first reconcile would change nothing either. But a pool that is replaced, or a platform that is made again from its
spec, would lose these members. Members at AKS's default, and what Azure computes, are left out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.azure.merge_patch import Keys, leaves
from notebook_platform.azure.patch_defaults import DEFAULTS
from notebook_platform.azure.patches import secret_members
from notebook_platform.azure.pool_patch import IMMUTABLE_MEMBERS
from notebook_platform.paths import at

Wire = Mapping[str, Any]
Spec = dict[str, Any]

CLUSTER_MEMBERS = (
    "aiToolchainOperatorProfile",
    "apiServerAccessProfile.disableRunCommand",
    "apiServerAccessProfile.enablePrivateClusterPublicFQDN",
    "apiServerAccessProfile.enableVnetIntegration",
    "apiServerAccessProfile.subnetId",
    "azureMonitorProfile",
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

COMPUTED = frozenset({"effectiveNoProxy", "effectiveOutboundIPs", "identity", "identityResourceId", "securityState", "state"})
"""Names of members that Azure writes."""

LONGEST = 4096
"""Characters of a value. A longer one is left as it is in Azure."""


def add_patches(spec: Spec, cluster: Wire, remarks: list[str]) -> None:
    """Add `patch` to spec.cluster and to the items of spec.nodePools, with a remark for each. `cluster`: in wire form."""
    properties = cluster["properties"]
    chosen = dict(_chosen(properties, (*CLUSTER_MEMBERS, *_add_ons(properties))))
    _put(spec["cluster"], "spec.cluster.patch", chosen, remarks)
    pools = {pool["name"]: pool for pool in properties.get("agentPoolProfiles") or ()}
    for item in spec["nodePools"]:
        found = dict(_chosen(pools[item["name"]], POOL_MEMBERS))
        _put(item, f"spec.nodePools[{item['name']}].patch", found, remarks)


def _add_ons(properties: Wire) -> Iterator[str]:
    """Yield the paths of add-ons that are on, without Container insights, which has a field."""
    for name, add_on in (properties.get("addonProfiles") or {}).items():
        if add_on.get("enabled") and name.lower() != "omsagent":
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


def _put(item: Spec, field: str, chosen: Mapping[Keys, Any], remarks: list[str]) -> None:
    patch: Spec = {}
    for keys, value in chosen.items():
        here = f"{field}.properties.{'.'.join(keys)}"
        holder: Any = {keys[-1]: value}
        if any(secret_members(holder)):
            remarks.append(f"{here} may hold a secret and is left as it is in Azure")
        elif len(json.dumps(value)) > LONGEST:
            remarks.append(f"{here} is longer than {LONGEST} characters and is left as it is in Azure")
        else:
            holder = patch.setdefault("properties", {})
            for name in keys[:-1]:
                holder = holder.setdefault(name, {})
            holder[keys[-1]] = value
    if patch:
        item["patch"] = patch
        names = sorted({".".join(keys) for keys, _ in leaves(patch["properties"])})
        remarks.append(f"{field} has what the spec has no field for: {', '.join(names)}")
