"""Agent pools in wire form. Pure: what the spec says of a pool, and how it differs from what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from notebook_platform.api.cluster import NodePool
from notebook_platform.azure.versions import satisfies
from notebook_platform.engine import Action, Change
from notebook_platform.engine.change import compare

Wire = dict[str, Any]

IMMUTABLE = frozenset({"vmSize", "vnetSubnetID", "maxPods", "osDiskSizeGB", "availabilityZones", "type"})
"""A pool has these for life; it is replaced to change them
(https://learn.microsoft.com/azure/aks/manage-node-pools, and azurerm's rotation list)."""

SPEC_FIELDS = {"vmSize": "vmSize", "maxPods": "maxPods", "osDiskSizeGB": "osDiskSizeGB", "availabilityZones": "availabilityZones"}

BUSY = frozenset({"Creating", "Updating", "Upgrading", "Scaling", "Deleting", "Migrating", "UpdatingNodes"})


def pool_body(pool: NodePool, *, subnet_id: str | None, tags: Mapping[str, str]) -> Wire:
    """The members of an agent pool that the spec speaks of, without its name and its version."""
    body: Wire = {
        "mode": pool.mode,
        "vmSize": pool.vm_size,
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": pool.autoscaling is not None,
        "tags": dict(tags),
        "nodeLabels": dict(pool.node_labels),
        "nodeTaints": list(pool.node_taints),
    }
    if pool.autoscaling is not None:
        body |= {"minCount": pool.autoscaling.min_count, "maxCount": pool.autoscaling.max_count}
    optional = {"vnetSubnetID": subnet_id, "maxPods": pool.max_pods, "osDiskSizeGB": pool.os_disk_size_gb}
    body |= {key: value for key, value in optional.items() if value is not None}
    if pool.availability_zones:
        body["availabilityZones"] = list(pool.availability_zones)
    if pool.autoscaling is None:
        body["count"] = initial_count(pool)
    return body


def initial_count(pool: NodePool) -> int:
    """Nodes at creation: as asked, or the least the autoscaler may have."""
    if pool.count is not None:
        return pool.count
    return pool.autoscaling.min_count if pool.autoscaling else 1


def pool_changes(pool: NodePool, wanted: Wire, version: str, found: Wire | None) -> Sequence[Change]:
    """What differs. The live count of an autoscaled pool is the autoscaler's and never compared."""
    path = f"agentPools[{pool.name}]"
    if found is None:
        return [Change(path=path, action=Action.CREATE, after={**wanted, "count": initial_count(pool)})]
    differences = compare({k: v for k, v in wanted.items() if v not in ({}, [])}, found, path)
    changes = [_judged(change, path) for change in differences]
    for key in ("nodeLabels", "nodeTaints"):
        if not wanted[key] and found.get(key):
            changes.append(Change(path=f"{path}.{key}", action=Action.UPDATE, before=found[key], after=wanted[key]))
    current = str(found.get("currentOrchestratorVersion") or found.get("orchestratorVersion") or version)
    if not satisfies(current, version):
        change = Change(path=f"{path}.orchestratorVersion", action=Action.UPDATE, before=current, after=version, disrupts=True)
        changes.append(change)
    return changes


def _judged(change: Change, path: str) -> Change:
    member = change.path.removeprefix(f"{path}.").split(".")[0]
    if member not in IMMUTABLE:
        return change
    return replace(change, action=Action.REPLACE, disrupts=True)


READ_ONLY = frozenset({"provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "eTag", "powerState"})


def updated_pool(found: Wire, wanted: Wire, version: str | None) -> Wire:
    """The pool as read with our members in it; the live count stays as read. `version` None: as it is."""
    body = {key: value for key, value in found.items() if key not in READ_ONLY}
    body |= wanted
    if not wanted["enableAutoScaling"]:
        body.pop("minCount", None)
        body.pop("maxCount", None)
    if version is not None:
        body["orchestratorVersion"] = version
    return body
