"""spec.nodePools[].patch over the body of an agent pool. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.patches import POOL
from notebook_platform.azure.last_applied import Record
from notebook_platform.azure.patch_changes import PATCH_TAG, sent_tag
from notebook_platform.azure.patch_removal import resets
from notebook_platform.azure.patches import Patch, Wire
from notebook_platform.engine import Action, Change

OWNERS = {
    "properties.availabilityZones": "availabilityZones",
    "properties.gpuInstanceProfile": "gpu.instanceProfile",
    "properties.gpuProfile.driver": "gpu.driver",
    "properties.maxPods": "maxPods",
    "properties.mode": "mode",
    "properties.nodeLabels": "nodeLabels",
    "properties.nodeTaints": "nodeTaints",
    "properties.osDiskSizeGB": "osDiskSizeGB",
    "properties.osDiskType": "osDiskType",
    "properties.osSKU": "osSKU",
    "properties.scaleSetEvictionPolicy": "spot.evictionPolicy",
    "properties.scaleSetPriority": "spot",
    "properties.spotMaxPrice": "spot.maxPrice",
    "properties.upgradeSettings.maxSurge": "maxSurge",
    "properties.vnetSubnetID": "subnet",
}
"""The field of spec.nodePools[] that sets a member, by the member or the object that holds it."""

IMMUTABLE_MEMBERS = frozenset(
    {
        "capacityReservationGroupID",
        "creationData",
        "enableEncryptionAtHost",
        "enableNodePublicIP",
        "enableUltraSSD",
        "gatewayProfile",
        "hostGroupID",
        "kubeletConfig",
        "kubeletDiskType",
        "linuxOSConfig",
        "messageOfTheDay",
        "nodePublicIPPrefixID",
        "osType",
        "podIPAllocationMode",
        "podSubnetID",
        "proximityPlacementGroupID",
        "type",
        "windowsProfile",
        "workloadRuntime",
    }
)
"""Members without a field of their own that a pool has for its life: a change replaces the pool, as replacement says.
Sources: https://learn.microsoft.com/azure/aks/manage-node-pools, https://learn.microsoft.com/azure/aks/custom-node-configuration,
and the properties for which azurerm rotates a pool."""

REIMAGED = frozenset({"artifactStreamingProfile", "enableFIPS", "localDNSProfile", "securityProfile"})
"""Members for which AKS reimages the pool's nodes. Sources: https://learn.microsoft.com/azure/aks/enable-fips-nodes,
https://learn.microsoft.com/azure/aks/use-trusted-launch, https://learn.microsoft.com/azure/aks/localdns-custom"""


def pool_patch(pool: NodePool, applied: Record | None = None, body: Wire | None = None) -> Patch:
    """Return the patch of a pool with the resets of what was taken out of it; its changes are those of the pool in its flat form.
    `applied`: what was applied last of all pools; `body`: what the spec asks for."""
    here = f"spec.nodePools[{pool.name}]"
    patch = Patch(
        step="NodePools",
        field=f"{here}.patch",
        document=pool.patch,
        guarded=POOL,
        owners={path: f"{here}.{member}" for path, member in OWNERS.items()},
        above=("properties",),
    )
    return replace(patch, resets=resets((applied or {}).get("members", {}), f"{pool.name}/", patch, {"properties": body or {}}))


def without_patch(pool: NodePool) -> NodePool:
    """Return the pool with each optional field at its default, but for those that set the number of nodes."""
    return NodePool(
        name=pool.name, vm_size=pool.vm_size, count=pool.count, autoscaling=pool.autoscaling, schedules=pool.schedules
    )


def patched_pool(pool: NodePool, body: Wire, unset: Wire, applied: Record | None) -> Wire:
    """Return the pool's body with its patch and its resets applied, None for each member that they remove. `unset`: the body of
    `without_patch`; `applied`: what was applied last. Raises StepError (PatchRefused)."""
    patched: Wire = pool_patch(pool, applied, body).over({"properties": body}, {"properties": unset})["properties"]
    return patched


def sent_changes(changes: Sequence[Change], name: str, patch: Patch, found: Wire, now: datetime) -> list[Change]:
    """Return the change of the pool's tags that counts how often these changes were sent; none when none is the patch's."""
    tags = sent_tag(changes, patch, found.get("tags"), now)
    path = f"agentPools[{name}].tags.{PATCH_TAG}"
    return [Change(path=path, action=Action.UPDATE, after=value, keys=("tags", name)) for name, value in tags.items()]
