"""What AKS fills in and keeps: the bodies of clusters and agent pools in wire form. Pure."""

import hashlib
from typing import Any

from sandbox.azure import aks_rules as rules
from sandbox.azure.core.catalog import Catalog
from sandbox.azure.core.store import Resource
from sandbox.azure.world import TENANT

Wire = dict[str, Any]

NOT_GIVEN = ("name", "id", "type", "provisioningState", "eTag", "currentOrchestratorVersion")
"""Members of a pool that a PUT cannot set, though it may carry them as they were read."""
READ_ONLY = ("provisioningState", "powerState", "currentKubernetesVersion", "fqdn", "maxAgentPools", "resourceUID")
"""The same of a cluster."""


CLUSTER_DEFAULTS: Wire = {
    "apiServerAccessProfile": {"enablePrivateCluster": False},
    "autoUpgradeProfile": {"upgradeChannel": "none", "nodeOSUpgradeChannel": "NodeImage"},
    "bootstrapProfile": {"artifactSource": "Direct"},
    "nodeProvisioningProfile": {"mode": "Manual"},
    "oidcIssuerProfile": {"enabled": False},
    "securityProfile": {"workloadIdentity": {"enabled": False}},
}
POOL_FLAGS = ("enableEncryptionAtHost", "enableFIPS", "enableNodePublicIP", "enableUltraSSD")
"""What holds where nothing is said (https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update)."""


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


def node_group_of(given: Wire, *, group: str, name: str, location: str) -> str:
    """The node resource group's name, as given or as AKS makes it up."""
    return given.get("nodeResourceGroup") or f"MC_{group}_{name}_{location}"


def new_cluster(call_body: Wire, *, id_: str, node_group: str, version: str, etag: str) -> Wire:
    """A cluster that is being created; its pools are resources of their own. `version`: the patch that will run."""
    given: Wire = call_body["properties"]
    name, location = id_.rsplit("/", 1)[1], call_body["location"].replace(" ", "").lower()
    prefix = given.get("dnsPrefix") or name
    fqdn = f"{prefix}-{hash_of(id_)}.hcp.{location}.azmk8s.io".lower()
    properties = {
        **{key: {**value, **(given.get(key) or {})} for key, value in CLUSTER_DEFAULTS.items()},
        **{key: value for key, value in given.items() if key not in ("agentPoolProfiles", *CLUSTER_DEFAULTS)},
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "kubernetesVersion": given.get("kubernetesVersion") or version,
        "currentKubernetesVersion": version,
        "dnsPrefix": prefix,
        "fqdn": fqdn,
        "azurePortalFQDN": fqdn.replace(".hcp.", ".portal.hcp."),
        "nodeResourceGroup": node_group,
        "maxAgentPools": 100,
        "resourceUID": hash_of(id_),
    }
    give_issuer(properties, location, id_)
    return {
        "name": name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "location": location,
        "tags": call_body.get("tags") or {},
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


def new_pool(given: Wire, cluster: Wire, *, version: str, patch: str, state: str, etag: str) -> Wire:
    """A pool with what AKS fills in. `cluster`: the properties of its cluster; `patch`: the version its nodes run."""
    flat = (cluster.get("networkProfile") or {}).get("networkPlugin") == "azure"
    properties = {
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": 30 if flat else 110,
        "type": "VirtualMachineScaleSets",
        "mode": "User",
        "count": 1,
        "enableAutoScaling": False,
        "scaleDownMode": "Delete",
        "scaleSetPriority": "Regular",
        **dict.fromkeys(POOL_FLAGS, False),
        "vmSize": "Standard_D2s_v3",
        **{key: value for key, value in given.items() if key not in ("name", "id") and value is not None},
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
    properties.update({key: value for key, value in wanted.items() if key not in NOT_GIVEN})
    properties["type"] = "VirtualMachineScaleSets"
    if not properties.get("enableAutoScaling"):
        properties.pop("minCount", None)
        properties.pop("maxCount", None)
    properties["eTag"] = etag
