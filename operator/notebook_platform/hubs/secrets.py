"""The secrets of a hub: made once, kept beside the platform, taken over from a release that is there already."""

import secrets
from collections.abc import Mapping
from typing import Any

import yaml

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.engine.outcome import Refused
from notebook_platform.hubs.values import FIELD, HubSecrets
from notebook_platform.kube.redaction import KNOWN
from notebook_platform.kube.secrets import SecretStore

TAKEN_FROM: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "proxyToken": (("hub", "config", "ConfigurableHTTPProxy", "auth_token"), ("proxy", "secretToken")),
    "cookieSecret": (("hub", "config", "JupyterHub", "cookie_secret"), ("hub", "cookieSecret")),
    "cryptKey": (("hub", "config", "CryptKeeper", "keys"),),
}
"""Where the values of an existing release hold what a hub must keep: other ones would log everybody out."""


async def hub_secrets(
    store: SecretStore, spec: JupyterHubSpec, existing: Mapping[str, Any] | None, suffix: str = "hub"
) -> HubSecrets:
    """All secrets of the hub, kept in the Secret `<platform>-<suffix>`. `existing` are the values of a release that is there. Raises
    Refused for a missing reference."""
    name = f"{store.platform.name}-{suffix}"
    kept = dict(await store.find(name) or {})
    missing = [key for key in (*TAKEN_FROM, "password") if key not in kept]
    if missing:
        kept |= {key: _taken(existing or {}, key) or secrets.token_hex(32) for key in missing}
        await store.keep(name, kept)
    oidc, dummy = spec.auth.oidc, spec.auth.dummy
    client_secret = password = None
    if oidc is not None:
        reference = oidc.client_secret_ref
        data = await store.read(reference.name, reference.key, field=f"{FIELD}.auth.oidc.clientSecretRef")
        client_secret = data[reference.key].strip()
    if dummy is not None:
        password = kept["password"]
        if dummy.password_ref is not None:
            wanted = dummy.password_ref
            data = await store.read(wanted.name, wanted.key, field=f"{FIELD}.auth.dummy.passwordRef")
            password = data[wanted.key].strip()
    return HubSecrets(kept["proxyToken"], kept["cookieSecret"], kept["cryptKey"], client_secret, password)


def _taken(values: Mapping[str, Any], key: str) -> str | None:
    for path in TAKEN_FROM.get(key, ()):
        node: Any = values
        for part in path:
            node = node.get(part) if isinstance(node, Mapping) else None
        if isinstance(node, list):
            node = node[0] if node else None
        if isinstance(node, str) and node:
            return node
    return None


async def more_values(store: SecretStore, spec: JupyterHubSpec) -> list[Mapping[str, Any]]:
    """The documents of valuesFrom, in order. Raises Refused (missing object or key, ValuesNotYaml)."""
    documents: list[Mapping[str, Any]] = []
    for place, source in enumerate(spec.values_from):
        where = f"{FIELD}.valuesFrom[{place}]"
        if source.kind == "Secret":
            data = await store.read(source.name, source.key, field=where)
            KNOWN.add({source.key: data[source.key]})
            text = data[source.key]
        else:
            text = await store.config_map(source.name, source.key, field=where)
        try:
            document = yaml.safe_load(text) or {}
        except yaml.YAMLError:
            document = None
        if not isinstance(document, dict):
            raise Refused.because(
                "ValuesNotYaml",
                f"{where}: {source.kind} {source.name!r}, key {source.key!r} does not hold a YAML mapping",
                "Correct it; it is picked up at once.",
            )
        documents.append(document)
    return documents
