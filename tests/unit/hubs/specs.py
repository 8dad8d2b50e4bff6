"""Hub specs and secrets for the tests of this directory."""

from typing import Any

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.hubs.values import HubSecrets

SECRETS = HubSecrets(
    "proxy-token-1",
    "cookie-secret-1",
    "crypt-key-1;crypt-key-0",
    "client-secret-1",
    "password-1",
    token_key="token-key-1",
    service_tokens={"given": "service-token-1"},
    database_url="postgresql+psycopg2://hub:p%40ss@db.example.org:5432/hub?sslmode=require",
    pull_password="pull-password-1",
    certificate=("certificate-1", "private-key-1"),
)
NEW, OLD = (1, 35, 1), (1, 19, 6)
VERSIONS = ("0.11.1", "1.2.0", "2.0.0", "3.3.8", "4.4.0", "9.0.0")
"""One version of each generation, and a later one that is untested."""

ENDPOINTS = {
    "authorizeUrl": "https://login.example.org/authorize",
    "tokenUrl": "https://login.example.org/token",
    "userinfoUrl": "https://login.example.org/userinfo",
}
CLIENT = {"clientId": "hub", "clientSecretRef": {"name": "oidc"}}


def oidc(**more: Any) -> dict[str, Any]:
    """Return the auth block of a provider with explicit endpoints."""
    return {"oidc": {**CLIENT, "adminUsers": ["ada@example.org"], **ENDPOINTS, **more}}


def spec(version: str, **changes: Any) -> JupyterHubSpec:
    """Return the spec of a hub with a host and a provider, and the test's changes."""
    values = {"chart": {"version": version}, "host": "hub.example.org", "auth": oidc(), **changes}
    return JupyterHubSpec.model_validate(values)


def at(values: dict[str, Any], path: tuple[str, ...] | str) -> Any:
    """Return the value at a path; None when there is none."""
    node: Any = values
    for part in path.split(".") if isinstance(path, str) else path:
        node = node.get(part) if isinstance(node, dict) else None
    return node
