"""A service principal created through Microsoft Graph: application, principal, and one secret that is kept in a Secret.

The application has a unique name made from the platform's uid and is created by an upsert, so a create that is sent twice makes
one application (https://learn.microsoft.com/graph/api/application-upsert).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform import outputs
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.paths import guid, literal
from notebook_platform.azure.arm.resource_types import APPLICATION_TAG, APPLICATIONS, PRINCIPALS, DirectoryType
from notebook_platform.azure.identity_step import IdentityStep
from notebook_platform.azure.identity_use import check_unused
from notebook_platform.azure.principal_secret import PRINCIPAL
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Failed, Inputs, Observed, Outcome, Progressing, Ready
from notebook_platform.engine.change import KNOWN_AFTER_APPLY, Scheduled
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.kube.validated import select

FIELD = "spec.identity.servicePrincipal"
LIFETIME = timedelta(days=365)
CREDENTIAL = "notebook-platform"
APP_ID, OBJECT_ID = "the appId of the application", "the id of the application or of its principal"
AGAIN, LONGEST = 0.05, 5.0
"""Seconds until the next of the three writes (application, principal, secret), each of which is read before it is created: the first wait,
and the longest while the directory does not show what was created."""

Wire = dict[str, Any]


@dataclass(frozen=True)
class Principal:
    """The existing ones of the three. `secret_id`: key id of the secret in the Secret."""

    application: Wire
    principal: Wire | None
    secret_id: str | None
    expires: str | None = None

    @property
    def holds_secret(self) -> bool:
        """Return whether Entra ID still has the stored secret."""
        known = {c["keyId"] for c in self.application.get("passwordCredentials") or ()}
        return self.secret_id is not None and self.secret_id in known

    @property
    def ends(self) -> tuple[tuple[str, str], ...]:
        """Return the operator's secrets: the key id of each, and when it expires."""
        listed = self.application.get("passwordCredentials") or ()
        return tuple((c["keyId"], str(c.get("endDateTime") or "")) for c in listed if c.get("displayName") == CREDENTIAL)

    @property
    def old_secrets(self) -> tuple[str, ...]:
        """Return the key ids of the operator's secrets beside the stored one."""
        return tuple(key for key, _ in self.ends if key != self.secret_id)


class CreatedPrincipal(IdentityStep[str, Principal]):
    """Application, principal and secret, each created when it is missing. The desired state is the display name."""

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope
        self._secrets: SecretStore = scope.secrets
        self._unique_name = f"notebook-platform-{scope.owner.uid}"
        self._secret_name = f"{scope.owner.name}-service-principal"

    def desired(self, inputs: Inputs) -> str:
        principal = self._scope.spec.identity.service_principal
        return (principal and principal.name) or f"notebook-platform {self._scope.owner.name}"

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Principal]:
        # The Secret first: a principal whose secret cannot be stored is not made.
        kept = {} if self._scope.deleting else select(await self._secrets.own(self._secret_name), PRINCIPAL)
        application, principal = await self._directory(fresh=fresh)
        if application is None:
            return Observed(failed=await self._left_behind())
        usable = kept.keys() == PRINCIPAL.keys() and kept["clientId"] == application["appId"]
        secret_id = kept["secretId"] if usable else None
        return Observed(found=Principal(application, principal, secret_id, kept.get("expires")))

    async def _left_behind(self) -> Failed | None:
        """Return why no principal may be created: the Secret holds the principal of an orphaned platform, whose cluster cannot
        change it."""
        if self._scope.deleting or await self._secrets.own(self._secret_name) is None:
            return None
        if await self._secrets.own(self._secret_name, orphaned=False) is not None:
            return None
        return Failed(
            reason=Reason.PRINCIPAL_LEFT_BEHIND,
            message=f"{FIELD}.name: the Secret {self._secret_name!r} holds the service principal that an orphaned platform of this "
            "name created, and would be overwritten",
            remedy=f"To adopt that platform's cluster, which cannot change its principal, set {FIELD}.secretRef: "
            f"{{name: {self._secret_name}}} instead of {FIELD}.name. Otherwise delete that Secret.",
        )

    async def _directory(self, *, fresh: bool) -> tuple[Wire | None, Wire | None]:
        """Return the application and its principal: from the list that all platforms share, or each from its own address."""
        cache, age = self._scope.cache, self._scope.max_age
        if not fresh:
            async with azure_errors(FIELD):
                application = next(iter(await cache.find(APPLICATIONS, self._unique_name, age) or ()), None)
                if application is None:
                    return None, None
                return application, next(iter(await cache.find(PRINCIPALS, str(application["appId"]), age) or ()), None)
        application = await self._find(APPLICATIONS, f"/applications(uniqueName={literal(self._unique_name)})")
        if application is None:
            return None, None
        address = f"/servicePrincipals(appId={literal(guid(application['appId'], APP_ID))})"
        return application, await self._find(PRINCIPALS, address)

    def plan(self, desired: str | None, found: Principal | None) -> Sequence[Change]:
        parts = {
            "application": found is not None,
            "servicePrincipal": found is not None and found.principal is not None,
            "secret": found is not None and found.holds_secret,
        }
        missing = [part for part, existing in parts.items() if not existing]
        if not missing and found and (ends := self._ends_soon(found)):
            return [
                Change(
                    path=f"{FIELD}.secretLifetime",
                    action=Action.UPDATE,
                    before=f"ends {ends}",
                    after="a new one",
                    gate=Scheduled(),
                )
            ]
        return [
            Change(path=f"{FIELD}.{part}", action=Action.CREATE, after=desired, drift=False if part == "secret" else None)
            for part in missing
        ]

    def _ends_soon(self, found: Principal) -> str | None:
        """Return when the stored secret ends, if it is time to renew it."""
        principal = self._scope.spec.identity.service_principal
        if found.expires is None or principal is None:
            return None
        ends = datetime.fromisoformat(found.expires)
        return found.expires if ends - self._scope.now < parse_duration(principal.renew_before) else None

    async def apply(self, desired: str | None, found: Principal | None, changes: Sequence[Change]) -> Outcome:
        async with azure_errors(FIELD):
            if found is None:
                await self._scope.session.graph(
                    "PATCH",
                    f"/applications(uniqueName={literal(self._unique_name)})",
                    json={
                        "displayName": desired,
                        "notes": self._scope.owner.tag,
                        "tags": [APPLICATION_TAG],
                        "signInAudience": "AzureADMyOrg",
                    },
                    headers={"Prefer": "create-if-missing"},
                )
            elif found.principal is None:
                body = {"appId": found.application["appId"], "accountEnabled": True, "tags": [APPLICATION_TAG]}
                await self._scope.session.graph("POST", "/servicePrincipals", json=body)
            else:
                await self._renew(found)
                return Ready()
        message = f"The service principal {desired} is being created"
        return Progressing(reason=Reason.CREATING, message=message, requeue_after=AGAIN, longest_wait=LONGEST)

    async def _renew(self, found: Principal) -> None:
        """Add a secret and store it. Older ones stay valid until the cluster has this one: PrincipalSecret removes them then, and
        also any that was never stored because the operator ended before."""
        application, path = found.application, f"/applications/{guid(found.application['id'], OBJECT_ID)}"
        principal = self._scope.spec.identity.service_principal
        lifetime = parse_duration(principal.secret_lifetime) if principal else LIFETIME
        ends = (self._scope.now + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = {"passwordCredential": {"displayName": CREDENTIAL, "endDateTime": ends}}
        made = await self._scope.session.graph("POST", f"{path}/addPassword", json=wanted)
        await self._secrets.apply(
            self._secret_name,
            {
                "clientId": application["appId"],
                "clientSecret": made["secretText"],
                "secretId": made["keyId"],
                "expires": made.get("endDateTime") or ends,
            },
        )

    def output(self, found: Principal | None) -> outputs.Identity | None:
        if found is None or found.principal is None:
            return None
        return outputs.Identity(
            type="ServicePrincipal",
            client_id=found.application["appId"],
            principal_id=guid(found.principal["id"], OBJECT_ID),
            secret_name=self._secret_name,
            expires=found.expires,
            application_id=found.application["id"],
            old_secrets=found.old_secrets,
            ends=found.ends,
        )

    def planned_output(self, desired: str) -> outputs.Identity | None:
        unknown = KNOWN_AFTER_APPLY
        return outputs.Identity(
            type="ServicePrincipal",
            client_id=unknown,
            principal_id=unknown,
            secret_name=self._secret_name,
            application_id=unknown,
        )

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return 2.0 * len(changes)

    async def delete(self, found: Principal, inputs: Inputs) -> Outcome:
        await check_unused(self._scope, self.output(found))
        await self._secrets.delete(self._secret_name)  # first: without the application no later round would find it
        await self._delete(found)
        return Ready()

    async def delete_former(self) -> Outcome:
        """Delete the principal of a platform whose spec no longer asks for one. Its Secret tells that there is one, and is deleted last."""
        if await self._secrets.own(self._secret_name, orphaned=False) is None:
            return Ready()
        application, principal = await self._directory(fresh=True)
        if application is not None:
            former = Principal(application, principal, None)
            await check_unused(self._scope, self.output(former))
            await self._delete(former)
        await self._secrets.delete(self._secret_name)
        return Ready()

    async def _delete(self, found: Principal) -> None:
        async with azure_errors(FIELD):
            if found.principal is not None:
                await self._scope.session.graph("DELETE", f"/servicePrincipals/{guid(found.principal['id'], OBJECT_ID)}")
            await self._scope.session.graph("DELETE", f"/applications/{guid(found.application['id'], OBJECT_ID)}")

    async def _find(self, kind: DirectoryType, path: str) -> Wire | None:
        began = time.monotonic()
        async with azure_errors(FIELD):
            try:
                found: Wire | None = await self._scope.session.graph("GET", path)
            except HttpResponseError as error:
                if error.status_code == 404:
                    return None
                raise
        if found is not None:
            self._scope.cache.put(kind, dict(found), began)
        return found
