"""What AKS fills in and keeps: the bodies of clusters and agent pools in wire form. Pure.

A member that was not sent and has no default is not there: no `tags`, `nodeTaints`, `enableAutoScaling`, `apiServerAccessProfile`,
`upgradeChannel`. Ids spell their group's segment `resourcegroups`.
"""

import hashlib
from ipaddress import ip_network
from typing import Any

from sandbox.azure import aks_rules as rules
from sandbox.azure.core.catalog import Catalog
from sandbox.azure.core.store import Resource
from sandbox.azure.world import TENANT

Wire = dict[str, Any]

NOT_GIVEN = ("name", "id", "type", "provisioningState", "eTag", "currentOrchestratorVersion")
"""Members of a pool that a PUT cannot set, though it may carry them as they were read."""


CLUSTER_DEFAULTS: Wire = {
    "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
    "bootstrapProfile": {"artifactSource": "Direct"},
    "metricsProfile": {"costAnalysis": {"enabled": False}},
    "nodeProvisioningProfile": {"mode": "Manual"},
    "oidcIssuerProfile": {"enabled": False},
    "securityProfile": {},
    "storageProfile": {
        "diskCSIDriver": {"enabled": True},
        "fileCSIDriver": {"enabled": True},
        "snapshotController": {"enabled": True},
    },
    "workloadAutoScalerProfile": {},
}
"""Defaults of members that a request leaves out (https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update)."""
AUTOSCALER_DEFAULTS: Wire = {
    "balance-similar-node-groups": "false",
    "daemonset-eviction-for-empty-nodes": False,
    "daemonset-eviction-for-occupied-nodes": True,
    "expander": "random",
    "ignore-daemonsets-utilization": False,
    "max-empty-bulk-delete": "10",
    "max-graceful-termination-sec": "600",
    "max-node-provision-time": "15m",
    "max-total-unready-percentage": "45",
    "new-pod-scale-up-delay": "0s",
    "ok-total-unready-count": "3",
    "scale-down-delay-after-add": "10m",
    "scale-down-delay-after-delete": "10s",
    "scale-down-delay-after-failure": "3m",
    "scale-down-unneeded-time": "10m",
    "scale-down-unready-time": "20m",
    "scale-down-utilization-threshold": "0.5",
    "scan-interval": "10s",
    "skip-nodes-with-local-storage": "false",
    "skip-nodes-with-system-pods": "true",
}
"""The same of the cluster autoscaler, once a pool has it."""
WITHOUT_ETAG = "2025-07-01"
"""The last GA version whose bodies have no eTag."""
PREVIEW_WITH_ETAG = "2024-04-02-preview"


def shown(body: Any, api_version: str) -> Any:
    """A body as a version of the API shows it."""
    preview = api_version.endswith("-preview")
    if not api_version or api_version >= PREVIEW_WITH_ETAG if preview else api_version > WITHOUT_ETAG:
        return body
    if isinstance(body, dict):
        return {key: shown(value, api_version) for key, value in body.items() if key != "eTag"}
    return [shown(item, api_version) for item in body] if isinstance(body, list) else body


def versions(catalog: Catalog) -> list[Wire]:
    """What a region offers, minor by minor."""
    return [
        {
            "version": version,
            "isDefault": version == catalog.default,
            "isPreview": None,
            "capabilities": {"supportPlan": [rules.LTS] if version in catalog.lts else [rules.OFFICIAL, rules.LTS]},
            "patchVersions": {patch: {"upgrades": rules.upgrades(catalog, patch)} for patch in catalog.versions[version]},
        }
        for version in sorted(catalog.versions, key=rules.minor)
    ]


def hash_of(text: str) -> str:
    """Eight hex digits that stay the same."""
    return hashlib.sha256(text.lower().encode()).hexdigest()[:8]


def identity_of(body: Wire) -> tuple[str, list[str]] | None:
    """What can be compared of a cluster's identity: its type and the ids of user-assigned ones; None for a service principal."""
    given = body.get("identity")
    return given and (given["type"], sorted(id_.lower() for id_ in given.get("userAssignedIdentities") or ()))


def principals_of(body: Wire) -> list[str]:
    """Return the object ids of the identities that AKS creates and deletes with a cluster."""
    profiles = body["properties"].get("identityProfile") or {}
    own = (body.get("identity") or {}).get("principalId")
    return [id_ for id_ in (own, (profiles.get("kubeletidentity") or {}).get("objectId")) if id_]


def node_group_of(given: Wire, *, group: str, name: str, location: str) -> str:
    """The node resource group's name, as given or as AKS makes it up."""
    return given.get("nodeResourceGroup") or f"MC_{group}_{name}_{location}"


def new_cluster(call_body: Wire, *, id_: str, node_group: str, version: str, etag: str) -> Wire:
    """A cluster that is being created; its pools are resources of their own. `version`: the patch that will run."""
    given: Wire = call_body["properties"]
    name, location = id_.rsplit("/", 1)[1], call_body["location"].replace(" ", "").lower()
    prefix = given.get("dnsPrefix") or name
    fqdn = f"{prefix}-{hash_of(id_)}.hcp.{location}.azmk8s.io".lower()
    own = {
        key: value for key, value in given.items() if value is not None and key not in ("agentPoolProfiles", *CLUSTER_DEFAULTS)
    }
    properties = {
        "enableRBAC": True,
        "supportPlan": rules.OFFICIAL,
        **{key: {**value, **(given.get(key) or {})} for key, value in CLUSTER_DEFAULTS.items()},
        **own,
        "networkProfile": network_profile(given.get("networkProfile") or {}, f"{id_.split('/providers/')[0]}", node_group),
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "kubernetesVersion": given.get("kubernetesVersion") or version,
        "currentKubernetesVersion": version,
        "dnsPrefix": prefix,
        "fqdn": fqdn,
        "azurePortalFQDN": fqdn.replace(".hcp.", ".portal.hcp."),
        "nodeResourceGroup": node_group,
        "maxAgentPools": 100,
        "resourceUID": hashlib.sha256(id_.lower().encode()).hexdigest()[:24],
    }
    fill_autoscaler(properties, given.get("agentPoolProfiles") or [])
    give_issuer(properties, location, id_)
    return {
        "name": name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "location": location,
        **({} if call_body.get("tags") is None else {"tags": call_body["tags"]}),
        "sku": call_body.get("sku") or {"name": "Base", "tier": "Free"},
        "eTag": etag,
        "properties": properties,
    }


def give_issuer(properties: Wire, location: str, id_: str) -> None:
    """An issuer of tokens for the cluster's service accounts, if one is asked for."""
    if (properties.get("oidcIssuerProfile") or {}).get("enabled"):
        url = f"https://{location}.oic.prod-aks.azure.com/{TENANT}/{hash_of(id_)}/"
        properties["oidcIssuerProfile"] = {"enabled": True, "issuerURL": url}


def node_group_body(cluster: Resource) -> Wire:
    """The resource group that AKS makes for the nodes."""
    return {
        "name": cluster.body["properties"]["nodeResourceGroup"],
        "type": "Microsoft.Resources/resourceGroups",
        "location": cluster.body["location"],
        "tags": {"aks-managed-cluster-name": cluster.body["name"], "aks-managed-cluster-rg": cluster.group},
        "managedBy": cluster.id,
        "properties": {"provisioningState": "Succeeded"},
    }


def kept(key: str, value: Any) -> bool:
    """Whether AKS keeps a member of a pool as sent: no null, and the priority only if it is Spot."""
    return value is not None and (key, value) != ("scaleSetPriority", "Regular")


def network_profile(given: Wire, group: str, node_group: str) -> Wire:
    """The network of a new cluster with what AKS fills in. `group`: id of the cluster's resource group."""
    plugin = given.get("networkPlugin") or "kubenet"
    profile = {
        "networkPlugin": plugin,
        **({"networkDataplane": "azure"} if plugin == "azure" else {}),
        "networkPolicy": "none",
        "loadBalancerSku": "standard",
        "outboundType": "loadBalancer",
        "serviceCidr": "10.0.0.0/16",
        "ipFamilies": ["IPv4"],
        **({"podCidr": "10.244.0.0/16"} if plugin == "kubenet" or given.get("networkPluginMode") == "overlay" else {}),
        **{key: value for key, value in given.items() if value is not None},
    }
    profile["loadBalancerSku"] = profile["loadBalancerSku"].lower()
    profile.setdefault("dnsServiceIP", str(ip_network(profile["serviceCidr"], strict=False)[10]))
    profile |= {f"{key}s": [profile[key]] for key in ("serviceCidr", "podCidr") if key in profile and f"{key}s" not in given}
    if profile["outboundType"] == "loadBalancer" and "loadBalancerProfile" not in given:
        subscription = group.split("/")[2]
        address = f"/subscriptions/{subscription}/resourceGroups/{node_group}/providers/Microsoft.Network/publicIPAddresses"
        profile["loadBalancerProfile"] = {
            "managedOutboundIPs": {"count": 1},
            "effectiveOutboundIPs": [{"id": f"{address}/{hash_of(group + node_group)}"}],
            "backendPoolType": "nodeIPConfiguration",
        }
    return profile


def fill_autoscaler(properties: Wire, pools: list[Wire]) -> None:
    """Give a cluster the autoscaler's defaults, if one of its pools has the autoscaler."""
    given = properties.get("autoScalerProfile")
    if given or any(pool.get("enableAutoScaling") for pool in pools):
        properties["autoScalerProfile"] = {**AUTOSCALER_DEFAULTS, **(given or {})}


def new_pool(given: Wire, cluster: Wire, *, version: str, patch: str, state: str, etag: str) -> Wire:
    """A pool with what AKS fills in. `cluster`: the properties of its cluster; `patch`: the version its nodes run."""
    network = cluster.get("networkProfile") or {}
    flat = network.get("networkPlugin") == "azure" and network.get("networkPluginMode") != "overlay"
    overlay = network.get("networkPluginMode") == "overlay"
    properties = {
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": 250 if overlay else 30 if flat else 110,
        "type": "VirtualMachineScaleSets",
        "mode": "User",
        "count": 1,
        "scaleDownMode": "Delete",
        "enableFIPS": False,
        "securityProfile": {"sshAccess": "LocalUser", "enableVTPM": False, "enableSecureBoot": False},
        "vmSize": "Standard_D2s_v3",
        **{key: value for key, value in given.items() if key not in ("name", "id") and kept(key, value)},
        "orchestratorVersion": version,
        "currentOrchestratorVersion": patch,
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202611.01.0",
        "powerState": {"code": "Running"},
        "provisioningState": state,
        "eTag": etag,
    }
    return {"name": given["name"], "type": "Microsoft.ContainerService/managedClusters/agentPools", "properties": properties}


def change_pool(properties: Wire, wanted: Wire, etag: str) -> None:
    """Put the wanted members into a pool's properties."""
    properties.update({key: value for key, value in wanted.items() if key not in NOT_GIVEN and kept(key, value)})
    properties["type"] = "VirtualMachineScaleSets"
    if not properties.get("enableAutoScaling"):
        properties.pop("minCount", None)
        properties.pop("maxCount", None)
    properties["eTag"] = etag
