"""Cluster: the managed cluster, created with all its agent pools in one PUT, then changed, upgraded and repaired in place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from azure.core import MatchConditions

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.api.schedules import active
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import begin_lro, working
from notebook_platform.azure.arm.repeated import upgrade_despite
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.arm.tagging import only_tags, write_tags
from notebook_platform.azure.cluster_body import (
    Wire,
    autoscaled_pools,
    busy_pools,
    cluster_output,
    current_version,
    lagging_pools,
    names_of_aks,
    power_state,
    updated_cluster,
    with_identities_named,
)
from notebook_platform.azure.cluster_changes import (
    NODE_PROVISIONING_PATH,
    STATE_PATH,
    VERSION_PATH,
    cluster_changes,
    is_upgrade,
    minor_steps,
    removed_sign_in,
)
from notebook_platform.azure.cluster_notices import notices
from notebook_platform.azure.cluster_patch import cluster_patch, judged_changes, patched_cluster
from notebook_platform.azure.last_applied import with_resets
from notebook_platform.azure.merge_patch import without_absent
from notebook_platform.azure.node_provisioning import autoscaler_first
from notebook_platform.azure.patch_changes import sent_tag
from notebook_platform.azure.patches import Patch
from notebook_platform.azure.principal_secret import current_secret, record_cluster_secret
from notebook_platform.azure.repair import REPAIRS_TAG, finished_repairs, next_repair
from notebook_platform.azure.schedules import check_schedules, seconds_to_turn
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.states import is_busy, state_of
from notebook_platform.azure.tagged_resource import TaggedResource, busy_deleting
from notebook_platform.azure.upgrade_gate import awaits_pools, idle_pools_first, pools_first, upgrade_gate
from notebook_platform.azure.versions import next_version
from notebook_platform.engine import Action, Change, Inputs, Observed
from notebook_platform.engine.change import KNOWN_AFTER_APPLY, Gate
from notebook_platform.engine.outcome import Outcome, Progressing, Ready

FIELD = "spec.cluster"
CREATE_SECONDS, UPDATE_SECONDS, UPGRADE_SECONDS, DELETE_SECONDS, POWER_SECONDS = 300.0, 120.0, 600.0, 240.0, 180.0
"""Usual lengths (https://learn.microsoft.com/azure/aks/), for progress; nothing depends on them."""

POWER_PATH = "powerState"
POOLS_RECHECK = 30.0
"""Seconds. A change waits for pools whose work may end while NodePools polls it, and then no other step asks for a reconcile."""


@dataclass(frozen=True)
class Found:
    """The cluster as read. `gate`: what holds the upgrade that the spec asks for, which only a fresh observation finds out."""

    body: Wire
    gate: Gate | None = None


@dataclass(frozen=True)
class SshKey:
    """The public key from the Secret that spec.cluster.sshPublicKeyFrom names."""

    text: str


class Cluster(TaggedResource[Wire, Found, outputs.Cluster]):
    """The managed cluster of spec.cluster, without what its agent pools become later."""

    name = "Cluster"
    provides = outputs.Cluster
    needs = (outputs.ResourceGroup, outputs.Network, outputs.Identity, outputs.RoleAssignment)
    cacheable = True
    resource_type = CLUSTERS
    noun = "managed cluster"
    field = FIELD
    name_field = f"{FIELD}.name"

    def __init__(self, scope: AzureScope) -> None:
        super().__init__(scope)
        self._name = scope.spec.cluster.name
        self.refers = scope.spec.cluster.ssh_public_key_from is not None
        self._floor = scope.spec.cluster.upgrades.moves_version
        self._kept = names_of_aks(scope.spec.cluster)
        self._schedules = () if scope.deleting else scope.spec.cluster.power_schedules
        self._pools = {pool.name for pool in scope.spec.node_pools}

    def desired(self, inputs: Inputs) -> Wire:
        body = patched_cluster(
            self._scope.spec,
            self._scope.applied.get(self.name),
            network=inputs.get(outputs.Network),
            identity=inputs[outputs.Identity],
            ssh_key=read.text if (read := inputs.get(SshKey)) else self._scope.spec.cluster.ssh_public_key,
            tags=self._scope.tags,
            now=self._scope.now,
        )
        return with_resets(body, self._scope.applied.get(self.name))

    async def prepare(self, inputs: Inputs) -> Inputs:
        reference = self._scope.spec.cluster.ssh_public_key_from
        if reference is None:
            return inputs
        data = await self._scope.secrets.read(reference.name, reference.key, field=f"{FIELD}.sshPublicKeyFrom")
        return inputs.including(SshKey(data[reference.key]))

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        pending = await self._scope.pending(self.name, FIELD, CLUSTERS, self._name)
        if pending is not None:
            return replace(pending, notices=notices(self._scope.spec))
        body = await self.look_up(self._name, fresh=fresh)
        if body is None:
            return Observed(notices=notices(self._scope.spec))
        if failed := self.conflict(body, self._name):
            return Observed(failed=failed, ours=False)
        return Observed(
            found=Found(body, await upgrade_gate(self._scope, body) if fresh else None),
            busy=self.busy(body),
            notices=notices(self._scope.spec),
            requeue_after=POOLS_RECHECK if fresh and busy_pools(body) else seconds_to_turn(self._schedules, self._scope.now),
            dormant=power_state(body) == "Stopped",
        )

    def resource(self, found: Found) -> Wire:
        return found.body

    def busy(self, resource: Wire) -> Progressing | None:
        if not is_busy(resource["properties"]):
            return None
        state = state_of(resource["properties"])
        return working(state, f"The managed cluster {self._name} is {state}", 5, "managed cluster")

    @property
    def _wanted_power(self) -> str:
        """Return Running or Stopped: the schedule's at this moment, else the spec's. A cluster that is deleted need not run."""
        check_schedules(self._schedules, f"{FIELD}.powerSchedules")
        chosen = active(self._schedules, self._scope.now)
        return chosen.power_state if chosen else self._scope.spec.cluster.power_state

    def varying(self, desired: Wire) -> Mapping[str, str]:
        return {POWER_PATH: self._wanted_power} if self._schedules else {}

    def plan(self, desired: Wire | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return ()
        power = power_state(found.body) if found else "Running"
        changes = (
            list(cluster_changes(desired, found.body if found else None, floor=self._floor, kept=self._kept))
            if power == "Running"
            else []
        )
        if found and power == "Running":
            applied = self._scope.applied.get(self.name)
            changes += [*self.removed_tags(found.body), *removed_sign_in(desired, found.body, applied)]
            changes += finished_repairs(found.body["properties"], found.body.get("tags"))
        changes = judged_changes(changes, self._patch(desired), found.body if found else None, self._scope.now)
        if found and (gate := found.gate):
            changes = [replace(c, gate=gate) if is_upgrade(c) else c for c in changes]
        if found and power != self._wanted_power:
            # A cluster that is asked to sleep disrupts on purpose: that waits for nothing.
            changes.append(Change(path=POWER_PATH, action=Action.UPDATE, before=power, after=self._wanted_power))
        return changes

    async def apply(self, desired: Wire | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None
        if found is None:
            return await self._create(desired)
        if at_work := busy_pools(found.body):
            return idle_pools_first(at_work, self.output(found))
        if any(change.path == POWER_PATH for change in changes):
            return await self._power(self._wanted_power)
        if only_tags(changes):
            async with azure_errors(FIELD):
                await write_tags(self._scope.session, found.body["id"], changes)
            return Ready()
        if pools := autoscaled_pools(found.body):
            changes = [change for change in changes if (change.path, change.after) != (NODE_PROVISIONING_PATH, "Auto")]
            if not changes:
                return autoscaler_first(self._scope.spec, pools, self.output(found))
        return await upgrade_despite(partial(self._update, desired, found), changes, VERSION_PATH)

    def _patch(self, desired: Wire) -> Patch:
        return cluster_patch(self._scope.spec, self._scope.applied.get(self.name), desired)

    async def _power(self, wanted: str) -> Outcome:
        begin = self._clusters.begin_stop if wanted == "Stopped" else self._clusters.begin_start
        kind = f"{'stop' if wanted == 'Stopped' else 'start'} managed cluster {self._name}"
        async with azure_errors(f"{FIELD}.powerState"):
            busy = await begin_lro(begin, self._scope.group, self._name, kind=kind, expected=POWER_SECONDS)
        return busy or Ready()

    async def _create(self, desired: Wire) -> Outcome:
        body = with_identities_named(without_absent(desired))
        body["properties"]["agentPoolProfiles"] = [without_absent(pool) for pool in body["properties"]["agentPoolProfiles"]]
        profile = body["properties"].get("servicePrincipalProfile")
        if profile:
            secret = await current_secret(self._scope)
            await record_cluster_secret(self._scope, secret.id)
            body["properties"]["servicePrincipalProfile"] = {**profile, "secret": secret.value}
        kind = f"create managed cluster {self._name}"
        async with azure_errors(FIELD):
            begin, guard = self._clusters.begin_create_or_update, MatchConditions.IfMissing
            busy = await begin_lro(
                begin, self._scope.group, self._name, body, kind=kind, expected=CREATE_SECONDS, match_condition=guard
            )
        return busy or Ready()

    async def _update(self, desired: Wire, found: Found, changes: Sequence[Change]) -> Outcome:
        existing, members = found.body, [change for change in changes if change.keys]
        version, kind, expected = None, f"update managed cluster {self._name}", UPDATE_SECONDS
        repairs = any(change.path == STATE_PATH for change in changes)
        if not members and not repairs:  # AKS refuses an upgrade together with other changes, so it comes alone and last
            wanted, current = desired["properties"]["kubernetesVersion"], current_version(existing)
            version = next_version(current, wanted)
            if behind := lagging_pools(existing, self._pools):
                return pools_first(self._scope.spec, behind, current, version, self.output(found))
            kind, expected = f"upgrade managed cluster {self._name} to {version}", UPGRADE_SECONDS
        body = updated_cluster(existing, members, version)
        body["tags"] |= sent_tag(members, self._patch(desired), existing.get("tags"), self._scope.now)
        if repairs:
            what = f"the managed cluster {self._name!r}"
            body["tags"][REPAIRS_TAG] = next_repair(
                what, FIELD, Reason.CLUSTER_FAILED, desired, existing["properties"], body["tags"]
            )
        etag = existing.get("eTag")
        guard = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        async with azure_errors(FIELD):
            begin = self._clusters.begin_create_or_update
            target, sent = (self._scope.group, self._name), [] if repairs else changes
            busy = await self._scope.update(FIELD, sent, begin, *target, body, kind=kind, expected=expected, **guard)
        return busy or Ready()

    def output(self, found: Found | None) -> outputs.Cluster | None:
        if found is None:
            return None
        awaits = found.gate is None and awaits_pools(self._scope.spec, found.body, self._pools)
        return cluster_output(found.body, self._scope.group, awaits_pools=awaits)

    def planned_output(self, desired: Wire) -> outputs.Cluster | None:
        properties = desired["properties"]
        return outputs.Cluster(
            id=self._scope.id_of(CLUSTERS.name, self._name),
            name=self._name,
            resource_group=self._scope.group,
            node_resource_group=properties["nodeResourceGroup"],
            location=desired["location"],
            kubernetes_version=properties["kubernetesVersion"],
            power_state="Running",
            principal_id=KNOWN_AFTER_APPLY,
            kubelet_id=KNOWN_AFTER_APPLY,
            planned=True,
            local_accounts=not properties["disableLocalAccounts"],
        )

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        if any(change.action is Action.CREATE for change in changes):
            return CREATE_SECONDS
        upgrades = sum(UPGRADE_SECONDS * minor_steps(change) for change in changes if change.path == VERSION_PATH)
        power = POWER_SECONDS if any(change.path == POWER_PATH for change in changes) else 0.0
        others = [change for change in changes if change.path not in (VERSION_PATH, POWER_PATH)]
        return max(upgrades + power, 0.0 if only_tags(others) else UPDATE_SECONDS)

    async def delete_owned(self, resource: Wire) -> Outcome:
        kind, begin = f"delete managed cluster {self._name}", self._clusters.begin_delete
        busy = await begin_lro(begin, self._scope.group, self._name, kind=kind, expected=DELETE_SECONDS)
        return busy or busy_deleting(kind, requeue_after=5)

    @property
    def _clusters(self) -> Any:
        return self._scope.session.container_service.managed_clusters


async def find_cluster(scope: AzureScope) -> outputs.Cluster | None:
    """Read the spec's managed cluster from Azure; None when there is none or it is another owner's. Raises StepError."""
    name = scope.spec.cluster.name
    async with azure_errors(FIELD):
        found = await scope.get(CLUSTERS, name, fresh=True)
    if found is None or not scope.owner.owns(found.get("tags")):
        return None
    return cluster_output(found, scope.group)
