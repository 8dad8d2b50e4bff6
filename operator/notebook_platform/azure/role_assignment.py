"""RoleAssignment: the cluster's identity may use the network.

The assignment's name is made from scope, principal and role, so that the same PUT is the same assignment, however often sent.
https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure import outputs
from notebook_platform.azure.arm.errors import code_of, is_missing, speaking_of
from notebook_platform.azure.context import AzureContext
from notebook_platform.engine import Action, Change, Done, Inputs, Observed, Outcome, Step

ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

API_VERSION = "2022-04-01"
FIELD = "spec.identity"
NAMESPACE = uuid.UUID("7c4f0f5c-2f2e-5d4b-9a53-6d0f5f0f9a11")


@dataclass(frozen=True)
class Assignment:
    """A role for a principal on a scope."""

    scope: str
    principal_id: str
    role: str

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
    """An assignment that is there. `ours`: under the name we give it; one under another name somebody else made."""

    assignment: Assignment
    ours: bool


class RoleAssignment(Step[Assignment, Given]):
    """One role on the virtual network, if the spec has a network and the identity is known before the cluster."""

    name = "RoleAssignment"
    needs = ("Network", "Identity")

    def __init__(self, context: AzureContext) -> None:
        self._context = context

    def desired(self, inputs: Inputs) -> Assignment | None:
        network: outputs.Network | None = inputs.get("Network")
        identity: outputs.Identity | None = inputs.get("Identity")
        if network is None or identity is None or identity.principal_id is None:
            return None
        spec = self._context.spec.identity
        chosen = spec.service_principal or spec.user_assigned
        role = ROLES[chosen.role if chosen else "Network Contributor"]
        return Assignment(scope=network.virtual_network_id, principal_id=identity.principal_id, role=role)

    async def observe(self, inputs: Inputs) -> Observed[Given]:
        wanted = self.desired(inputs)
        if wanted is None:
            return Observed()
        params = {"$filter": f"principalId eq '{wanted.principal_id}'"}
        async with speaking_of(FIELD):
            try:
                answer = await self._context.session.send("GET", wanted.listing, params=params, api_version=API_VERSION)
            except HttpResponseError as error:
                if is_missing(error):
                    return Observed()
                raise
        same = [item for item in answer.json().get("value", ()) if _is(item, wanted)]
        if not same:
            return Observed()
        return Observed(found=Given(wanted, ours=any(item["name"].lower() == wanted.name for item in same)))

    def plan(self, desired: Assignment | None, found: Given | None) -> Sequence[Change]:
        if desired is None or found is not None:
            return ()
        after: Mapping[str, str] = {"scope": desired.scope, "principalId": desired.principal_id}
        return [Change(path=f"roleAssignments/{desired.name}", action=Action.CREATE, after=after)]

    async def apply(self, desired: Assignment | None, found: Given | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None
        definitions = (
            f"/subscriptions/{self._context.spec.azure.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        )
        properties = {
            "roleDefinitionId": f"{definitions}/{desired.role}",
            "principalId": desired.principal_id,
            "principalType": "ServicePrincipal",
            "description": self._context.owner.tag,
        }
        async with speaking_of(FIELD):
            try:
                await self._context.session.send("PUT", desired.path, json={"properties": properties}, api_version=API_VERSION)
            except HttpResponseError as error:
                if code_of(error) != "RoleAssignmentExists":
                    raise
        return Done(output=desired)

    def output(self, found: Given | None) -> Any:
        return found and found.assignment

    async def delete(self, found: Given, inputs: Inputs) -> Outcome:
        if found.ours:
            async with speaking_of(FIELD):
                await self._context.session.send("DELETE", found.assignment.path, api_version=API_VERSION)
        return Done()


def _is(item: Mapping[str, Any], wanted: Assignment) -> bool:
    properties = item["properties"]
    return bool(
        str(properties.get("scope", "")).lower() == wanted.scope.lower()
        and str(properties.get("principalId", "")).lower() == wanted.principal_id.lower()
        and str(properties.get("roleDefinitionId", "")).lower().endswith(wanted.role)
    )
