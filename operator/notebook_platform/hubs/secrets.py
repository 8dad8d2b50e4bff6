"""The secrets of a hub: made once, kept beside the platform, taken over from a release that is there already."""

import secrets
from collections.abc import Mapping
from typing import Any

from notebook_platform.api.base import SecretKeyRef
from notebook_platform.api.hubs import JupyterHubSpec, OAuth
from notebook_platform.api.hubs.auth import ClientSecretRef
from notebook_platform.hubs.given import FIELD, SEPARATOR, HubSecrets
from notebook_platform.kube.secrets import SecretStore

TAKEN_FROM: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "proxyToken": (("hub", "config", "ConfigurableHTTPProxy", "auth_token"), ("proxy", "secretToken")),
    "cookieSecret": (("hub", "config", "JupyterHub", "cookie_secret"), ("hub", "cookieSecret")),
    "cryptKey": (("hub", "config", "CryptKeeper", "keys"),),
}
"""Where the values of an existing release hold what a hub must keep: other ones would log everybody out."""

MADE = ("password", "tokenKey")
"""What is made for every hub beside those."""


async def hub_secrets(
    store: SecretStore, spec: JupyterHubSpec, existing: Mapping[str, Any] | None, suffix: str = "hub"
) -> HubSecrets:
    """All secrets of the hub, kept in the Secret `<platform>-<suffix>`. `existing` are the values of a release that is there. Raises
    Refused for a missing reference."""
    kept = await _kept(store, f"{store.platform.name}-{suffix}", spec, existing or {})
    member, who = next(((name, who) for name in ("oidc", "entra", "github") if (who := getattr(spec.auth, name))), ("", None))
    client_secret = None
    if isinstance(who, OAuth):
        client_secret = await _referred(store, who.client_secret_ref, f"auth.{member}.clientSecretRef")
    password = None
    if spec.auth.dummy is not None:
        password = await _referred(store, spec.auth.dummy.password_ref, "auth.dummy.passwordRef") or kept["password"]
    tokens = {key.removeprefix("service."): value for key, value in kept.items() if key.startswith("service.")}
    for place, service in enumerate(spec.services):
        if token := await _referred(store, service.api_token_ref, f"services[{place}].apiTokenRef"):
            tokens[service.name] = token
    return HubSecrets(
        proxy_token=kept["proxyToken"],
        cookie_secret=kept["cookieSecret"],
        crypt_key=kept["cryptKey"],
        token_key=kept["tokenKey"],
        service_tokens=tokens,
        client_secret=client_secret,
        password=password,
        database_url=await _referred(store, spec.database.url_ref, "database.urlRef"),
        pull_password=await _referred(store, spec.image_pull.password_ref if spec.image_pull else None, "imagePull.passwordRef"),
        certificate=await _certificate(store, spec),
    )


async def _kept(store: SecretStore, name: str, spec: JupyterHubSpec, existing: Mapping[str, Any]) -> Mapping[str, str]:
    """What is kept beside the platform, with all that was missing until now."""
    kept = dict(await store.find(name) or {})
    fresh = {key: _taken(existing, key) or secrets.token_hex(32) for key in (*TAKEN_FROM, *MADE) if key not in kept}
    for service in spec.services:
        key = f"service.{service.name}"
        if key not in kept and (token := _token_in(existing, service.name)):
            fresh[key] = token
    if fresh:
        kept |= fresh
        await store.keep(name, kept)
    return kept


async def _referred(store: SecretStore, reference: SecretKeyRef | ClientSecretRef | None, field: str) -> str | None:
    if reference is None:
        return None
    data = await store.read(reference.name, reference.key, field=f"{FIELD}.{field}")
    return data[reference.key].strip()


async def _certificate(store: SecretStore, spec: JupyterHubSpec) -> tuple[str, str] | None:
    tls = spec.expose.tls
    if tls is None or tls.certificate_ref is None:
        return None
    field = f"{FIELD}.expose.tls.certificateRef"
    data = await store.read(tls.certificate_ref.name, "tls.crt", "tls.key", field=field)
    return data["tls.crt"], data["tls.key"]


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    node: Any = values
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _taken(values: Mapping[str, Any], key: str) -> str | None:
    for path in TAKEN_FROM.get(key, ()):
        found = _at(values, path)
        if isinstance(found, list):
            found = SEPARATOR.join(str(one) for one in found if one)
        if isinstance(found, str) and found:
            return found
    return None


def _token_in(values: Mapping[str, Any], service: str) -> str | None:
    found = _at(values, ("hub", "services", service)) or {}
    token = found.get("apiToken") or found.get("api_token") if isinstance(found, Mapping) else None
    return token if isinstance(token, str) else None
