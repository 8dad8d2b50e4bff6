"""Identity: the identity of the cluster in Azure. One step for each kind; `identity` selects it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from notebook_platform import outputs
from notebook_platform.azure.arm.answer import resource_of
from notebook_platform.azure.arm.credentials import guid_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.paths import guid, literal, same_id
from notebook_platform.azure.arm.resource_types import IDENTITIES
from notebook_platform.azure.arm.tagging import only_tags, write_tags
from notebook_platform.azure.identity_step import IdentityStep
from notebook_platform.azure.identity_use import check_unused
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.service_principal import CreatedPrincipal
from notebook_platform.azure.tagged_resource import TaggedResource, Wire
from notebook_platform.engine import AnyStep, Change, Check, Inputs, Observed, Outcome, Ready
from notebook_platform.engine.change import KNOWN_AFTER_APPLY

IDENTITY_API = "2024-11-30"
CLIENT_ID, PRINCIPAL_ID = "the clientId of the managed identity", "the principalId of the managed identity"


class SystemAssigned(IdentityStep[outputs.Identity, outputs.Identity], Check[outputs.Identity]):
    """Azure creates the identity with the cluster: nothing is done before."""

    dispensable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope

    def desired(self, inputs: Inputs) -> outputs.Identity:
        return outputs.Identity(type="SystemAssigned")

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[outputs.Identity]:
        return Observed(found=outputs.Identity(type="SystemAssigned"))


class ExistingPrincipal(SystemAssigned):
    """An existing service principal; it is used and never changed or deleted."""

    FIELD = "spec.identity.servicePrincipal.secretRef"

    def desired(self, inputs: Inputs) -> outputs.Identity:
        return outputs.Identity(type="ServicePrincipal")

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[outputs.Identity]:
        principal = self._scope.spec.identity.service_principal
        assert principal is not None and principal.secret_ref is not None
        data = await self._scope.secrets.read(principal.secret_ref.name, "clientId", "clientSecret", field=self.FIELD)
        client_id = guid_of(data, "clientId", field=self.FIELD, secret=principal.secret_ref.name)
        async with azure_errors(self.FIELD):
            session, path = self._scope.session, f"/servicePrincipals(appId={literal(client_id)})"
            age = self._scope.max_age
            found = await self._scope.cache.cached_call(path, lambda: session.graph("GET", path), max_age=age, fresh=fresh)
        identity = outputs.Identity(
            type="ServicePrincipal",
            client_id=client_id,
            principal_id=guid(found["id"], "the id of the service principal"),
            secret_name=principal.secret_ref.name,
            expires=data.get("expires"),
        )
        return Observed(found=identity)

    async def delete(self, found: outputs.Identity, inputs: Inputs) -> Outcome:
        """Delete the principal that the platform made, if its spec named one before this one."""
        return await CreatedPrincipal(self._scope).delete_former()


class ExistingIdentity(SystemAssigned):
    """An existing user-assigned identity, perhaps of another group; it is used and never changed or deleted."""

    FIELD = "spec.identity.userAssigned.resourceId"

    def desired(self, inputs: Inputs) -> outputs.Identity:
        return outputs.Identity(type="UserAssigned")

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[outputs.Identity]:
        chosen = self._scope.spec.identity.user_assigned
        assert chosen is not None and chosen.resource_id is not None
        session, path = self._scope.session, chosen.resource_id

        async def ask() -> Any:
            return resource_of(await session.send("GET", path, api_version=IDENTITY_API))

        async with azure_errors(self.FIELD):
            found = await self._scope.cache.cached_call(path, ask, max_age=self._scope.max_age, fresh=fresh)
        properties = found["properties"]
        identity = outputs.Identity(
            type="UserAssigned",
            client_id=guid(properties["clientId"], CLIENT_ID),
            principal_id=guid(properties["principalId"], PRINCIPAL_ID),
            identity_id=same_id(found["id"], path),
        )
        return Observed(found=identity)


class UserAssigned(IdentityStep[Wire, Wire], TaggedResource[Wire, Wire, outputs.Identity]):
    """A user-assigned managed identity in the resource group."""

    resource_type = IDENTITIES
    noun = "identity"
    field = name_field = "spec.identity.userAssigned.name"

    def __init__(self, scope: AzureScope) -> None:
        super().__init__(scope)
        assert scope.spec.identity.user_assigned is not None and scope.spec.identity.user_assigned.name is not None
        self._name = scope.spec.identity.user_assigned.name

    def desired(self, inputs: Inputs) -> Wire:
        return {"location": self._scope.spec.azure.location, "tags": self._scope.tags}

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Wire]:
        return await self.observe_resource(self._name, fresh=fresh)

    def resource(self, found: Wire) -> Wire:
        return found

    def plan(self, desired: Wire | None, found: Wire | None) -> Sequence[Change]:
        return self.create_or_compare(f"userAssignedIdentities/{self._name}", desired, found)

    async def apply(self, desired: Wire | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        async with azure_errors(self.field):
            if found is not None and only_tags(changes):
                await write_tags(self._scope.session, found["id"], changes)
            elif found is None:
                return Ready(output=self.output(await self.create_at_once(self._name, dict(desired or {}))))
            else:
                await self._client.create_or_update(self._scope.group, self._name, {**found, **(desired or {})})
        return Ready()

    def planned_output(self, desired: Wire) -> outputs.Identity | None:
        id_ = self._scope.id_of("Microsoft.ManagedIdentity/userAssignedIdentities", self._name)
        return outputs.Identity(type="UserAssigned", client_id=KNOWN_AFTER_APPLY, principal_id=KNOWN_AFTER_APPLY, identity_id=id_)

    def output(self, found: Wire | None) -> outputs.Identity | None:
        if found is None:
            return None
        properties = found["properties"]
        return outputs.Identity(
            type="UserAssigned",
            client_id=guid(properties["clientId"], CLIENT_ID),
            principal_id=guid(properties["principalId"], PRINCIPAL_ID),
            identity_id=found["id"],
        )

    async def delete_owned(self, resource: Wire) -> Outcome:
        await check_unused(self._scope, self.output(resource))
        await self._client.delete(self._scope.group, self._name)
        return Ready()

    @property
    def _client(self) -> Any:
        return self._scope.session.identities.user_assigned_identities


def _principal(scope: AzureScope) -> AnyStep:
    principal = scope.spec.identity.service_principal
    existing = principal is not None and principal.secret_ref is not None
    return ExistingPrincipal(scope) if existing else CreatedPrincipal(scope)


def _user_assigned(scope: AzureScope) -> AnyStep:
    chosen = scope.spec.identity.user_assigned
    return ExistingIdentity(scope) if chosen is not None and chosen.resource_id else UserAssigned(scope)


_KINDS: Mapping[str, Callable[[AzureScope], AnyStep]] = {
    "ServicePrincipal": _principal,
    "UserAssigned": _user_assigned,
    "SystemAssigned": SystemAssigned,
}


def identity(scope: AzureScope) -> AnyStep:
    """Return the Identity step of spec.identity."""
    return _KINDS[scope.spec.identity.type](scope)
