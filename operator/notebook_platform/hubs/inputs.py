"""Inputs of a hub's values beside the spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.node_pools import NodePool
from notebook_platform.hubs.field_paths import JUPYTERHUB, HubFields
from notebook_platform.hubs.naming import ReleaseSnapshot

SEPARATOR = ";"

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
"""Where users of Azure's public cloud sign in."""

PUBLIC_SUFFIX = "cloudapp.azure.com"
"""Where Azure's DNS labels are (https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses)."""


UNLOCKABLE_CLASSES = frozenset(
    {"azurefile", "azurefile-csi", "azurefile-premium", "azurefile-csi-premium", "azureblob-fuse-premium"}
)
"""Those that AKS makes (https://learn.microsoft.com/azure/aks/concepts-storage#storage-classes); a cluster may have more."""


@dataclass(frozen=True)
class HubSecrets:
    """Secrets that a hub keeps for its lifetime, and those that the spec refers to. Never printed.

    `crypt_key` may be several with semicolons between: the first encrypts, all decrypt. `service_tokens` are those that are
    given for services; those of the remaining services are derived from `token_key`. `naming` is the scheme by which the last release named
    volumes, empty if it is not known. `certificate` is (certificate, key), both PEM.
    """

    proxy_token: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    crypt_key: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token_key: str = field(default="", repr=False, kw_only=True)
    service_tokens: Mapping[str, str] = field(default_factory=dict, repr=False, kw_only=True)
    database_url: str | None = field(default=None, repr=False, kw_only=True)
    pull_password: str | None = field(default=None, repr=False, kw_only=True)
    certificate: tuple[str, str] | None = field(default=None, repr=False, kw_only=True)
    naming: str = field(default="", kw_only=True)

    @property
    def crypt_keys(self) -> list[str]:
        """Return the keys one by one."""
        return self.crypt_key.split(SEPARATOR)


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """The endpoints of an OpenID Connect issuer."""

    authorize: str
    token: str
    userinfo: str


@dataclass(frozen=True, kw_only=True)
class HubContext:
    """The context of a hub.

    `fields` are the paths of its fields in the spec; `location` is the Azure region; `pools` are those of spec.nodePools; `authority` is
    the cloud's sign-in endpoint; `endpoints` are the issuer's, and `claims` those that it says it can send (empty: it does not say);
    `before` is the installed release; `neighbours` are releases of other hubs in its namespace; `pod_security` is the level that the
    namespace enforces; `own_image`: the values name another image of the hub than the chart's; `scraped`: managed Prometheus scrapes the
    hub; `given` are the values that the spec writes itself, merged, which win over its fields; `unlockable_classes` are StorageClasses whose
    volumes cannot lock files ("": the default class is one).
    """

    fields: HubFields = JUPYTERHUB
    location: str | None = None
    pools: tuple[NodePool, ...] = ()
    label_suffix: str = PUBLIC_SUFFIX
    authority: str = PUBLIC_AUTHORITY
    endpoints: Endpoints | None = None
    claims: frozenset[str] = frozenset()
    before: ReleaseSnapshot | None = None
    neighbours: tuple[str, ...] = ()
    pod_security: str | None = None
    own_image: bool = False
    scraped: bool = False
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unlockable_classes: frozenset[str] = UNLOCKABLE_CLASSES


NOTHING = HubContext()


def host_of(spec: JupyterHubSpec, hub_context: HubContext = NOTHING) -> str | None:
    """Return the host name of the hub, known before anything is created: the spec's, or its DNS label's."""
    if spec.host:
        return spec.host
    balancer = spec.expose.load_balancer
    if balancer is None or balancer.dns_label is None or hub_context.location is None:
        return None
    return f"{balancer.dns_label}.{hub_context.location}.{hub_context.label_suffix}"


def base_path(spec: JupyterHubSpec) -> str:
    """Return the path of the hub without a slash at its end: empty, or as /jupyter."""
    return spec.expose.base_path.rstrip("/")


def secure(spec: JupyterHubSpec) -> bool:
    """Return whether users connect through https: with the hub's own certificate or another one."""
    expose = spec.expose
    behind = expose.ingress is not None or expose.http_route is not None
    return expose.tls is not None or behind or spec.host is not None


def url_of(spec: JupyterHubSpec, hub_context: HubContext = NOTHING, address: str | None = None) -> str | None:
    """Return the hub's URL without a slash at its end; `address` is its endpoint's, for hubs without a host name."""
    if host := host_of(spec, hub_context):
        return f"{'https' if secure(spec) else 'http'}://{host}{base_path(spec)}"
    return f"http://{address}{base_path(spec)}" if address else None
