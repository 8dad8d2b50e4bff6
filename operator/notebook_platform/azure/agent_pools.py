"""Render and compare agent pools in the JSON of Resource Manager. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.numbers import json_number
from notebook_platform.api.pool_nodes import labels_of, taints_of
from notebook_platform.api.reasons import Reason
from notebook_platform.api.schedules import active
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.ownership import OWNER_TAG
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.last_applied import Record
from notebook_platform.azure.patch_changes import judged, removal_refused, restoring
from notebook_platform.azure.patches import Patch
from notebook_platform.azure.pool_patch import IMMUTABLE_MEMBERS, REIMAGED, patched_pool, without_patch
from notebook_platform.azure.repair import REPAIRS_TAG, next_repair
from notebook_platform.azure.states import SUCCEEDED, is_unfinished, state_of
from notebook_platform.azure.versions import downgrade, ignores_version, reached
from notebook_platform.engine import Action, Change, Failed, Notice
from notebook_platform.engine.change import Disruptive, Impossible, merged
from notebook_platform.versions import parse

Wire = dict[str, Any]

FIELD = "spec.nodePools"
CREATE_SECONDS, UPDATE_SECONDS, UPGRADE_SECONDS, DELETE_SECONDS = 120.0, 60.0, 600.0, 90.0

SPEC_FIELDS = {
    "vmSize": "vmSize",
    "vnetSubnetID": "subnet",
    "maxPods": "maxPods",
    "osDiskSizeGB": "osDiskSizeGB",
    "osDiskType": "osDiskType",
    "osSKU": "osSKU",
    "availabilityZones": "availabilityZones",
    "scaleSetPriority": "spot",
    "scaleSetEvictionPolicy": "spot.evictionPolicy",
    "spotMaxPrice": "spot.maxPrice",
    "gpuInstanceProfile": "gpu.instanceProfile",
    "gpuProfile": "gpu.driver",
}
"""The immutable properties of a pool, and the member of spec.nodePools[] that sets each; changing one replaces the pool
(https://learn.microsoft.com/azure/aks/manage-node-pools, and azurerm's rotation list)."""


AT_CREATION = frozenset({"osType", "type"})
"""Members that no field of the spec names: an existing pool keeps its own."""


def subnet_of(pool: NodePool, network: outputs.Network | None) -> str | None:
    """Return the subnet of a pool's nodes: its own, or the platform's."""
    if pool.subnet_id:
        return pool.subnet_id
    if network is None:
        return None
    if not pool.subnet:
        return network.subnet_id
    return network.subnets.get(pool.subnet) or f"{network.virtual_network_id}/subnets/{pool.subnet}"


def bounds_of(pool: NodePool, now: datetime) -> tuple[int, int] | None:
    """Return (minimum, maximum) nodes of the cluster autoscaler at this moment; None: it does not scale the pool."""
    if pool.autoscaling is None:
        return None
    chosen = active(pool.schedules, now) or pool.autoscaling
    return chosen.min_count, chosen.max_count


def pool_body(
    pool: NodePool,
    *,
    subnet_id: str | None,
    tags: Mapping[str, str],
    now: datetime,
    owns_count: bool = True,
    applied: Record | None = None,
) -> Wire:
    """Return the members of an agent pool that the spec sets, without its name and its version; None for a member that the pool's patch
    removes. Raises StepError (PatchRefused).

    `owns_count` is False when Azure Monitor scales the pool: then the spec's count holds at creation only. `applied`: what was applied
    last of all pools.
    """
    body = _members(pool, subnet_id, tags, now, owns_count)
    if not (pool.patch or applied):
        return body
    return patched_pool(pool, body, _members(without_patch(pool), None, tags, now, owns_count), applied)


def _members(pool: NodePool, subnet_id: str | None, tags: Mapping[str, str], now: datetime, owns_count: bool) -> Wire:
    bounds = bounds_of(pool, now)
    body: Wire = {
        "mode": pool.mode,
        "vmSize": pool.vm_size,
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": bounds is not None,
        "tags": dict(tags),
        "nodeLabels": labels_of(pool),
        "nodeTaints": taints_of(pool),
    }
    if bounds is not None:
        body |= {"minCount": bounds[0], "maxCount": bounds[1]}
    elif pool.count is not None and owns_count:
        body["count"] = pool.count
    optional: Wire = {
        "vnetSubnetID": subnet_id,
        "maxPods": pool.max_pods,
        "osDiskSizeGB": pool.os_disk_size_gb,
        "osDiskType": pool.os_disk_type,
        "osSKU": pool.os_sku,
        "availabilityZones": list(pool.availability_zones) or None,
        "upgradeSettings": {"maxSurge": pool.max_surge} if pool.max_surge else None,
    }
    if pool.spot:
        optional |= {
            "scaleSetPriority": "Spot",
            "scaleSetEvictionPolicy": pool.spot.eviction_policy,
            "spotMaxPrice": json_number(pool.spot.max_price),
        }
    if pool.gpu:
        optional |= {"gpuProfile": {"driver": pool.gpu.driver}, "gpuInstanceProfile": pool.gpu.instance_profile}
    return body | {key: value for key, value in optional.items() if value is not None}


def initial_count(pool: NodePool) -> int:
    """Return the number of nodes at creation: the spec's count, or the autoscaler's minimum."""
    if pool.count is not None:
        return pool.count
    return pool.autoscaling.min_count if pool.autoscaling else 1


POOL_DEFAULTS: Mapping[str, Any] = {"osType": "Linux", "type": "VirtualMachineScaleSets", "mode": "User", "maxSurge": "10%"}
"""What a member means that Azure leaves out of its answer
(https://learn.microsoft.com/azure/aks/upgrade-aks-cluster#customize-node-surge-upgrade)."""


@dataclass(frozen=True)
class Version:
    """The version that the spec asks for. `floor`: an upgrade channel moves it on, so a newer one is as desired."""

    wanted: str
    floor: bool = False


def version_of(spec: NotebookPlatformSpec, control_plane: str) -> Version:
    """Return the version of the spec, or the control plane's if that is older and another client upgrades it."""
    wanted = spec.cluster.kubernetes_version
    if ignores_version(spec) and parse(wanted) > parse(control_plane):
        wanted = control_plane
    return Version(wanted, floor=spec.cluster.upgrades.moves_version)


def pool_changes(name: str, wanted: Wire, count: int, version: Version, found: Wire | None) -> Sequence[Change]:
    """Return the differences. The node count has one owner: `wanted` has it only if the spec owns it. `count`: at creation."""
    path = f"agentPools[{name}]"
    if found is None:
        return [Change(path=path, action=Action.CREATE, after={**wanted, "count": count})]
    compared = {key: value for key, value in wanted.items() if value not in ({}, []) and key not in AT_CREATION}
    differences = compare_wire(compared, found, path)
    changes = [_gated(change) for change in differences if not _is_default(change)]
    if wanted.get("scaleSetPriority") is None and str(found.get("scaleSetPriority") or "Regular").lower() == "spot":
        keys = ("scaleSetPriority",)
        change = Change(path=f"{path}.scaleSetPriority", action=Action.UPDATE, before="Spot", after="Regular", keys=keys)
        changes.append(_gated(change))
    if not wanted["nodeTaints"] and (taints := found.get("nodeTaints")):
        changes.append(Change(path=f"{path}.nodeTaints", action=Action.UPDATE, before=taints, after=[], keys=("nodeTaints",)))
    for label, value in (found.get("nodeLabels") or {}).items():
        if label not in wanted["nodeLabels"]:
            place = ("nodeLabels", label)
            changes.append(Change(path=f"{path}.nodeLabels.{label}", action=Action.UPDATE, before=value, keys=place))
    return [*changes, *_version(path, version, found), *_state(path, found)]


def _is_default(change: Change) -> bool:
    """Return whether Azure leaves out a member that has the wanted value. Pools of before 2020 have no mode, and may have either."""
    if change.before is not None:
        return False
    return change.keys == ("mode",) or POOL_DEFAULTS.get(change.keys[-1]) == change.after


def _gated(change: Change) -> Change:
    """Return the change with its gate: an immutable property replaces the pool, and fewer nodes end the pods on them."""
    if change.keys[0] in SPEC_FIELDS or change.keys[0] in IMMUTABLE_MEMBERS:
        return replace(change, action=Action.REPLACE, gate=Disruptive())
    if change.keys == ("count",) and change.after < int(change.before or 0):
        return replace(change, gate=Disruptive())
    return change


def _version(path: str, version: Version, found: Wire) -> Iterator[Change]:
    wanted, here = version.wanted, f"{path}.orchestratorVersion"
    current = str(found.get("currentOrchestratorVersion") or found.get("orchestratorVersion") or wanted)
    if not reached(current, wanted, floor=version.floor):
        refused = downgrade(current, wanted, "spec.cluster.kubernetesVersion")
        gate = Impossible(refused) if refused else Disruptive()
        yield Change(path=here, action=Action.UPDATE, before=current, after=wanted, gate=gate)


def _state(path: str, found: Wire) -> Iterator[Change]:
    if is_unfinished(found):
        yield Change(path=f"{path}.provisioningState", action=Action.UPDATE, before=state_of(found), after=SUCCEEDED, drift=False)


READ_ONLY = frozenset({"provisioningState", "status", "currentOrchestratorVersion", "nodeImageVersion", "eTag", "powerState"})


def updated_pool(found: Wire, changes: Sequence[Change], version: str | None) -> Wire:
    """Return the pool as read, with the changes applied; the node count stays as read. `version` None: unchanged."""
    body = {key: value for key, value in merged(found, changes).items() if key not in READ_ONLY}
    if not body.get("enableAutoScaling"):
        body.pop("minCount", None)
        body.pop("maxCount", None)
    if version is not None:
        body["orchestratorVersion"] = version
    return body


def without_owner(pool: Wire) -> Wire:
    """Return the body that removes the owner tag from a pool."""
    tags = {key: value for key, value in pool["tags"].items() if key.casefold() != OWNER_TAG}
    return updated_pool(pool, [Change(path="tags", action=Action.UPDATE, after=tags, keys=("tags",))], None)


def flat(pool: Wire) -> Wire:
    """Return an agent pool resource in the form that it has inside a cluster: its properties beside its name."""
    return {**pool.get("properties", {}), "name": pool["name"], "id": pool.get("id")} if "properties" in pool else dict(pool)


def repair(name: str, wanted: Wire, version: Version, existing: Wire) -> Change:
    """Return the change that counts one more repair of a Failed pool. Raises StepError (PoolFailed) after too many."""
    body, tags = {**wanted, "orchestratorVersion": version.wanted}, existing.get("tags") or {}
    value = next_repair(f"the agent pool {name!r}", f"{FIELD}[{name}]", Reason.POOL_FAILED, body, existing, tags)
    return Change(path=f"agentPools[{name}].tags", action=Action.UPDATE, after=value, keys=("tags", REPAIRS_TAG))


def unknown_pools(names: Collection[str]) -> tuple[Notice, ...]:
    """Return the notice about pools that neither the spec names nor the operator created; none if there are none."""
    if not names:
        return ()
    message = f"The cluster has agent pools that spec.nodePools does not name: {', '.join(sorted(names))}. They are not changed"
    return (Notice(condition=ConditionType.UNKNOWN_NODE_POOLS, reason=Reason.NOT_IN_SPEC, message=message),)


def of_pool(name: str, changes: Sequence[Change]) -> list[Change]:
    """Return changes of a pool's document as changes of the step, with the pool in their paths."""
    return [replace(change, path=f"agentPools[{name}].{change.path}") for change in changes]


def pool_of(change: Change) -> str:
    """Return the name of the agent pool that a change is about."""
    return change.path.removeprefix("agentPools[").split("]")[0]


def judged_pool(changes: Sequence[Change], patch: Patch, found: Wire | None, now: datetime, *, rotates: bool) -> list[Change]:
    """Return the changes of a pool with the gates of its patch and, unless the pool `rotates`, of immutable properties."""
    replaced = [change for change in changes if change.action is Action.REPLACE and not patch.is_back(change)]
    rest = [change for change in changes if change.action is not Action.REPLACE]
    if not rotates:
        replaced = [replace(change, gate=Impossible(immutable(change, patch), disruptive=True)) for change in replaced]
    return [*replaced, *judged(rest, patch, (found or {}).get("tags"), now, disruptive=REIMAGED)]


def immutable(change: Change, patch: Patch) -> Failed:
    """Return why a change of a pool cannot be made in place."""
    if patch.took_out(change):
        return removal_refused(change, patch)
    pool, member = pool_of(change), change.keys[0]
    field = patch.path_of(change) if patch.sets(change) else f"{FIELD}[{pool}].{SPEC_FIELDS.get(member, 'patch')}"
    before, after = change.before, change.after
    if member == "vnetSubnetID" and not patch.sets(change):
        member, before, after = _as_in_spec(before, after)
        field = f"{FIELD}[{pool}].{member}"
    return Failed(
        reason=Reason.IMMUTABLE_FIELD,
        message=f"{field} is {after!r}, but the pool was created with {before!r}",
        remedy=f"{restoring(field, before)}, set {FIELD}[{pool}].replacement: Rotate, or add a pool with another name.",
    )


def _as_in_spec(before: Any, after: Any) -> tuple[str, Any, Any]:
    """Return the member of a pool of the spec that names two subnets, and both as it does: by name if they are in one network."""
    (network, _, name), (other, _, wanted) = (str(id_).rpartition("/subnets/") for id_ in (before, after))
    return ("subnet", name, wanted) if network and network.lower() == other.lower() else ("subnetId", before, after)


def seconds_of(changes: Sequence[Change]) -> float:
    """Return the usual duration of the changes: the sum over the pools, which are changed one after the other."""
    each = {Action.CREATE: CREATE_SECONDS, Action.DELETE: DELETE_SECONDS, Action.REPLACE: 4 * CREATE_SECONDS}
    longest: dict[str, float] = {}
    for change in changes:
        usual = UPGRADE_SECONDS if change.path.endswith(".orchestratorVersion") else UPDATE_SECONDS
        longest[pool_of(change)] = max(longest.get(pool_of(change), 0.0), each.get(change.action, usual))
    return sum(longest.values())
