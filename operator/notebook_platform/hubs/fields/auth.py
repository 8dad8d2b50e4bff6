"""Map spec.jupyterhub.auth to the chart's rows: who may sign in. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from notebook_platform.api.hubs import Dummy, Entra, GitHub, JupyterHubSpec, OAuth, Oidc
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.hubs.fields.allow_rules import allow_rules
from notebook_platform.hubs.fields.entra import entra_endpoints
from notebook_platform.hubs.inputs import Endpoints, HubContext, HubSecrets, url_of

FieldValues = Mapping[str, Any]

CA_FILE = "/usr/local/etc/jupyterhub/oidc-ca.pem"


def auth_values(spec: JupyterHubSpec, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    """Return the rows of spec.jupyterhub.auth; None: not set. Raises StepError (EndpointsUnknown)."""
    auth = spec.auth
    traits: dict[str, Any] = {
        "auth.persistState": True if auth.persist_state else None,
        "auth.autoLogin": True if auth.auto_login else None,
    }
    for member, rows in _MEMBERS.items():
        if (who := getattr(auth, member)) is not None:
            own = {f"auth.{member}{name}": value for name, value in rows(who, secrets, hub_context).items()}
            traits |= {"auth": _CLASSES[member], **allow_rules(member, who, auth, spec.chart.version, hub_context.fields), **own}
            if isinstance(who, OAuth):
                url = url_of(spec, hub_context)
                traits |= {
                    f"auth.{member}.clientId": who.client_id,
                    f"auth.{member}.clientSecretRef": secrets.client_secret,
                    f"auth.{member}#callback": f"{url}/hub/oauth_callback" if url else None,
                }
    return traits


def _groups(who: Oidc | Entra, state: str) -> FieldValues:
    claim = who.groups_claim
    return {
        ".groupsClaim#state": f"{state}.{claim}" if claim else None,
        ".groupsClaim#managed": True if claim else None,
    }


def _oidc(oidc: Oidc, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    endpoints = endpoints_of(oidc, hub_context.endpoints, hub_context.fields.path("auth.oidc"))
    return {
        ".authorizeUrl": endpoints.authorize,
        ".tokenUrl": endpoints.token,
        ".userinfoUrl": endpoints.userinfo,
        ".userinfoUrl#method": "GET",
        ".scopes": list(oidc.scopes),
        ".loginService": oidc.login_service,
        ".usernameClaim": oidc.username_claim,
        ".caBundle": CA_FILE if oidc.ca_bundle else None,
        ".caBundle#file": {"mountPath": CA_FILE, "stringData": oidc.ca_bundle} if oidc.ca_bundle else None,
        ".tlsVerify": None if oidc.tls_verify else False,
        ".groupsClaim": oidc.groups_claim,
        **_groups(oidc, "oauth_user"),
    }


def _entra(entra: Entra, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    endpoints = entra_endpoints(entra, hub_context)
    return {".tenantId": entra.tenant_id, ".usernameClaim": entra.username_claim, **endpoints, **_groups(entra, "user")}


def _github(github: GitHub, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    organizations = [] if github.allow_all else sorted(set(github.allowed_organizations))
    return {
        ".allowedOrganizations": organizations or None,
        ".allowedOrganizations#scope": ["read:org"] if organizations else None,
    }


def _dummy(dummy: Dummy, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    return {".passwordRef": secrets.password}


_CLASSES = {"oidc": "generic-oauth", "entra": "azuread", "github": "github", "dummy": "dummy"}
"""https://jupyterhub.readthedocs.io/en/stable/reference/authenticators.html"""

_MEMBERS: Mapping[str, Callable[[Any, HubSecrets, HubContext], FieldValues]] = {
    "oidc": _oidc,
    "entra": _entra,
    "github": _github,
    "dummy": _dummy,
}


def asks_issuer(oidc: Oidc | None) -> str | None:
    """Return the issuer to query, because the spec does not set all of its endpoints; None: no query is needed."""
    if oidc is None or (oidc.authorize_url and oidc.token_url and oidc.userinfo_url):
        return None
    return oidc.issuer


def endpoints_of(oidc: Oidc, found: Endpoints | None, field: str) -> Endpoints:
    """Return the endpoints of the spec, completed with the issuer's. `field`: the path of the sign-in. Raises StepError (EndpointsUnknown)."""
    authorize = oidc.authorize_url or (found and found.authorize)
    token = oidc.token_url or (found and found.token)
    userinfo = oidc.userinfo_url or (found and found.userinfo)
    if not (authorize and token and userinfo):
        raise StepError(
            Reason.ENDPOINTS_UNKNOWN,
            f"{field} has neither an issuer nor all endpoints",
            f"Set {field}.issuer, or authorizeUrl, tokenUrl and userinfoUrl.",
        )
    return Endpoints(authorize=authorize, token=token, userinfo=userinfo)
