"""Secrets of a binder. Its hub's and its own token are generated once; a registry's login and tokens are read from the spec's
Secrets."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.engine.change import KNOWN_AFTER_APPLY
from notebook_platform.hubs.binder.addresses import Addresses
from notebook_platform.hubs.binder.values import BinderSecrets, Registry, existing_registry, hub_inside
from notebook_platform.hubs.field_paths import BINDERHUB
from notebook_platform.hubs.secrets import ExistingRelease, hub_secrets
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.kube.validated import HOST_NAME, SHORT_WORD, WORD, select

SUFFIX = "binder"
REGISTRY = r"{name}(-[a-z0-9]+)?\.azurecr\.(io|us|cn)"
"""Login servers of a registry: with a hash where the registry's name has a scope
(https://learn.microsoft.com/azure/container-registry/container-registry-get-started-portal)."""
LOGIN = {"server": HOST_NAME, "username": SHORT_WORD, "password": WORD}


async def binder_secrets(
    store: SecretStore, spec: BinderHubSpec, addresses: Addresses, existing: ExistingRelease | None
) -> BinderSecrets:
    """Return all secrets of the binder, kept in `<platform>-binder`. `existing` is the installed release of its hub, if there
    is one.

    Raises StepError for a missing reference.
    """
    hub = await hub_secrets(store, hub_inside(spec, addresses), existing, SUFFIX, BINDERHUB)
    name = f"{store.platform.name}-{SUFFIX}"
    kept = {key: value for key, value in (await store.own(name) or {}).items() if WORD.fullmatch(value)}
    if "apiToken" not in kept:
        kept["apiToken"] = _token_in(existing.values if existing else {}) or secrets.token_hex(32)
        await store.apply(name, kept)
    tokens: dict[str, str] = {}
    for provider, reference in (("GitHub", spec.github), ("GitLab", spec.gitlab)):
        if reference is not None:
            wanted = reference.token_ref
            data = await store.read(wanted.name, wanted.key, field=f"{BINDERHUB.root}.{provider.lower()}.tokenRef")
            tokens[provider] = data[wanted.key].strip()
    return BinderSecrets(hub, kept["apiToken"], tokens)


def _token_in(hub_values: Mapping[str, Any]) -> str | None:
    node: Any = hub_values
    for key in ("hub", "services", "binder"):
        node = node.get(key) if isinstance(node, Mapping) else None
    token = (node.get("apiToken") or node.get("api_token")) if isinstance(node, Mapping) else None
    return token if isinstance(token, str) and WORD.fullmatch(token) else None


async def image_registry(store: SecretStore, spec: BinderHubSpec) -> Registry:
    """Return the registry for images and its login. The login of the platform's own registry is in the Secret
    `<platform>-registry`, which the step Registry writes; a plan runs before that. Raises StepError (SecretNotFound,
    SecretKeyMissing)."""
    existing, own = spec.registry.existing, spec.registry.azure
    if existing is not None:
        field = f"{BINDERHUB.root}.registry.existing.secretRef"
        return existing_registry(existing, await store.read(existing.secret_ref.name, "username", "password", field=field))
    assert own is not None
    planned = {"server": f"{own.name}.azurecr.io", "username": KNOWN_AFTER_APPLY, "password": KNOWN_AFTER_APPLY}
    login = select(await store.own(f"{store.platform.name}-registry"), LOGIN)
    if login.keys() != LOGIN.keys() or not re.fullmatch(REGISTRY.format(name=own.name.lower()), login["server"]):
        login = planned  # the step Registry, which comes first, makes it anew with what Azure says
    return Registry(login["server"], own.prefix, login["username"], login["password"], nodes_may_pull=True)
