"""What the z2jh chart calls things, by generation: the one place that knows. Data, no code paths.

Sources: the chart's changelog (https://z2jh.jupyter.org/en/stable/changelog.html) and its values reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Version = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Chart versions from `first` up to the next generation's.

    `paths`: where a typed field goes; a field without one is refused. `kubernetes` is the oldest that the charts take.
    `drops_pdb`: the chart's own disruption budgets speak policy/v1beta1, gone with Kubernetes 1.25.
    """

    name: str
    first: Version
    paths: Mapping[str, str]
    kubernetes: Version
    drops_pdb: bool = False
    needs_allow_rule: bool = False


_COMMON = {
    "crypt_keys": "hub.config.CryptKeeper.keys",
    "authenticator": "hub.config.JupyterHub.authenticator_class",
    "oidc.client_id": "hub.config.GenericOAuthenticator.client_id",
    "oidc.client_secret": "hub.config.GenericOAuthenticator.client_secret",
    "oidc.callback": "hub.config.GenericOAuthenticator.oauth_callback_url",
    "oidc.authorize_url": "hub.config.GenericOAuthenticator.authorize_url",
    "oidc.token_url": "hub.config.GenericOAuthenticator.token_url",
    "oidc.userinfo_url": "hub.config.GenericOAuthenticator.userdata_url",
    "oidc.scopes": "hub.config.GenericOAuthenticator.scope",
    "oidc.login_service": "hub.config.GenericOAuthenticator.login_service",
    "oidc.username_claim": "hub.config.GenericOAuthenticator.username_claim",
    "dummy.password": "hub.config.DummyAuthenticator.password",
    "admin_users": "hub.config.Authenticator.admin_users",
    "allowed_users": "hub.config.Authenticator.allowed_users",
    "image.name": "singleuser.image.name",
    "image.tag": "singleuser.image.tag",
    "cpu.guarantee": "singleuser.cpu.guarantee",
    "cpu.limit": "singleuser.cpu.limit",
    "memory.guarantee": "singleuser.memory.guarantee",
    "memory.limit": "singleuser.memory.limit",
    "storage.type": "singleuser.storage.type",
    "storage.capacity": "singleuser.storage.capacity",
    "storage.class": "singleuser.storage.dynamic.storageClass",
    "cull.enabled": "cull.enabled",
    "cull.timeout": "cull.timeout",
    "cull.every": "cull.every",
    "cull.max_age": "cull.maxAge",
}
_OLD_SECRETS = {"proxy_token": "proxy.secretToken", "cookie_secret": "hub.cookieSecret"}
_NEW_SECRETS = {
    "proxy_token": "hub.config.ConfigurableHTTPProxy.auth_token",
    "cookie_secret": "hub.config.JupyterHub.cookie_secret",
}
_KEEP_HOMES = {"delete_pvc": "hub.config.KubeSpawner.delete_pvc"}
_OLD_OIDC = {"oidc.username_claim": "hub.config.GenericOAuthenticator.username_key"}
_ALLOW_ON_CLASS = {"allow_all": "hub.config.GenericOAuthenticator.allow_all"}
_ALLOW_FOR_ALL = {"allow_all": "hub.config.Authenticator.allow_all"}

GENERATIONS = (
    Generation(name="0.11", first=(0, 11), kubernetes=(1, 14), paths={**_COMMON, **_OLD_SECRETS, **_OLD_OIDC}, drops_pdb=True),
    Generation(
        name="1", first=(1, 0), kubernetes=(1, 17), paths={**_COMMON, **_NEW_SECRETS, **_OLD_OIDC, **_KEEP_HOMES}, drops_pdb=True
    ),
    Generation(name="2", first=(2, 0), kubernetes=(1, 20), paths={**_COMMON, **_NEW_SECRETS, **_OLD_OIDC, **_KEEP_HOMES}),
    Generation(
        name="3",
        first=(3, 0),
        kubernetes=(1, 23),
        paths={**_COMMON, **_NEW_SECRETS, **_KEEP_HOMES, **_ALLOW_ON_CLASS},
        needs_allow_rule=True,
    ),
    Generation(
        name="4",
        first=(4, 0),
        kubernetes=(1, 28),
        paths={**_COMMON, **_NEW_SECRETS, **_KEEP_HOMES, **_ALLOW_FOR_ALL},
        needs_allow_rule=True,
    ),
)

NEWEST_KNOWN: Version = (4, 4)
"""Newer charts are taken for the last generation, and the status says so."""


def parse(version: str) -> Version:
    """`4.4.0` -> (4, 4, 0); pre-release and build are left aside."""
    head = version.removeprefix("v").split("-")[0].split("+")[0]
    return tuple(int(part) for part in head.split(".") if part.isdigit())


def generation(version: str) -> Generation:
    """The generation of a chart version; older than the oldest counts as the oldest."""
    wanted = parse(version)
    return next((g for g in reversed(GENERATIONS) if wanted >= g.first), GENERATIONS[0])


def is_known(version: str) -> bool:
    """Whether this operator has met the version's minor."""
    return GENERATIONS[0].first <= parse(version)[:2] <= NEWEST_KNOWN


def suits(chart: str, kubernetes: str) -> bool:
    """Whether a chart version takes a Kubernetes version."""
    return parse(kubernetes)[:2] >= generation(chart).kubernetes


def newest_for(kubernetes: str) -> Generation:
    """The newest generation that a Kubernetes version can carry."""
    able = [g for g in GENERATIONS if parse(kubernetes)[:2] >= g.kubernetes]
    return able[-1] if able else GENERATIONS[0]
