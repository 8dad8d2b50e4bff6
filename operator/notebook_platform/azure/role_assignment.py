"""RoleAssignment and ClusterRoles: the cluster's identity may use the network, its nodes may pull from registries."""

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform import outputs
from notebook_platform.azure.arm.errors import azure_errors, code_of, is_missing
from notebook_platform.azure.arm.paging import list_resources
from notebook_platform.azure.arm.paths import guid, literal
from notebook_platform.azure.arm.resource_types import ROLE_ASSIGNMENTS
from notebook_platform.azure.assignments import API_VERSION, CLUSTER_ADMIN, AssignmentRecord, has_our_name, is_ours
from notebook_platform.azure.identity_use import check_unused
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Ready, Step
from notebook_platform.engine.change import Unknown
from notebook_platform.engine.each import each
from notebook_platform.outputs import Assignment

PRINCIPAL = "the id of the principal that a role is for"
FIELD = "spec.identity"


@dataclass(frozen=True)
class Given:
    """Wanted assignments that exist. `ours`: given by this platform; `unowned`: with the name that a platform gives but without
    a tag, as an orphaned platform leaves them."""

    existing: frozenset[Assignment]
    ours: frozenset[Assignment]
    unowned: frozenset[Assignment] = frozenset()


class Roles(Step[Sequence[Assignment], Given, outputs.GivenRoles]):
    """Roles that must be assigned; the wanted ones follow from the steps before."""

    cacheable = True
    provides: type[outputs.GivenRoles]

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope
        self._record = AssignmentRecord(scope.secrets, scope.owner.name)

    @abstractmethod
    def wanted(self, inputs: Inputs) -> list[Assignment]:
        """Return the assignments that the spec asks for."""

    def desired(self, inputs: Inputs) -> Sequence[Assignment] | None:
        return self.wanted(inputs) or None

    def varying(self, desired: Sequence[Assignment]) -> Mapping[str, str]:
        """A cluster with another identity has another principal."""
        return {_path(wanted): str(wanted.principal_id) for wanted in desired}

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Given]:
        wanted = self.wanted(inputs)
        known = [a for a in wanted if not isinstance(a.principal_id, Unknown)]
        tag = self._scope.owner.tag
        existing: set[Assignment] = set()
        ours: set[Assignment] = set()
        unowned: set[Assignment] = set()
        async with azure_errors(FIELD):
            for assignment in known:
                same = [item for item in await self._listed(assignment, fresh=fresh) if _is(item, assignment)]
                if same:
                    existing.add(assignment)
                if any(is_ours(item, tag) for item in same):
                    ours.add(assignment)
                if any(has_our_name(item) and not item["properties"].get("description") for item in same):
                    unowned.add(assignment)
        return Observed(found=Given(frozenset(existing), frozenset(ours), frozenset(unowned)) if existing else None)

    async def _listed(self, wanted: Assignment, *, fresh: bool) -> Sequence[Mapping[str, Any]]:
        """Return the assignments there: from the subscription's list that all platforms share, or read for this principal."""
        session, inside = self._scope.session, _is_listed(self._scope, wanted)
        if not fresh and inside:
            shared = await self._scope.cache.find(ROLE_ASSIGNMENTS, wanted.principal_id, self._scope.max_age)
            if shared is not None:
                return shared
        began, params = time.monotonic(), {"$filter": f"principalId eq {literal(guid(wanted.principal_id, PRINCIPAL))}"}
        try:
            listed = [item async for item in list_resources(session, wanted.listing, api_version=API_VERSION, params=params)]
        except HttpResponseError as error:
            if is_missing(error):
                return ()
            raise
        for item in listed if inside else ():
            self._scope.cache.put(ROLE_ASSIGNMENTS, item, began)
        return listed

    def plan(self, desired: Sequence[Assignment] | None, found: Given | None) -> Sequence[Change]:
        existing, unowned = (found.existing, found.unowned) if found else (frozenset(), frozenset())
        changes = []
        for wanted in desired or ():
            path = _path(wanted)
            if wanted not in existing:
                changes.append(Change(path=path, action=Action.CREATE, after={"principalId": wanted.principal_id}))
            elif wanted in unowned and self._scope.spec.adoption == "IfUnowned":
                changes.append(Change(path=f"{path}.description", action=Action.UPDATE, after=self._scope.owner.tag))
        return changes

    async def apply(self, desired: Sequence[Assignment] | None, found: Given | None, changes: Sequence[Change]) -> Outcome:
        paths = {change.path.removesuffix(".description") for change in changes}
        for wanted in desired or ():
            if _path(wanted) in paths:
                await self._record.add(wanted)
                await give(self._scope, wanted, self._scope.owner.tag)
        return Ready(output=self.provides(assignments=tuple(desired or ())))

    def output(self, found: Given | None) -> outputs.GivenRoles | None:
        return self.provides(assignments=tuple(found.existing) if found else ())

    def planned_output(self, desired: Sequence[Assignment]) -> outputs.GivenRoles | None:
        return self.provides(assignments=tuple(desired))

    async def delete(self, found: Given, inputs: Inputs) -> Outcome:
        await self.check_unused(inputs)
        async with azure_errors(FIELD):
            for given in found.ours:
                await self._scope.session.send("DELETE", given.path, api_version=API_VERSION)
        return Ready()

    async def check_unused(self, inputs: Inputs) -> None:
        """Raise StepError if a cluster that the deletion leaves in place uses the roles."""

    async def orphan(self, found: Given) -> Outcome:
        return await each(found.ours, lambda given: give(self._scope, given, ""))

    def _on_network(self, inputs: Inputs, principal_id: str | None) -> list[Assignment]:
        """Return the role on the network that spec.identity asks for, for a principal, and the one on a private DNS zone of the user's own;
        on existing subnets the subnet alone."""
        network = inputs.get(outputs.Network)
        spec = self._scope.spec
        if principal_id is None or spec.identity.role_scope == "None":
            return []
        chosen = spec.identity.service_principal or spec.identity.user_assigned
        role = chosen.role if chosen else "Network Contributor"
        zone = spec.cluster.api_server.own_zone
        places = [pool.subnet_id for pool in spec.node_pools if pool.subnet_id]
        if network is not None:
            whole = spec.identity.role_scope == "VirtualNetwork" and spec.network is not None and spec.network.subnet_id is None
            more = [id_ for id_ in network.subnets.values() if id_ != network.subnet_id]
            places += [network.virtual_network_id] if whole else [network.subnet_id, *more]
            if zone:  # AKS links the zone to the whole network
                places.append(network.virtual_network_id)
        given = [Assignment(place, principal_id, role) for place in dict.fromkeys(places)]
        return [*given, Assignment(zone, principal_id, "Private DNS Zone Contributor")] if zone else given


class RoleAssignment(Roles):
    """The role on the network for an identity that is known before the cluster exists."""

    name = "RoleAssignment"
    provides = outputs.RoleAssignment
    needs = (outputs.Network, outputs.Identity)

    def wanted(self, inputs: Inputs) -> list[Assignment]:
        identity = inputs.get(outputs.Identity)
        return self._on_network(inputs, identity.principal_id if identity else None)

    async def check_unused(self, inputs: Inputs) -> None:
        await check_unused(self._scope, inputs.get(outputs.Identity))


@dataclass(frozen=True)
class OperatorIdentity:
    """The identity with which the operator signs in to Azure. `object_id`: its principal; None: unknown."""

    object_id: str | None


class ClusterRoles(Roles):
    """Roles of identities that are created with the cluster: on the network for a system-assigned one, on registries for the
    nodes."""

    name = "ClusterRoles"
    provides = outputs.ClusterRoles
    needs = (outputs.Cluster, outputs.Network, outputs.Identity, outputs.Registry)

    async def prepare(self, inputs: Inputs) -> Inputs:
        """Read who the operator is. With Azure RBAC and no local accounts it needs a role itself to reach the cluster."""
        cluster = self._scope.spec.cluster
        given_otherwise = self._scope.spec.identity.role_scope == "None"
        if given_otherwise or not (cluster.entra and cluster.entra.azure_rbac and not cluster.local_accounts):
            return inputs
        async with azure_errors("spec.cluster.entra"):
            return inputs.including(OperatorIdentity(await self._scope.session.object_id()))

    def wanted(self, inputs: Inputs) -> list[Assignment]:
        cluster = inputs.get(outputs.Cluster)
        identity = inputs.get(outputs.Identity)
        if cluster is None or identity is None:
            return []
        own = identity.type == "SystemAssigned"
        nodes = identity.principal_id if identity.type == "ServicePrincipal" else cluster.kubelet_id
        own_registry = inputs.get(outputs.Registry)
        places = [*self._scope.spec.cluster.registries, *([own_registry.id] if own_registry else [])]
        registries = [Assignment(place, nodes, "AcrPull") for place in dict.fromkeys(places)] if nodes else []
        operator = inputs.get(OperatorIdentity)
        admin = [Assignment(cluster.id, operator.object_id, CLUSTER_ADMIN)] if operator and operator.object_id else []
        return [*(self._on_network(inputs, cluster.principal_id) if own else []), *registries, *admin]


def _is_listed(scope: AzureScope, wanted: Assignment) -> bool:
    """Return whether the subscription's list, which all platforms share, has the assignments of its scope."""
    return wanted.scope.lower().startswith(f"/subscriptions/{scope.session.subscription_id.lower()}/")


async def give(scope: AzureScope, wanted: Assignment, description: str) -> None:
    """Write a role assignment. Its description is the owner tag of the platform that gives it; empty: it has no owner. Raises StepError."""
    definitions = f"/subscriptions/{scope.spec.azure.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
    properties = {
        "roleDefinitionId": f"{definitions}/{wanted.role}",
        "principalId": guid(wanted.principal_id, PRINCIPAL),
        "principalType": "ServicePrincipal",
        "description": description,
    }
    async with azure_errors(FIELD):
        try:
            answer = await scope.session.send("PUT", wanted.path, json={"properties": properties}, api_version=API_VERSION)
        except HttpResponseError as error:
            if code_of(error) != "RoleAssignmentExists":
                raise
        else:
            if _is_listed(scope, wanted):
                scope.cache.keep(ROLE_ASSIGNMENTS, wanted.path, answer)


def _path(wanted: Assignment) -> str:
    return f"roleAssignments/{wanted.role_name} on {wanted.scope}"


def _is(item: Mapping[str, Any], wanted: Assignment) -> bool:
    properties = item.get("properties") or {}
    return bool(
        str(properties.get("scope", "")).lower() == wanted.scope.lower()
        and str(properties.get("principalId", "")).lower() == wanted.principal_id.lower()
        and str(properties.get("roleDefinitionId", "")).lower().endswith(wanted.role)
    )
