"""RoleAssignment and ClusterRoles: the cluster's identity may use the network, its nodes may pull from registries.

The assignment's name is made from scope, principal and role, so that the same PUT is the same assignment, however often sent.
https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template
"""

import uuid
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure import outputs
from notebook_platform.azure.arm.errors import code_of, is_missing, speaking_of
from notebook_platform.azure.arm.inventory import ROLE_ASSIGNMENTS
from notebook_platform.azure.context import AzureContext
from notebook_platform.engine import Action, Change, Done, Inputs, Observed, Outcome, Step
from notebook_platform.engine.change import Unknown

ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Azure Kubernetes Service RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

CLUSTER_ADMIN = "Azure Kubernetes Service RBAC Cluster Admin"
API_VERSION = "2022-04-01"
FIELD = "spec.identity"
NAMESPACE = uuid.UUID("7c4f0f5c-2f2e-5d4b-9a53-6d0f5f0f9a11")


@dataclass(frozen=True)
class Assignment:
    """A role for a principal on a scope."""

    scope: str
    principal_id: str
    role_name: str

    @property
    def role(self) -> str:
        """The role's id."""
        return ROLES[self.role_name]

    @property
    def name(self) -> str:
        """The assignment's GUID."""
        return str(uuid.uuid5(NAMESPACE, f"{self.scope.lower()}|{self.principal_id.lower()}|{self.role}"))

    @property
    def listing(self) -> str:
        """Where all assignments at, above and below the scope are listed."""
        return f"{self.scope}/providers/Microsoft.Authorization/roleAssignments"

    @property
    def path(self) -> str:
        """Its ARM id."""
        return f"{self.scope}/providers/Microsoft.Authorization/roleAssignments/{self.name}"


@dataclass(frozen=True)
class Given:
    """Assignments that are there. `ours`: those under the names we give; one under another name somebody else made."""

    there: frozenset[Assignment]
    ours: frozenset[Assignment]


class Roles(Step[Sequence[Assignment], Given]):
    """Roles that must be given; what is wanted follows from the steps before."""

    shares_looks = True

    def __init__(self, context: AzureContext) -> None:
        self._context = context

    @abstractmethod
    def wanted(self, inputs: Inputs) -> list[Assignment]:
        """The assignments the spec asks for."""

    def desired(self, inputs: Inputs) -> Sequence[Assignment] | None:
        return self.wanted(inputs) or None

    async def observe(self, inputs: Inputs) -> Observed[Given]:
        wanted = self.wanted(inputs)
        known = [a for a in wanted if not isinstance(a.principal_id, Unknown)]
        there: set[Assignment] = set()
        ours: set[Assignment] = set()
        async with speaking_of(FIELD):
            for assignment in known:
                same = [item for item in await self._listed(assignment) if _is(item, assignment)]
                if same:
                    there.add(assignment)
                if any(item["name"].lower() == assignment.name for item in same):
                    ours.add(assignment)
        return Observed(found=Given(frozenset(there), frozenset(ours)) if there else None)

    async def _listed(self, wanted: Assignment) -> Sequence[Mapping[str, Any]]:
        """What is given there: from the subscription's list that all platforms share, or asked for this very principal."""
        session = self._context.session
        inside = wanted.scope.lower().startswith(f"/subscriptions/{session.subscription_id.lower()}/")
        if not self.sharp and inside:
            shared = await session.inventory.every(ROLE_ASSIGNMENTS, self._context.max_age)
            if shared is not None:
                return shared
        params = {"$filter": f"principalId eq '{wanted.principal_id}'"}
        try:
            answer = await session.send("GET", wanted.listing, params=params, api_version=API_VERSION)
        except HttpResponseError as error:
            if is_missing(error):
                return ()
            raise
        listed: Sequence[Mapping[str, Any]] = answer.json().get("value", ())
        return listed

    def plan(self, desired: Sequence[Assignment] | None, found: Given | None) -> Sequence[Change]:
        there = found.there if found else frozenset()
        return [
            Change(
                path=f"roleAssignments/{wanted.role_name} on {wanted.scope}",
                action=Action.CREATE,
                after={"principalId": wanted.principal_id},
            )
            for wanted in desired or ()
            if wanted not in there
        ]

    async def apply(self, desired: Sequence[Assignment] | None, found: Given | None, changes: Sequence[Change]) -> Outcome:
        there = found.there if found else frozenset()
        for wanted in desired or ():
            if wanted not in there:
                await self._give(wanted)
        return Done(output=tuple(desired or ()))

    async def _give(self, wanted: Assignment) -> None:
        subscription = self._context.spec.azure.subscription_id
        definitions = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions"
        properties = {
            "roleDefinitionId": f"{definitions}/{wanted.role}",
            "principalId": wanted.principal_id,
            "principalType": "ServicePrincipal",
            "description": self._context.owner.tag,
        }
        async with speaking_of(FIELD):
            try:
                await self._context.session.send("PUT", wanted.path, json={"properties": properties}, api_version=API_VERSION)
            except HttpResponseError as error:
                if code_of(error) != "RoleAssignmentExists":
                    raise

    def output(self, found: Given | None) -> Any:
        return tuple(found.there) if found else ()

    def promise(self, desired: Sequence[Assignment]) -> Any:
        return tuple(desired)

    async def delete(self, found: Given, inputs: Inputs) -> Outcome:
        async with speaking_of(FIELD):
            for given in found.ours:
                await self._context.session.send("DELETE", given.path, api_version=API_VERSION)
        return Done()

    def _on_network(self, inputs: Inputs, principal_id: str | None) -> list[Assignment]:
        """The role on the network that spec.identity asks for, for a principal; on subnets of others the subnet alone."""
        network: outputs.Network | None = inputs.get("Network")
        spec = self._context.spec
        if principal_id is None:
            return []
        chosen = spec.identity.service_principal or spec.identity.user_assigned
        role = chosen.role if chosen else "Network Contributor"
        scopes = [pool.subnet_id for pool in spec.node_pools if pool.subnet_id]
        if network is not None:
            whole = spec.identity.role_scope == "VirtualNetwork" and spec.network is not None and spec.network.subnet_id is None
            scopes += [network.virtual_network_id] if whole else [network.subnet_id, *network.subnets.values()]
        return [Assignment(scope, principal_id, role) for scope in dict.fromkeys(scopes)]


class RoleAssignment(Roles):
    """The role on the network for an identity that is known before the cluster."""

    name = "RoleAssignment"
    needs = ("Network", "Identity")

    def wanted(self, inputs: Inputs) -> list[Assignment]:
        identity: outputs.Identity | None = inputs.get("Identity")
        return self._on_network(inputs, identity.principal_id if identity else None)


class ClusterRoles(Roles):
    """Roles of identities that come with the cluster: on the network for a system-assigned one, on registries for the nodes."""

    name = "ClusterRoles"
    needs = ("Cluster", "Network", "Identity", "Registry")

    def __init__(self, context: AzureContext) -> None:
        super().__init__(context)
        self._own: str | None = None

    async def prepare(self, inputs: Inputs) -> None:
        """With Azure RBAC and no local accounts the operator itself needs a role to reach the cluster."""
        cluster = self._context.spec.cluster
        if cluster.entra and cluster.entra.azure_rbac and not cluster.local_accounts:
            async with speaking_of("spec.cluster.entra"):
                self._own = await self._context.session.object_id()

    def wanted(self, inputs: Inputs) -> list[Assignment]:
        cluster: outputs.Cluster | None = inputs.get("Cluster")
        identity: outputs.Identity | None = inputs.get("Identity")
        if cluster is None or identity is None:
            return []
        own = identity.type == "SystemAssigned"
        nodes = identity.principal_id if identity.type == "ServicePrincipal" else cluster.kubelet_id
        own_registry: outputs.Registry | None = inputs.get("Registry")
        scopes = [*self._context.spec.cluster.registries, *([own_registry.id] if own_registry else [])]
        registries = [Assignment(scope, nodes, "AcrPull") for scope in dict.fromkeys(scopes)] if nodes else []
        admin = [Assignment(cluster.id, self._own, CLUSTER_ADMIN)] if self._own else []
        return [*(self._on_network(inputs, cluster.principal_id) if own else []), *registries, *admin]


def _is(item: Mapping[str, Any], wanted: Assignment) -> bool:
    properties = item["properties"]
    return bool(
        str(properties.get("scope", "")).lower() == wanted.scope.lower()
        and str(properties.get("principalId", "")).lower() == wanted.principal_id.lower()
        and str(properties.get("roleDefinitionId", "")).lower().endswith(wanted.role)
    )
