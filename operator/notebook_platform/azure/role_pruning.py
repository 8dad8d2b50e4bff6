"""RolePruning: role assignments that this platform gave and its spec no longer asks for are deleted.

A narrower role, a registry that is no longer attached, another scope or a cluster with a new identity leave assignments behind that
would otherwise outlive even the platform. The step comes after those that give roles, so a new assignment is
there before an old one goes.
"""

from collections.abc import Iterable, Mapping, Sequence, Set

from azure.core.exceptions import HttpResponseError

from notebook_platform import outputs
from notebook_platform.azure.arm.answer import resource_of
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.arm.resource_types import ROLE_ASSIGNMENTS
from notebook_platform.azure.assignments import (
    API_VERSION,
    AssignmentRecord,
    assignment_of,
    is_ours,
)
from notebook_platform.azure.cluster import find_cluster
from notebook_platform.azure.identity_use import check_unused
from notebook_platform.azure.role_assignment import give
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Ready, Step
from notebook_platform.engine.change import Unknown
from notebook_platform.engine.each import each
from notebook_platform.outputs import Assignment

FIELD = "spec.identity"

Wanted = tuple[Assignment, ...]
Stale = tuple[Assignment, ...]


class RolePruning(Step[Wanted, Stale, Stale]):
    """The desired state is the assignments that the spec asks for; observed are the platform's own beyond them."""

    name = "RolePruning"
    needs = (outputs.RoleAssignment, outputs.ClusterRoles, outputs.Cluster, outputs.Identity)
    cacheable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope
        self._record = AssignmentRecord(scope.secrets, scope.owner.name)

    def desired(self, inputs: Inputs) -> Wanted | None:
        return _wanted(inputs) or None

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Stale]:
        if self._identities_unknown(inputs):
            return Observed()
        wanted = {a.name: a for a in _wanted(inputs) if not isinstance(a.principal_id, Unknown)}
        recorded = await self._record.load()
        async with azure_errors(FIELD):
            stale = await self._stale(wanted, recorded, self._in_use(inputs, wanted.values()), fresh=fresh)
        if not self._scope.planning and not self._scope.deleting:
            await self._update_record(recorded, {**wanted, **{a.name: a for a in stale}})
        return Observed(found=stale or None)

    def _identities_unknown(self, inputs: Inputs) -> bool:
        """Return whether a cluster exists whose node identities are not known (yet), so that their needs are unknown."""
        cluster = inputs.get(outputs.Cluster)
        identity = inputs.get(outputs.Identity)
        if cluster is None or cluster.planned or self._scope.deleting:
            return False
        return identity is None or (identity.type != "ServicePrincipal" and cluster.kubelet_id is None)

    def _in_use(self, inputs: Inputs, wanted: Iterable[Assignment]) -> frozenset[str]:
        """Return the scopes, in lower case, that the cluster uses and the spec no longer names: a change of a pool's subnet or of the private
        DNS zone waits or cannot be made, and until then the cluster needs its roles there."""
        cluster = None if self._scope.deleting else inputs.get(outputs.Cluster)
        return (cluster.uses if cluster else frozenset()) - {assignment.scope.lower() for assignment in wanted}

    async def _stale(
        self, wanted: Mapping[str, Assignment], recorded: Sequence[Assignment], in_use: Set[str], *, fresh: bool
    ) -> Stale:
        tag = self._scope.owner.tag
        listed = await self._scope.cache.find(ROLE_ASSIGNMENTS, tag, self._scope.max_age)
        candidates = {a.name: a for a in (assignment_of(item) for item in listed or () if is_ours(item, tag))}
        unlisted = [a for a in recorded if listed is None or not self._is_listed(a)]
        candidates |= {a.name: a for a in unlisted}
        stale = [a for name, a in candidates.items() if name not in wanted and a.scope.lower() not in in_use]
        return tuple([a for a in stale if (a not in unlisted and not fresh) or await self._exists(a, fresh=fresh)])

    def _is_listed(self, assignment: Assignment) -> bool:
        """Return whether the subscription's own list has it."""
        return assignment.scope.lower().startswith(f"/subscriptions/{self._scope.session.subscription_id.lower()}/")

    async def _exists(self, assignment: Assignment, *, fresh: bool) -> bool:
        """Return whether it exists and is still the platform's, as read from its own address."""
        session = self._scope.session

        async def read() -> bool:
            try:
                answer = await session.send("GET", assignment.path, api_version=API_VERSION)
            except HttpResponseError as error:
                if is_missing(error):
                    return False
                raise
            return is_ours(resource_of(answer), self._scope.owner.tag)

        age = self._scope.max_age
        return bool(await self._scope.cache.cached_call(assignment.path.lower(), read, max_age=age, fresh=fresh))

    async def _update_record(self, recorded: Sequence[Assignment], given: Mapping[str, Assignment]) -> None:
        if {a.name for a in recorded} != given.keys():
            await self._record.save(given.values())

    def plan(self, desired: Wanted | None, found: Stale | None) -> Sequence[Change]:
        return [_removal(stale) for stale in found or ()]

    async def apply(self, desired: Wanted | None, found: Stale | None, changes: Sequence[Change]) -> Outcome:
        await self._delete([stale for stale in found or () if _removal(stale) in changes])
        return Ready()

    def output(self, found: Stale | None) -> Stale | None:
        return found

    async def delete(self, found: Stale, inputs: Inputs) -> Outcome:
        """Delete them once the cluster is deleted, which may use them until then, as the operator uses its own access to it."""
        if await find_cluster(self._scope) is None:
            await check_unused(self._scope, inputs.get(outputs.Identity))
            await self._delete(found)
        return Ready()

    async def orphan(self, found: Stale) -> Outcome:
        return await each(found, lambda assignment: give(self._scope, assignment, ""))

    async def _delete(self, stale: Sequence[Assignment]) -> None:
        async with azure_errors(FIELD):
            for assignment in stale:
                await self._scope.session.send("DELETE", assignment.path, api_version=API_VERSION)


def _removal(stale: Assignment) -> Change:
    path, before = f"roleAssignments/{stale.role_name} on {stale.scope}", {"principalId": stale.principal_id}
    return Change(path=path, action=Action.DELETE, before=before)


def _wanted(inputs: Inputs) -> Wanted:
    given = (inputs.get(outputs.RoleAssignment), inputs.get(outputs.ClusterRoles))
    return tuple(assignment for roles in given if roles is not None for assignment in roles.assignments)
