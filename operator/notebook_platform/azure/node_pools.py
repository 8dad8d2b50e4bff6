"""NodePools: the agent pools after the cluster was created: added, changed, upgraded, rotated and removed, one write a pass.

A pool that neither the spec names nor the operator created is reported and left alone: it may be in use.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.agent_pools import (
    CREATE_SECONDS,
    DELETE_SECONDS,
    FIELD,
    UPDATE_SECONDS,
    UPGRADE_SECONDS,
    Wire,
    flat,
    initial_count,
    judged_pool,
    of_pool,
    pool_body,
    pool_changes,
    pool_of,
    repair,
    seconds_of,
    subnet_of,
    unknown_pools,
    updated_pool,
    version_of,
    without_owner,
)
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.arm.operations import begin_lro
from notebook_platform.azure.arm.repeated import upgrade_despite
from notebook_platform.azure.arm.resource_types import CLUSTERS, SCALE_SETS
from notebook_platform.azure.checks.new_pools import gated, pool_obstacles
from notebook_platform.azure.last_applied import removed_tags, with_surge
from notebook_platform.azure.merge_patch import without_absent
from notebook_platform.azure.patches import Patch
from notebook_platform.azure.pool_patch import pool_patch, sent_changes
from notebook_platform.azure.pool_state import (
    Found,
    Wanted,
    by_pool,
    check_not_last,
    draining,
    replaced,
    scheduled_bounds,
    waits_for_control_plane,
    without_rotations,
    work_on,
)
from notebook_platform.azure.repair import finished_repairs
from notebook_platform.azure.rotation import ROTATES_TAG, Move, next_move, owned_pools, stand_ins, temporary_name
from notebook_platform.azure.schedules import check_schedules, seconds_to_turn
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.states import is_unfinished
from notebook_platform.azure.versions import follows, next_version
from notebook_platform.engine import Action, Change, Inputs, Observed, Step
from notebook_platform.engine.change import KNOWN_AFTER_APPLY, Disruptive
from notebook_platform.engine.each import each
from notebook_platform.engine.outcome import Outcome, Progressing, Ready, StepError


class NodePools(Step[Wanted, Found, outputs.NodePools]):
    """The agent pools of spec.nodePools."""

    name = "NodePools"
    provides = outputs.NodePools
    needs = (outputs.Cluster, outputs.Network)
    deleted_with = outputs.Cluster
    cacheable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope
        self._spec = {pool.name: pool for pool in scope.spec.node_pools}
        self._monitored = {setting.pool for setting in scope.spec.autoscale}

    def desired(self, inputs: Inputs) -> Wanted | None:
        cluster = inputs.get(outputs.Cluster)
        if cluster is None or not cluster.exists:
            return None
        for name, pool in self._spec.items():
            check_schedules(pool.schedules, f"{FIELD}[{name}].schedules")
        network, scope = inputs.get(outputs.Network), self._scope
        common: dict[str, Any] = {"tags": scope.tags, "now": scope.now, "applied": scope.applied.get(self.name)}
        pools = {
            name: with_surge(
                name,
                pool_body(pool, subnet_id=subnet_of(pool, network), owns_count=name not in self._monitored, **common),
                scope.applied.get(self.name),
            )
            for name, pool in self._spec.items()
        }
        return Wanted(pools, cluster)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        cluster = inputs.get(outputs.Cluster)
        if cluster is None or not cluster.exists:
            return Observed()
        if (pending := await self._scope.pending(self.name, FIELD, CLUSTERS, cluster.name)) is not None:
            return pending
        async with azure_errors(FIELD):
            pools = await self._read(cluster, fresh=fresh)
            if pools is None:
                return Observed()
            group, scope = cluster.node_resource_group, self._scope
            needed = self._monitored  # only custom autoscale needs them
            sets = await scope.cache.list_group(SCALE_SETS, group, max_age=scope.max_age, fresh=fresh) if needed else ()
        obstacles = await pool_obstacles(self._scope, pools, cluster.kubernetes_version) if fresh else {}
        schedules = [schedule for pool in self._spec.values() for schedule in pool.schedules]
        return Observed(
            found=Found(pools, by_pool(sets), obstacles),
            busy=work_on(pools),
            notices=unknown_pools(set(pools) - set(self._spec) - set(self._owned(pools))),
            requeue_after=seconds_to_turn(schedules, self._scope.now),
        )

    async def _read(self, cluster: outputs.Cluster, *, fresh: bool) -> dict[str, Wire] | None:
        """Return the pools by name: from the cached cluster, or each from its own address."""
        if not fresh:
            observed = await self._scope.get(CLUSTERS, cluster.name, fresh=False)
            return (
                {pool["name"]: dict(pool) for pool in observed["properties"].get("agentPoolProfiles") or ()} if observed else None
            )
        try:
            return {pool.name: flat(pool.as_dict()) async for pool in self._pools.list(self._scope.group, cluster.name)}
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise

    def varying(self, desired: Wanted) -> Mapping[str, int]:
        return scheduled_bounds(self._spec, desired.pools)

    def plan(self, desired: Wanted | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return ()
        pools, scope = found.pools if found else {}, self._scope
        version = version_of(scope.spec, desired.cluster.kubernetes_version)
        changes: list[Change] = []
        for name, wanted in desired.pools.items():
            found_changes = list(pool_changes(name, wanted, initial_count(self._spec[name]), version, pools.get(name)))
            rotates = self._spec[name].replacement == "Rotate" or temporary_name(name) in pools
            if existing := pools.get(name):
                tags = existing.get("tags")
                tag_changes = [*removed_tags(scope.applied.get(self.name), scope.tags, tags), *finished_repairs(existing, tags)]
                found_changes += of_pool(name, tag_changes)
            changes += judged_pool(found_changes, self._patch(name, wanted), pools.get(name), scope.now, rotates=rotates)
        changes += [
            Change(path=f"agentPools[{name}]", action=Action.DELETE, before=pools[name].get("vmSize"), gate=Disruptive())
            for name in self._owned(pools)
            if name not in self._spec
        ]
        places = stand_ins(pools, self._owned(pools))
        return gated(without_rotations(changes, {*places, *places.values()}), found.obstacles if found else {})

    def _patch(self, name: str, wanted: Wire) -> Patch:
        return pool_patch(self._spec[name], self._scope.applied.get(self.name), wanted)

    def _owned(self, pools: Mapping[str, Wire]) -> list[str]:
        adopted = self._spec if self._scope.spec.adoption == "IfUnowned" else ()
        return owned_pools(pools, self._scope.owner, adopted)

    async def apply(self, desired: Wanted | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None
        pools = found.pools if found else {}
        refused: StepError | None = None
        for name in dict.fromkeys(pool_of(change) for change in changes):
            mine = [change for change in changes if pool_of(change) == name]
            try:
                outcome = await self._change(name, desired, pools, mine, replaced(changes))
            except StepError as error:
                refused = refused or error  # what can be done for other pools is done first
                continue
            if outcome is not None:
                return outcome
        if refused is not None:
            raise refused
        return waits_for_control_plane(desired.cluster, self.output(found))

    async def _change(
        self, name: str, desired: Wanted, pools: Mapping[str, Wire], changes: Sequence[Change], rotates: Collection[str]
    ) -> Outcome | None:
        """Make the next change of one pool, and return its outcome; None: it waits for the control plane. `rotates`: the pools that are
        replaced now."""
        place_of = stand_ins(pools, self._owned(pools))
        origin = place_of.get(name, name)
        moves = origin != name or name in rotates or (name not in pools and temporary_name(name) in pools)
        if origin in self._spec and moves:
            return await self._rotate(origin, desired, pools, differs=origin in rotates)
        if name not in self._spec:
            return await self._remove(name, pools, desired.cluster)
        if name not in pools:
            return await self._create(name, desired.pools[name], initial_count(self._spec[name]), desired.cluster)
        write = partial(self._update, name, desired.pools[name], pools[name], cluster=desired.cluster)
        return await upgrade_despite(write, changes, ".orchestratorVersion")

    async def _rotate(self, name: str, desired: Wanted, pools: Mapping[str, Wire], *, differs: bool) -> Outcome | None:
        wanted, count = desired.pools[name], initial_count(self._spec[name])
        step = next_move(name, pools, differs=differs)
        if step is None:
            return None
        staying = {name, temporary_name(name)} - {step.pool}
        if step.move is not Move.CREATE and (failed := [n for n in staying if n in pools and is_unfinished(pools[n])]):
            # The pods would move to nodes that are not there.
            state = Change(path=f"agentPools[{failed[0]}].provisioningState", action=Action.UPDATE)
            return await self._update(failed[0], wanted, pools[failed[0]], [state], desired.cluster)
        if step.move is Move.EMPTY:
            return await self._remove(step.pool, pools, desired.cluster)
        if step.move is Move.FREEZE:
            off = Change(path=f"agentPools[{step.pool}]", action=Action.UPDATE, after=False, keys=("enableAutoScaling",))
            return await self._update(step.pool, wanted, pools[step.pool], [off], desired.cluster)
        live = pools.get(name) or pools.get(temporary_name(name)) or {}
        body = dict(wanted)
        if step.pool != name:
            body["tags"] = {**wanted["tags"], ROTATES_TAG: name}
        return await self._create(step.pool, body, max(count, int(live.get("count") or 0)), desired.cluster)

    async def _create(self, name: str, wanted: Wire, count: int, cluster: outputs.Cluster) -> Outcome:
        if wanted["enableAutoScaling"]:
            count = min(max(count, wanted["minCount"]), wanted["maxCount"])
        own = version_of(self._scope.spec, cluster.kubernetes_version)
        version = follows(own.wanted, cluster.kubernetes_version, floor=own.floor)
        body = {**without_absent(wanted), "count": count, "orchestratorVersion": version}
        return await self._put(name, body, f"create agent pool {name}", CREATE_SECONDS, match_condition=MatchConditions.IfMissing)

    async def _update(
        self, name: str, wanted: Wire, existing: Wire, changes: Sequence[Change], cluster: outputs.Cluster
    ) -> Outcome | None:
        version, kind, expected = None, f"update agent pool {name}", UPDATE_SECONDS
        own = version_of(self._scope.spec, cluster.kubernetes_version)
        members = [change for change in changes if change.keys and change.action is not Action.REPLACE]
        repairs = any(change.path.endswith(".provisioningState") for change in changes)
        if not members and not repairs:  # AKS refuses an upgrade together with other changes, so it comes alone and last
            before = str(existing.get("currentOrchestratorVersion") or existing.get("orchestratorVersion"))
            step = next_version(before, own.wanted)
            version = follows(step, cluster.kubernetes_version, before) or None
            if version is None:
                return None
            kind, expected = f"upgrade agent pool {name} to {version}", UPGRADE_SECONDS
        if name in self._spec:
            members += sent_changes(members, name, self._patch(name, wanted), existing, self._scope.now)
        if repairs:
            members.append(repair(name, wanted, own, existing))
        etag = existing.get("eTag")
        guard = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        sent = () if repairs else changes
        return await self._put(name, updated_pool(existing, members, version), kind, expected, sent, **guard)

    async def _remove(self, name: str, pools: Mapping[str, Wire], cluster: outputs.Cluster) -> Outcome:
        """Delete the pool after its pods have moved; the last System pool stays."""
        check_not_last(name, pools)
        if self._scope.drain is not None and (left := await self._scope.drain(cluster, name)) is not None:
            return draining(name, left)
        kind = f"delete agent pool {name}"
        async with azure_errors(f"{FIELD}[{name}]"):
            target = (self._scope.group, self._scope.spec.cluster.name, name)
            busy = await begin_lro(self._pools.begin_delete, *target, kind=kind, expected=DELETE_SECONDS)
        return busy or Progressing(reason=Reason.DELETING, message=f"Azure operation in progress: {kind}", requeue_after=2)

    async def _put(self, name: str, body: Wire, kind: str, expected: float, sent: Sequence[Change] = (), **guard: Any) -> Outcome:
        target, here = (self._scope.group, self._scope.spec.cluster.name, name), f"{FIELD}[{name}]"
        properties = {key: value for key, value in body.items() if key not in ("id", "name", "type")}
        arguments = (self._pools.begin_create_or_update, *target, {"properties": properties})
        async with azure_errors(here):
            return await self._scope.update(here, sent, *arguments, kind=kind, expected=expected, **guard) or Ready()

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return seconds_of(changes)

    def output(self, found: Found | None) -> outputs.NodePools | None:
        if found is None:
            # The cluster is only planned, or it sleeps.
            return outputs.NodePools(scale_sets=dict.fromkeys(self._spec, KNOWN_AFTER_APPLY))
        counts = {name: int(pool.get("count") or 0) for name, pool in found.pools.items()}
        return outputs.NodePools(counts=counts, scale_sets=found.scale_sets)

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        return Ready()

    async def orphan(self, found: Found) -> Outcome:
        async def release(name: str) -> Outcome:
            body = without_owner(found.pools[name])
            return await self._put(name, body, f"update agent pool {name}", UPDATE_SECONDS)

        return await each([name for name, pool in found.pools.items() if self._scope.owner.owns(pool.get("tags"))], release)

    @property
    def _pools(self) -> Any:
        return self._scope.session.container_service.agent_pools
