"""A binder's secrets are created once, taken from an existing release, and read from the references of the spec."""

from typing import Any

import pytest
from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.engine import StepError
from notebook_platform.hubs.binder.addresses import decide
from notebook_platform.hubs.binder.secrets import binder_secrets, image_registry
from notebook_platform.hubs.secrets import ExistingRelease
from notebook_platform.kube.secrets import Platform

from tests.unit.hubs.binder_specs import INGRESS, NAMES, OIDC, spec
from tests.unit.kube.memory import Secrets


class Store(Secrets):
    """A namespace's Secrets of one platform, in memory."""

    platform = Platform(namespace="platforms", name="prd-binder", uid="uid-1")


EXISTING = {"existing": {"server": "registry.example.org", "prefix": "b/x-", "secretRef": {"name": "registry"}}}


async def made(store: Store, wanted: BinderHubSpec, existing: dict[str, Any] | None = None) -> Any:
    hub = ExistingRelease(existing, None, "binder") if existing else None  # type: ignore[arg-type]
    return await binder_secrets(store, wanted, decide(wanted.address, NAMES), hub)  # type: ignore[arg-type]


async def test_they_are_made_once_and_kept_apart_from_those_of_another_hub() -> None:
    store = Store()
    store.data["prd-binder-hub"] = {"proxyToken": "theirs", "cookieSecret": "theirs", "cryptKey": "theirs", "password": "theirs"}
    first = await made(store, spec(INGRESS))
    again = await made(store, spec(INGRESS))
    assert first == again and len(first.api_token) == 64
    kept = store.data["prd-binder-binder"]
    assert kept["apiToken"] == first.api_token and kept["proxyToken"] == first.hub.proxy_token != "theirs"


async def test_those_of_a_release_that_is_there_are_taken_over() -> None:
    hub = {
        "config": {
            "ConfigurableHTTPProxy": {"auth_token": "old-proxy"},
            "JupyterHub": {"cookie_secret": "old-cookie"},
            "CryptKeeper": {"keys": ["old-key"]},
        },
        "services": {"binder": {"apiToken": "old-token"}},
    }
    found = await made(Store(), spec(INGRESS), {"hub": hub})
    assert (found.hub.proxy_token, found.hub.cookie_secret, found.api_token) == ("old-proxy", "old-cookie", "old-token")


async def test_tokens_and_client_secrets_are_read_from_their_references() -> None:
    store = Store()
    store.data |= {"github": {"token": "gh\n"}, "gitlab": {"pat": "gl"}, "oidc": {"clientSecret": "cs"}}
    references = {
        "github": {"tokenRef": {"name": "github", "key": "token"}},
        "gitlab": {"tokenRef": {"name": "gitlab", "key": "pat"}},
    }
    found = await made(store, spec(INGRESS, auth=OIDC, **references))
    assert found.repository_tokens == {"GitHub": "gh", "GitLab": "gl"} and found.hub.client_secret == "cs"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"github": {"tokenRef": {"name": "absent", "key": "token"}}}, "spec.binderhub.github.tokenRef"),
        ({"auth": OIDC}, "spec.binderhub.auth.oidc.clientSecretRef"),
    ],
)
async def test_a_missing_secret_is_reported_with_the_binders_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(StepError) as refused:
        await made(Store(), spec(INGRESS, **changes))
    assert refused.value.failed.reason == "SecretNotFound" and field in refused.value.failed.message


async def test_an_existing_registry_is_signed_in_to_with_its_secret() -> None:
    store = Store()
    with pytest.raises(StepError) as refused:
        await image_registry(store, spec(registry=EXISTING))  # type: ignore[arg-type]
    assert "spec.binderhub.registry.existing.secretRef" in refused.value.failed.message
    store.data["registry"] = {"username": "u", "password": "p"}
    found = await image_registry(store, spec(registry=EXISTING))  # type: ignore[arg-type]
    assert (found.server, found.username, found.password, found.nodes_may_pull) == ("registry.example.org", "u", "p", False)


async def test_a_registry_that_is_only_planned_has_a_login_that_is_known_after_apply() -> None:
    store = Store()
    planned = await image_registry(store, spec(INGRESS))  # type: ignore[arg-type]
    assert planned.password == "(known after apply)"
    store.data["prd-binder-registry"] = {"server": "universitybinder.azurecr.io", "username": "builder", "password": "p"}
    found = await image_registry(store, spec(INGRESS))  # type: ignore[arg-type]
    assert (found.server, found.username, found.password) == ("universitybinder.azurecr.io", "builder", "p")
    assert found.nodes_may_pull


@pytest.mark.parametrize(
    "change",
    [
        {"server": "theirs.azurecr.io"},
        {"server": "universitybinder.azurecr.io.evil.example"},
        {"server": "universitybinder-x.evil.example"},
        {"server": "universitybinder.azurecr.io/x"},
        {"server": "https://universitybinder.azurecr.io"},
        {"server": "universitybinder.azurecr.io:5000"},
        {"username": "a b"},
        {"password": "a\nb"},
        {"password": ""},
    ],
)
async def test_a_login_that_was_changed_in_the_operators_secret_is_not_used(change: dict[str, str]) -> None:
    store = Store()
    login = {"server": "universitybinder.azurecr.io", "username": "builder", "password": "p"}
    store.data["prd-binder-registry"] = {**login, **change}
    found = await image_registry(store, spec(INGRESS))  # type: ignore[arg-type]
    assert (found.server, found.password) == ("universitybinder.azurecr.io", "(known after apply)")
