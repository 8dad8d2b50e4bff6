"""A hub's secrets are created once, taken from an existing release, and never regenerated."""

from collections.abc import Mapping
from typing import Any

import pytest
from notebook_platform.engine import StepError
from notebook_platform.hubs.secrets import ExistingRelease, hub_secrets
from notebook_platform.kube.secrets import Platform, SecretStore

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import CLIENT, NEW, spec

KEPT = "prd-hub"


class InMemory(SecretStore):
    """A namespace's Secrets in memory; reads and refusals are SecretStore's own."""

    def __init__(self, **data: Mapping[str, str]) -> None:
        self.platform = Platform(namespace="platforms", name="prd", uid="1")
        self.data = {name: dict(content) for name, content in data.items()}
        self.writes = 0

    async def get(self, name: str) -> Mapping[str, str] | None:
        return self.data.get(name)

    async def own(self, name: str, *, orphaned: bool = True) -> Mapping[str, str] | None:
        return self.data.get(name)

    async def apply(
        self, name: str, data: Mapping[str, str], *, type_: str = "Opaque", hidden: Mapping[str, str] | None = None
    ) -> None:
        self.writes += 1
        self.data[name] = dict(data)


def store() -> InMemory:
    return InMemory(
        oidc={"clientSecret": "client-secret-1\n"},
        db={"url": "postgresql://hub:pw@db/hub"},
        pull={"password": "pull-password-1"},
        door={"tls.crt": "certificate-1", "tls.key": "private-key-1"},
        mine={"token": "given-token-1"},
    )


def existing_release(values: Mapping[str, Any]) -> ExistingRelease:
    """Return a release whose values are complete, so that the cluster is not read."""
    return ExistingRelease(values, None, "jhub")  # type: ignore[arg-type]


async def test_they_are_made_once_and_kept() -> None:
    secrets = store()
    first = await hub_secrets(secrets, spec("4.4.0"), None)
    existing = {"proxy": {"secretToken": "x"}, "hub": {"cookieSecret": "y", "config": {"CryptKeeper": {"keys": ["z"]}}}}
    second = await hub_secrets(secrets, spec("4.4.0"), existing_release(existing))
    assert first == second and secrets.writes == 1
    assert set(secrets.data[KEPT]) == {"proxyToken", "cookieSecret", "cryptKey", "password", "tokenKey"}
    assert all(len(value) == 64 and int(value, 16) for value in secrets.data[KEPT].values())
    assert first.client_secret == "client-secret-1"


@pytest.mark.parametrize(
    "existing",
    [
        {
            "proxy": {"secretToken": "old-proxy"},
            "hub": {
                "cookieSecret": "old-cookie",
                "config": {"CryptKeeper": {"keys": ["new-key", "old-key"]}},
                "services": {"made": {"apiToken": "old-token"}},
            },
        },
        {
            "hub": {
                "config": {
                    "ConfigurableHTTPProxy": {"auth_token": "old-proxy"},
                    "JupyterHub": {"cookie_secret": "old-cookie"},
                    "CryptKeeper": {"keys": "new-key;old-key"},
                },
                "services": {"made": {"api_token": "old-token"}},
            }
        },
    ],
    ids=["0.11", "from 1 on"],
)
async def test_those_of_a_release_that_is_there_are_taken_over(existing: dict[str, Any]) -> None:
    wanted = spec("4.4.0", services=[{"name": "made"}])
    found = await hub_secrets(store(), wanted, existing_release(existing))
    assert (found.proxy_token, found.cookie_secret) == ("old-proxy", "old-cookie")
    values = render(wanted, found, NEW)
    assert values["hub"]["config"]["CryptKeeper"]["keys"] == ["new-key", "old-key"]
    assert values["hub"]["services"]["made"]["apiToken"] == "old-token"


async def test_a_hub_from_before_gets_what_is_new_and_keeps_the_rest() -> None:
    secrets = store()
    before = {"proxyToken": "a", "cookieSecret": "b", "cryptKey": "c", "password": "d"}
    secrets.data[KEPT] = dict(before)
    found = await hub_secrets(secrets, spec("4.4.0"), None)
    assert {**secrets.data[KEPT], **before} == secrets.data[KEPT] and found.token_key == secrets.data[KEPT]["tokenKey"]


async def test_secrets_that_the_spec_references_are_read() -> None:
    wanted = spec(
        "4.4.0",
        database={"urlRef": {"name": "db", "key": "url"}},
        imagePull={"registry": "r", "username": "u", "passwordRef": {"name": "pull", "key": "password"}},
        expose={"tls": {"certificateRef": {"name": "door"}}},
        services=[{"name": "given", "apiTokenRef": {"name": "mine", "key": "token"}}],
    )
    found = await hub_secrets(store(), wanted, None)
    assert (found.database_url, found.pull_password) == ("postgresql://hub:pw@db/hub", "pull-password-1")
    assert found.certificate == ("certificate-1", "private-key-1") and found.service_tokens == {"given": "given-token-1"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"auth": {"entra": {**CLIENT, "tenantId": "t", "clientSecretRef": {"name": "nosuch"}}}}, "auth.entra.clientSecretRef"),
        ({"auth": {"github": {**CLIENT, "clientSecretRef": {"name": "nosuch"}}}}, "auth.github.clientSecretRef"),
        ({"auth": {"dummy": {"insecure": True, "passwordRef": {"name": "nosuch", "key": "a"}}}}, "auth.dummy.passwordRef"),
        ({"database": {"urlRef": {"name": "nosuch", "key": "a"}}}, "database.urlRef"),
        ({"expose": {"tls": {"certificateRef": {"name": "nosuch"}}}}, "expose.tls.certificateRef"),
        ({"services": [{"name": "a", "apiTokenRef": {"name": "nosuch", "key": "a"}}]}, "services[0].apiTokenRef"),
    ],
)
async def test_a_missing_reference_is_reported_with_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(StepError) as refused:
        await hub_secrets(store(), spec("4.4.0", **changes), None)
    failed = refused.value.failed
    assert failed.reason == "SecretNotFound" and failed.message.startswith(f"spec.jupyterhub.{field} ")
