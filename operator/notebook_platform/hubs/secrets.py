"""Secrets of a hub: generated once, kept beside the platform, taken over from an existing release."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.base import SecretKeyRef
from notebook_platform.api.hubs import JupyterHubSpec, OAuth
from notebook_platform.api.hubs.auth import ClientSecretRef
from notebook_platform.hubs.field_paths import JUPYTERHUB, HubFields
from notebook_platform.hubs.inputs import SEPARATOR, HubSecrets
from notebook_platform.hubs.naming import ESCAPE, SAFE
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.kube.validated import WORD
from notebook_platform.paths import at

TAKEN_FROM: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "proxyToken": (("hub", "config", "ConfigurableHTTPProxy", "auth_token"), ("proxy", "secretToken")),
    "cookieSecret": (("hub", "config", "JupyterHub", "cookie_secret"), ("hub", "cookieSecret")),
    "cryptKey": (("hub", "config", "CryptKeeper", "keys"),),
}
"""Where the values of an existing release hold what a hub must keep: other ones would log everybody out."""

KEPT_BY_CHARTS: Mapping[str, Mapping[str, str]] = {
    "hub": {
        "proxyToken": "hub.config.ConfigurableHTTPProxy.auth_token",
        "cookieSecret": "hub.config.JupyterHub.cookie_secret",
        "cryptKey": "hub.config.CryptKeeper.keys",
    },
    "hub-secret": {"proxyToken": "proxy.token", "cookieSecret": "hub.cookie-secret", "cryptKey": "auth.crypt-keys"},
}
"""Secrets of the charts (from 1 on, before) with what they drew themselves or were given, and the keys in them."""

NAMING, ESCAPES = "naming", f"slug_scheme={ESCAPE}"
"""Key and value beside the secrets of a hub that names volumes as charts before 4 do. A release that is installed anew after another client
uninstalled it would otherwise give its users new, empty homes."""

MADE = ("password", "tokenKey")
"""What is made for every hub beside those."""


@dataclass(frozen=True)
class ExistingRelease:
    """An installed release: its values, the cluster and namespace where its chart keeps the secrets that it generated, and the scheme by
    which it names volumes."""

    values: Mapping[str, Any] = field(repr=False)
    api: client.ApiClient
    namespace: str
    naming: str = SAFE

    async def generated(self) -> Mapping[str, str]:
        """Return the secrets by the operator's names; empty when the chart's Secret does not exist."""
        for name, keys in KEPT_BY_CHARTS.items():
            try:
                data = (await client.CoreV1Api(self.api).read_namespaced_secret(name, self.namespace)).data or {}
            except ApiException as error:
                if error.status != 404:
                    raise
                continue
            return {ours: value for ours, theirs in keys.items() if (value := _text(data.get(theirs)))}
        return {}


def _text(value: str | None) -> str | None:
    """Return the text of a Secret's value; None when it is not usable text."""
    try:
        text = base64.b64decode(value or "").decode()
    except ValueError:
        return None
    return text if WORD.fullmatch(text) else None


async def hub_secrets(
    store: SecretStore,
    spec: JupyterHubSpec,
    existing: ExistingRelease | None,
    suffix: str = "hub",
    fields: HubFields = JUPYTERHUB,
) -> HubSecrets:
    """Return all secrets of the hub, kept in the Secret `<platform>-<suffix>`. `fields`: the paths of its fields.

    Raises StepError for a missing reference."""
    kept = await _kept(store, f"{store.platform.name}-{suffix}", spec, existing)
    member, who = next(((name, who) for name in ("oidc", "entra", "github") if (who := getattr(spec.auth, name))), ("", None))
    client_secret = None
    if isinstance(who, OAuth):
        client_secret = await _referred(store, who.client_secret_ref, fields.path(f"auth.{member}.clientSecretRef"))
    password = None
    if spec.auth.dummy is not None:
        password = await _referred(store, spec.auth.dummy.password_ref, fields.path("auth.dummy.passwordRef")) or kept["password"]
    tokens = {key.removeprefix("service."): value for key, value in kept.items() if key.startswith("service.")}
    for place, service in enumerate(spec.services):
        if token := await _referred(store, service.api_token_ref, fields.path(f"services[{place}].apiTokenRef")):
            tokens[service.name] = token
    pull = spec.image_pull
    return HubSecrets(
        proxy_token=kept["proxyToken"],
        cookie_secret=kept["cookieSecret"],
        crypt_key=kept["cryptKey"],
        token_key=kept["tokenKey"],
        service_tokens=tokens,
        client_secret=client_secret,
        password=password,
        database_url=await _referred(store, spec.database.url_ref, fields.path("database.urlRef")),
        pull_password=await _referred(store, pull.password_ref if pull else None, fields.path("imagePull.passwordRef")),
        certificate=await _certificate(store, spec, fields),
        naming=ESCAPE if kept.get(NAMING) == ESCAPES else "",
    )


async def _kept(store: SecretStore, name: str, spec: JupyterHubSpec, existing: ExistingRelease | None) -> Mapping[str, str]:
    """Return the secrets kept beside the platform, completed with those of the release or new ones.

    What its chart drew itself stands in no values, and was never given to it from here: that counts, whatever is kept.
    """
    kept = {key: value for key, value in (await store.own(name) or {}).items() if WORD.fullmatch(value)}
    values = existing.values if existing else {}
    generated = await existing.generated() if existing and any(_taken(values, key) is None for key in TAKEN_FROM) else {}
    fresh = {key: value for key, value in generated.items() if _taken(values, key) is None and kept.get(key) != value}
    for key in (*TAKEN_FROM, *MADE):
        if key not in kept and key not in fresh:
            fresh[key] = _taken(values, key) or secrets.token_hex(32)
    for service in spec.services:
        key = f"service.{service.name}"
        if key not in kept and (token := _token_in(values, service.name)):
            fresh[key] = token
    named = {NAMING: ESCAPES} if existing and existing.naming == ESCAPE else {}
    renamed = existing is not None and kept.get(NAMING) != named.get(NAMING)
    if fresh or renamed:
        if renamed:
            kept.pop(NAMING, None)
        kept |= fresh | named
        await store.apply(name, kept)
    return kept


async def _referred(store: SecretStore, reference: SecretKeyRef | ClientSecretRef | None, field: str) -> str | None:
    if reference is None:
        return None
    data = await store.read(reference.name, reference.key, field=field)
    return data[reference.key].strip()


async def _certificate(store: SecretStore, spec: JupyterHubSpec, fields: HubFields) -> tuple[str, str] | None:
    tls = spec.expose.tls
    if tls is None or tls.certificate_ref is None:
        return None
    field = fields.path("expose.tls.certificateRef")
    data = await store.read(tls.certificate_ref.name, "tls.crt", "tls.key", field=field)
    return data["tls.crt"], data["tls.key"]


def missing_secrets(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the secrets in a hub's values (by the operator's names) that the next values no longer have. Pure."""
    found = []
    for key in TAKEN_FROM:
        was, will_be = _taken(before, key), _taken(after, key) or ""
        if was and not set(was.split(SEPARATOR)) <= set(will_be.split(SEPARATOR)):
            found.append(key)
    return found


def _taken(values: Mapping[str, Any], key: str) -> str | None:
    for path in TAKEN_FROM.get(key, ()):
        found = at(values, *path)
        if isinstance(found, list):
            found = SEPARATOR.join(str(one) for one in found if one)
        if isinstance(found, str) and WORD.fullmatch(found):
            return found
    return None


def _token_in(values: Mapping[str, Any], service: str) -> str | None:
    found = at(values, "hub", "services", service) or {}
    token = found.get("apiToken") or found.get("api_token") if isinstance(found, Mapping) else None
    return token if isinstance(token, str) and WORD.fullmatch(token) else None
