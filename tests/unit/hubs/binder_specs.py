"""A BinderHub's spec with its context, secrets and registry, and the values that it becomes."""

from typing import Any

from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.hubs.binder.values import (
    BinderSecrets,
    Registry,
    names_in,
    render,
)
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.values import HubSecrets

NEW = (1, 35, 1)
PLACE = HubContext(location="eastus")
NAMES = names_in(PLACE)
SECRETS = BinderSecrets(
    HubSecrets("proxy-token-1", "cookie-secret-1", "crypt-key-1", "client-secret-1", "password-1"),
    "api-token-1",
    {"GitHub": "github-token-1"},
)
AZURE = Registry("universitybinder.azurecr.io", "binder/r2d-", "builder", "password-2", nodes_may_pull=True)
VERSION = "1.0.0-0.dev.git.3941.h9056a226"
INGRESS = {"ingress": {"host": "binder.example.org", "className": "nginx", "tlsSecret": "tls"}}
LABELS = {"dnsLabels": {"binder": "u-binder", "hub": "u-binder-hub"}}
EXISTING = {
    "existing": {
        "binder": {"url": "https://binder.example.org", "ip": "20.1.2.3"},
        "hub": {"url": "https://example.org/hub-base/"},
        "ipResourceGroup": "rg_addresses",
    }
}
OIDC = {
    "oidc": {
        "clientId": "binder",
        "clientSecretRef": {"name": "oidc"},
        "authorizeUrl": "https://login.example.org/authorize",
        "tokenUrl": "https://login.example.org/token",
        "userinfoUrl": "https://login.example.org/userinfo",
        "allowAll": True,
    }
}


def spec(address: dict[str, Any] = INGRESS, **changes: Any) -> BinderHubSpec:
    wanted = {"chart": {"version": VERSION}, "address": address, "registry": {"azure": {"name": "universitybinder"}}, **changes}
    return BinderHubSpec.model_validate(wanted)


def rendered(address: dict[str, Any] = INGRESS, registry: Registry = AZURE, **changes: Any) -> dict[str, Any]:
    return render(spec(address, **changes), SECRETS, registry, NEW, hub_context=PLACE).values
