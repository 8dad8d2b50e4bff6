"""Entra ID's token endpoint and discovery, and who the caller of a request is."""

import uuid
from datetime import timedelta
from typing import Any

import jwt

from sandbox.azure.core.errors import ArmError, EntraError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.signing import Signer, signed_with
from sandbox.azure.world import TENANT, World

TOKEN_SECONDS = 3600


class Entra:
    """Issues tokens to the principals of the directory."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._valid_from = 0.0
        self._signer = Signer("entra")

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        routes.add("POST", "/{tenant}/oauth2/v2.0/token", self.token)
        routes.add("POST", "/{tenant}/oauth2/token", self.token)
        routes.add("GET", "/{tenant}/v2.0/.well-known/openid-configuration", self.discovery)
        routes.add("GET", "/{tenant}/.well-known/openid-configuration", self.discovery)
        routes.add("GET", "/{tenant}/discovery/v2.0/keys", self.keys)
        routes.add("GET", "/metadata/endpoints", self.endpoints)

    async def token(self, call: Call) -> Answer:
        """Client credentials: by secret or by a federated assertion."""
        form: dict[str, str] = call.body
        app_id, tenant = self._check(call["tenant"], form)
        principal = self._world.principal_by_app(app_id)
        if principal is None:
            text = f"The client application {app_id} is missing a service principal in the tenant."
            raise EntraError(401, "invalid_client", 7000229, text)
        scope = form.get("scope") or form.get("resource", "")
        ends = self._world.clock.now() + timedelta(seconds=TOKEN_SECONDS * max(1.0, self._world.clock.speed))
        claims = {
            "iss": f"{self._world.base()}/{tenant}/v2.0",
            "aud": scope.removesuffix("/.default"),
            "sub": principal["id"],
            "tid": tenant,
            "groups": principal.get("memberOf", []),
            "oid": principal["id"],
            "appid": app_id,
            "jti": uuid.uuid4().hex,
            "iat": self._world.clock.now().timestamp(),
            "exp": int(ends.timestamp()),
        }
        body = {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "ext_expires_in": TOKEN_SECONDS,
            "access_token": self._signer.sign(claims),
        }
        return Answer(body)

    def _check(self, tenant: str, form: dict[str, str]) -> tuple[str, str]:
        """(application id, tenant) of a client that proved who it is. Raises EntraError."""
        app_id = form.get("client_id", "")
        tenant = TENANT if tenant.lower() in ("common", "organizations") else tenant.lower()
        if tenant not in self._world.tenants.values():
            raise EntraError(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        application = next((a for a in self._world.applications.values() if a["appId"].lower() == app_id.lower()), None)
        if application is None or application.get("tenant", TENANT) != tenant:
            text = f"Application with identifier '{app_id}' was not found in the directory 'Sandbox'."
            raise EntraError(400, "unauthorized_client", 700016, text)
        if "client_assertion" in form:
            self._check_assertion(application, form["client_assertion"], tenant)
        else:
            self._check_secret(application, form.get("client_secret", ""))
        return str(application["appId"]), tenant

    def _check_assertion(self, application: dict[str, Any], assertion: str, tenant: str) -> None:
        """A certificate's assertion is made by the client itself; anything else is a federated token."""
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            claims = {}
        if claims.get("iss") == application["appId"]:
            audience = f"{self._world.base()}/{tenant}/oauth2/v2.0/token"
            if not signed_with(assertion, application.get("certificates", []), audience):
                text = "Client assertion contains an invalid signature. [Reason - The key was not found.]"
                raise EntraError(401, "invalid_client", 700027, text)
        elif not application.get("federated"):
            text = "No matching federated identity record found for presented assertion."
            raise EntraError(401, "invalid_client", 700213, text)

    def _check_secret(self, application: dict[str, Any], given: str) -> None:
        for value, end in self._world.secrets.get(application["id"], {}).values():
            if value == given:
                if end < self._world.clock.now():
                    raise EntraError(401, "invalid_client", 7000222, "The provided client secret keys are expired.")
                return
        raise EntraError(401, "invalid_client", 7000215, "Invalid client secret provided.")

    def caller(self, call: Call) -> dict[str, Any]:
        """The principal whose token a request carries. Raises ArmError 401."""
        header = call.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise ArmError(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        token = header.removeprefix("Bearer ")
        try:
            claims = self._signer.claims(token)
        except jwt.InvalidTokenError:
            raise ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.") from None
        if claims["exp"] < self._world.clock.now().timestamp() or claims["iat"] < self._valid_from:
            raise ArmError(401, "ExpiredAuthenticationToken", "The access token expiry is earlier than current time.")
        return claims

    async def keys(self, call: Call) -> Answer:
        """What tokens are checked with."""
        return Answer(self._signer.keys())

    async def discovery(self, call: Call) -> Answer:
        """What MSAL asks before it signs in."""
        base, tenant = self._world.base(), call["tenant"]
        return Answer(
            {
                "issuer": f"{base}/{tenant}/v2.0",
                "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def endpoints(self, call: Call) -> Answer:
        """What `az cloud register --endpoint-resource-manager` reads."""
        base = self._world.base()
        return Answer(
            {
                "name": "Sandbox",
                "portal": f"{base}/portal",
                "authentication": {
                    "loginEndpoint": base,
                    "audiences": [base],
                    "tenant": "common",
                    "identityProvider": "AAD",
                },
                "resourceManager": base,
                "graph": base,
                "graphAudience": base,
                "microsoftGraphResourceId": base,
                "activeDirectoryDataLake": base,
                "batch": base,
                "media": base,
                "gallery": base,
                "sqlManagement": base,
                "vmImageAliasDoc": f"{base}/aliases.json",
                "suffixes": {"storage": "core.sandbox", "acrLoginServer": "azurecr.sandbox", "keyVaultDns": "vault.sandbox"},
            }
        )

    def revoke_all(self) -> None:
        """Tokens issued until now are refused."""
        self._valid_from = self._world.clock.now().timestamp()

    def is_operator(self, claims: dict[str, Any]) -> bool:
        """Whether the caller is the sandbox's own principal, Owner of everything."""
        return str(claims["appid"]).lower() in self._world.owners
