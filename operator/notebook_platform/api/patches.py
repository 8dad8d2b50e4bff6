"""Patches: JSON merge patches (RFC 7396) over the bodies that the operator sends to Azure, for members that the spec has no field for.

A patch may set any member but those here: they name the resource or its owner, belong to a field or a step of their own, hold a
secret, or are written by Azure alone. The CRD declares them so that the API server refuses them with the reason, and
`azure/patches.py` refuses what admission cannot see (another spelling, null, members without a declaration). Used by the models of
spec.cluster, spec.nodePools[] and spec.autoscale[].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notebook_platform.bounded.documents import Budget

BUDGET = Budget(bytes=16 << 10, nodes=1000, depth=16)
"""Limits of one patch. The longest body of a managed cluster that AKS documents has some 400 values, six levels deep."""

KEEP_UNKNOWN = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A member that a patch cannot set: its JSON type, why it cannot, and the remedy, an imperative sentence."""

    type: str
    because: str
    remedy: str


def _resource(kind: str, rename: str) -> dict[str, Guarded]:
    """Return what identifies any resource of Azure."""
    return {
        "id": Guarded(type="string", because=f"it identifies the {kind}", remedy=rename),
        "name": Guarded(type="string", because=f"it identifies the {kind}", remedy=rename),
        "type": Guarded(type="string", because=f"it identifies the {kind}", remedy="Remove it."),
        **_read_only("systemData", type_="object"),
    }


def _read_only(*names: str, type_: str = "string") -> dict[str, Guarded]:
    return {name: Guarded(type=type_, because="only Azure sets it", remedy="Remove it.") for name in names}


_LOCATION = Guarded(type="string", because="the region cannot change", remedy="Set spec.azure.location.")
_TAGS = Guarded(type="object", because="a tag names the owner", remedy="Set spec.azure.tags.")
_VERSION = Guarded(type="string", because="upgrades go step by step, in an order", remedy="Set spec.cluster.kubernetesVersion.")

CLUSTER: Mapping[str, Guarded] = {
    **_resource("managed cluster", "Set spec.cluster.name."),
    **_read_only("eTag"),
    "location": _LOCATION,
    "tags": _TAGS,
    "identity": Guarded(type="object", because="role assignments follow the identity", remedy="Set spec.identity."),
    "properties.agentPoolProfiles": Guarded(
        type="array", because="it would replace all agent pools", remedy="Set spec.nodePools[].patch."
    ),
    "properties.kubernetesVersion": _VERSION,
    "properties.nodeResourceGroup": Guarded(
        type="string", because="it names a resource group", remedy="Set spec.cluster.nodeResourceGroup."
    ),
    "properties.powerState": Guarded(
        type="object", because="AKS starts and stops a cluster by calls of their own", remedy="Set spec.cluster.powerState."
    ),
    "properties.servicePrincipalProfile": Guarded(
        type="object", because="it holds the principal's secret", remedy="Set spec.identity.servicePrincipal."
    ),
    "properties.windowsProfile.adminPassword": Guarded(
        type="string", because="it is a secret, which every reader of the platform would see", remedy="Remove it; AKS makes one."
    ),
    "properties.aadProfile.serverAppSecret": Guarded(
        type="string",
        because="it is a secret, which every reader of the platform would see",
        remedy="Set spec.cluster.entra, which needs none.",
    ),
    **_read_only(
        *("properties.provisioningState", "properties.currentKubernetesVersion", "properties.fqdn", "properties.privateFQDN"),
        *("properties.azurePortalFQDN", "properties.resourceUID"),
    ),
    **_read_only("properties.status", type_="object"),
    **_read_only("properties.maxAgentPools", type_="integer"),
}
"""Members of a managed cluster.
Source: https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update"""

_COUNT = "the number of nodes has one owner"

POOL: Mapping[str, Guarded] = {
    **_resource("agent pool", "Set spec.nodePools[].name."),
    "properties.tags": _TAGS,
    "properties.vmSize": Guarded(type="string", because="a field of the spec sets it", remedy="Set spec.nodePools[].vmSize."),
    "properties.count": Guarded(type="integer", because=_COUNT, remedy="Set spec.nodePools[].count."),
    "properties.minCount": Guarded(type="integer", because=_COUNT, remedy="Set spec.nodePools[].autoscaling."),
    "properties.maxCount": Guarded(type="integer", because=_COUNT, remedy="Set spec.nodePools[].autoscaling."),
    "properties.enableAutoScaling": Guarded(type="boolean", because=_COUNT, remedy="Set spec.nodePools[].autoscaling."),
    "properties.orchestratorVersion": _VERSION,
    "properties.powerState": Guarded(
        type="object",
        because="the operator waits for the pool's nodes",
        remedy="Set spec.nodePools[].count or autoscaling.minCount to 0.",
    ),
    **_read_only("properties.provisioningState", "properties.currentOrchestratorVersion", "properties.nodeImageVersion"),
    **_read_only("properties.eTag"),
    **_read_only("properties.status", type_="object"),
}
"""Members of an agent pool. Source: https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update"""

AUTOSCALE: Mapping[str, Guarded] = {
    **_resource("autoscale setting", "Set spec.autoscale[].name."),
    "location": _LOCATION,
    "tags": _TAGS,
    "properties.name": Guarded(type="string", because="it identifies the setting", remedy="Set spec.autoscale[].name."),
    "properties.targetResourceUri": Guarded(
        type="string", because="it is the pool's scale set", remedy="Set spec.autoscale[].pool."
    ),
    "properties.targetResourceLocation": _LOCATION,
}
"""Members of an autoscale setting.
Source: https://learn.microsoft.com/rest/api/monitor/autoscale-settings/create-or-update"""

PLACES: Mapping[str, Mapping[str, Guarded]] = {
    "spec.cluster.patch": CLUSTER,
    "spec.nodePools[].patch": POOL,
    "spec.autoscale[].patch": AUTOSCALE,
}
"""The fields that hold patches, with the members that each cannot set."""


def refusal(field: str, member: str, guarded: Guarded) -> str:
    """Return the sentence, without the remedy. `field`: the patch, `member`: the dotted path in it."""
    return f"{field}.{member} cannot be set: {guarded.because}"


def declared(members: Mapping[str, Guarded]) -> dict[str, Any]:
    """Return the schema of a patch, for a field's `json_schema_extra`: anything, with a declaration of each guarded member."""
    root: dict[str, Any] = {KEEP_UNKNOWN: True, "properties": {}}
    for path, guarded in members.items():
        node, (*above, name) = root, path.split(".")
        for step in above:
            inner = {"type": "object", KEEP_UNKNOWN: True, "description": f"Members of {step}.", "properties": {}}
            node = node["properties"].setdefault(step, inner)
        node["properties"][name] = _leaf(guarded)
    return root


def _leaf(guarded: Guarded) -> dict[str, Any]:
    leaf: dict[str, Any] = {"type": guarded.type, "description": f"Refused: {guarded.because}. {guarded.remedy}"}
    if guarded.type == "object":
        leaf[KEEP_UNKNOWN] = True
    if guarded.type == "array":
        named = {"name": {"type": "string", "description": "Name."}}
        item = {"type": "object", KEEP_UNKNOWN: True, "properties": named, "required": ["name"]}
        leaf |= {"items": item, "x-kubernetes-list-type": "atomic"}
    return leaf
