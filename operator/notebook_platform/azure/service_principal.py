"""A service principal of our own, made through Microsoft Graph: application, principal, and one secret that is kept in a Secret.

The application has a unique name made from the platform's uid and is created by an upsert, so a create that is sent twice makes
one application (https://learn.microsoft.com/graph/api/application-upsert).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure import outputs
from notebook_platform.azure.arm.errors import speaking_of
from notebook_platform.azure.context import AzureContext
from notebook_platform.engine import Action, Change, Done, InProgress, Inputs, Observed, Outcome, Step
from notebook_platform.kube.secrets import SecretStore

FIELD = "spec.identity.servicePrincipal"
LIFETIME = timedelta(days=365)
CREDENTIAL = "notebook-platform"
AGAIN = 0.2
"""Seconds until the next of the three writes (application, principal, secret): each is looked for before it is made."""

Wire = Mapping[str, Any]


@dataclass(frozen=True)
class Principal:
    """What is there of the three. `secret_id`: key id of the secret that the Secret holds."""

    application: Wire
    principal: Wire | None
    secret_id: str | None

    @property
    def holds_secret(self) -> bool:
        """Whether the secret we keep is one that Entra ID still knows."""
        known = {c["keyId"] for c in self.application.get("passwordCredentials") or ()}
        return self.secret_id is not None and self.secret_id in known


class CreatedPrincipal(Step[str, Principal]):
    """Application, principal and secret, each made when it is found missing. What is wanted is the display name."""

    name = "Identity"
    needs = ("ResourceGroup",)

    def __init__(self, context: AzureContext) -> None:
        self._context = context
        self._secrets: SecretStore = context.secrets
        self._unique_name = f"notebook-platform-{context.owner.uid}"
        self._secret_name = f"{context.owner.name}-service-principal"

    def desired(self, inputs: Inputs) -> str:
        principal = self._context.spec.identity.service_principal
        return (principal and principal.name) or f"notebook-platform {self._context.owner.name}"

    async def observe(self, inputs: Inputs) -> Observed[Principal]:
        application = await self._find(f"/applications(uniqueName='{self._unique_name}')")
        if application is None:
            return Observed()
        principal = await self._find(f"/servicePrincipals(appId='{application['appId']}')")
        kept = await self._secrets.find(self._secret_name) or {}
        secret_id = kept.get("secretId") if kept.get("clientId") == application["appId"] else None
        return Observed(found=Principal(application, principal, secret_id))

    def plan(self, desired: str | None, found: Principal | None) -> Sequence[Change]:
        parts = {
            "application": found is not None,
            "servicePrincipal": found is not None and found.principal is not None,
            "secret": found is not None and found.holds_secret,
        }
        return [Change(path=f"{FIELD}.{part}", action=Action.CREATE, after=desired) for part, there in parts.items() if not there]

    async def apply(self, desired: str | None, found: Principal | None, changes: Sequence[Change]) -> Outcome:
        async with speaking_of(FIELD):
            if found is None:
                await self._context.session.graph(
                    "PATCH",
                    f"/applications(uniqueName='{self._unique_name}')",
                    json={"displayName": desired, "notes": self._context.owner.tag, "signInAudience": "AzureADMyOrg"},
                    headers={"Prefer": "create-if-missing"},
                )
            elif found.principal is None:
                body = {"appId": found.application["appId"], "accountEnabled": True}
                await self._context.session.graph("POST", "/servicePrincipals", json=body)
            else:
                await self._renew(found.application)
                return Done()
        return InProgress(reason="Creating", message=f"The service principal {desired} is being made", look_again_in=AGAIN)

    async def _renew(self, application: Wire) -> None:
        """Add a secret and keep it; one of ours that nobody keeps (the operator died in between) is removed first."""
        path = f"/applications/{application['id']}"
        for stray in application.get("passwordCredentials") or ():
            if stray.get("displayName") == CREDENTIAL:
                await self._context.session.graph("POST", f"{path}/removePassword", json={"keyId": stray["keyId"]})
        ends = (datetime.now(UTC) + LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = {"passwordCredential": {"displayName": CREDENTIAL, "endDateTime": ends}}
        made = await self._context.session.graph("POST", f"{path}/addPassword", json=wanted)
        await self._secrets.keep(
            self._secret_name,
            {
                "clientId": application["appId"],
                "clientSecret": made["secretText"],
                "secretId": made["keyId"],
                "expires": made.get("endDateTime") or ends,
            },
        )

    def output(self, found: Principal | None) -> Any:
        if found is None or found.principal is None:
            return None
        return outputs.Identity(
            type="ServicePrincipal",
            client_id=found.application["appId"],
            principal_id=found.principal["id"],
            secret_name=self._secret_name,
        )

    async def delete(self, found: Principal, inputs: Inputs) -> Outcome:
        async with speaking_of(FIELD):
            if found.principal is not None:
                await self._context.session.graph("DELETE", f"/servicePrincipals/{found.principal['id']}")
            await self._context.session.graph("DELETE", f"/applications/{found.application['id']}")
        await self._secrets.drop(self._secret_name)
        return Done()

    async def _find(self, path: str) -> Wire | None:
        async with speaking_of(FIELD):
            try:
                found: Wire | None = await self._context.session.graph("GET", path)
            except HttpResponseError as error:
                if error.status_code == 404:
                    return None
                raise
        return found
