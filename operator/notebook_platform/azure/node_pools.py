"""NodePools: the agent pools after the cluster was created: added, changed and upgraded through their own addresses.

A pool that the spec does not name is told of and left alone: somebody may work on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError

from notebook_platform.azure import outputs
from notebook_platform.azure.agent_pools import BUSY, SPEC_FIELDS, Wire, initial_count, pool_body, pool_changes, updated_pool
from notebook_platform.azure.arm.errors import is_missing, speaking_of
from notebook_platform.azure.arm.operations import accept
from notebook_platform.azure.context import AzureContext
from notebook_platform.azure.versions import next_version
from notebook_platform.engine import Action, Change, Done, InProgress, Inputs, Notice, Observed, Outcome, Refused, Step

FIELD = "spec.nodePools"
CREATE_SECONDS, UPDATE_SECONDS, UPGRADE_SECONDS = 120.0, 60.0, 600.0
POOL_TAG = "aks-managed-poolName"


@dataclass(frozen=True)
class Found:
    """The agent pools and the scale sets behind them, both by the pool's name, in wire form."""

    pools: Mapping[str, Wire]
    scale_sets: Mapping[str, str]


class NodePools(Step[Mapping[str, Wire], Found]):
    """One write a pass. What is wanted are the pools' bodies by name."""

    name = "NodePools"
    needs = ("Cluster", "Network")
    goes_with = "Cluster"

    def __init__(self, context: AzureContext) -> None:
        self._context = context
        self._spec = {pool.name: pool for pool in context.spec.node_pools}
        self._version = context.spec.cluster.kubernetes_version

    def desired(self, inputs: Inputs) -> Mapping[str, Wire]:
        network: outputs.Network | None = inputs.get("Network")
        subnet_id = network.subnet_id if network else None
        return {name: pool_body(pool, subnet_id=subnet_id, tags=self._context.tags) for name, pool in self._spec.items()}

    async def observe(self, inputs: Inputs) -> Observed[Found]:
        cluster: outputs.Cluster | None = inputs.get("Cluster")
        if cluster is None:
            return Observed()
        if (pending := await self._context.pending(self.name, FIELD)) is not None:
            return pending
        async with speaking_of(FIELD):
            try:
                listed = self._pools.list(self._context.group, cluster.name)
                pools = {pool.name: _flat(pool.as_dict()) async for pool in listed}
                scale_sets = await self._scale_sets(cluster.node_resource_group)
            except HttpResponseError as error:
                if is_missing(error):
                    return Observed()
                raise
        found = Found(pools, scale_sets)
        busy = None
        if moving := [f"{name} is {p['provisioningState']}" for name, p in pools.items() if p.get("provisioningState") in BUSY]:
            busy = InProgress(reason="Updating", message=f"Agent pool {', '.join(moving)}", look_again_in=3)
        return Observed(found=found, busy=busy, notices=tuple(self._notices(pools)))

    async def _scale_sets(self, group: str) -> Mapping[str, str]:
        listed = self._context.session.compute.virtual_machine_scale_sets.list(group)
        return {s.tags[POOL_TAG]: str(s.id) async for s in listed if (s.tags or {}).get(POOL_TAG)}

    def plan(self, desired: Mapping[str, Wire] | None, found: Found | None) -> Sequence[Change]:
        pools = found.pools if found else {}
        return [
            change
            for name, wanted in (desired or {}).items()
            for change in pool_changes(self._spec[name], wanted, self._version, pools.get(name))
        ]

    async def apply(self, desired: Mapping[str, Wire] | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None
        possible = [change for change in changes if change.action is not Action.REPLACE]
        if not possible:
            raise _immutable(changes[0])
        name = possible[0].path.removeprefix("agentPools[").split("]")[0]
        mine = [change for change in possible if change.path.startswith(f"agentPools[{name}]")]
        there = found.pools.get(name) if found else None
        if there is None:
            return await self._create(name, desired[name])
        return await self._update(name, desired[name], there, mine)

    async def _create(self, name: str, wanted: Wire) -> Outcome:
        body = {**wanted, "count": initial_count(self._spec[name]), "orchestratorVersion": self._version}
        return await self._put(name, body, f"create agent pool {name}", CREATE_SECONDS, match_condition=MatchConditions.IfMissing)

    async def _update(self, name: str, wanted: Wire, there: Wire, changes: Sequence[Change]) -> Outcome:
        version, kind, expected = None, f"update agent pool {name}", UPDATE_SECONDS
        for change in changes:
            if change.path.endswith(".orchestratorVersion"):
                version = next_version(str(change.before), self._version, f"{FIELD}[{name}]")
                kind, expected = f"upgrade agent pool {name} to {version}", UPGRADE_SECONDS
        kept = {change.path for change in changes}
        # What cannot change is sent as read, so that the rest goes through; it is refused when nothing else is left to do.
        sent = {key: value for key, value in wanted.items() if key not in SPEC_FIELDS or f"agentPools[{name}].{key}" in kept}
        body = updated_pool(there, sent, version)
        etag = there.get("eTag")
        guard = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        return await self._put(name, body, kind, expected, **guard)

    async def _put(self, name: str, body: Wire, kind: str, expected: float, **guard: Any) -> Outcome:
        target = (self._context.group, self._context.spec.cluster.name, name)
        properties = {key: value for key, value in body.items() if key not in ("id", "name", "type")}
        async with speaking_of(f"{FIELD}[{name}]"):
            begin = self._pools.begin_create_or_update
            busy = await accept(begin, *target, {"properties": properties}, kind=kind, expected=expected, **guard)
        return busy or Done()

    def _notices(self, pools: Mapping[str, Wire]) -> list[Notice]:
        unknown = sorted(set(pools) - set(self._spec))
        if not unknown:
            return []
        message = f"The cluster has agent pools that spec.nodePools does not name: {', '.join(unknown)}. They are left alone"
        return [Notice(condition="UnknownNodePools", reason="NotInSpec", message=message)]

    def output(self, found: Found | None) -> Any:
        if found is None:
            return None
        counts = {name: int(pool.get("count") or 0) for name, pool in found.pools.items()}
        return outputs.NodePools(counts=counts, scale_sets=found.scale_sets)

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        return Done()

    @property
    def _pools(self) -> Any:
        return self._context.session.container_service.agent_pools


def _flat(pool: Wire) -> Wire:
    return {**pool.get("properties", {}), "name": pool["name"], "id": pool.get("id")}


def _immutable(change: Change) -> Refused:
    pool, _, member = change.path.removeprefix("agentPools[").partition("].")
    field = f"{FIELD}[{pool}].{SPEC_FIELDS.get(member, member)}"
    return Refused.because(
        "ImmutableField",
        f"{field} asks for {change.after!r} but the pool has {change.before!r}, for life",
        "Set it back; or add a pool with another name and move the work there.",
    )
