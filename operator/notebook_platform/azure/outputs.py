"""What the Azure steps hand to the steps after them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ResourceGroup:
    """The group that holds the platform."""

    id: str
    location: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network of the nodes. None in its place: AKS makes one."""

    virtual_network_id: str
    subnet_id: str
    subnets: Mapping[str, str] = field(default_factory=dict)
    """Ids of all subnets that are kept, by name."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who the cluster is. `secret_name` names the Secret (keys clientId, clientSecret) of a service principal;
    `principal_id` is the object id that roles are given to, None for a system-assigned identity before the cluster exists.
    `expires`: when the principal's secret ends (RFC 3339); `old_secrets`: key ids of ours beside the current one."""

    type: str
    principal_id: str | None = None
    client_id: str | None = None
    secret_name: str | None = None
    identity_id: str | None = None
    expires: str | None = None
    application_id: str | None = None
    old_secrets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The managed cluster. `pools`: names of the agent pools it has; `principal_id`: object id of a system-assigned identity;
    `kubelet_id`: of the identity that nodes pull images as. `planned`: it is only promised. `local_accounts`: whether it gives
    out kubeconfigs with certificates. `stays`: it does not go on to the wanted version for now. `resource_uid` is another one when
    a cluster is made anew under the same name; `tenant_id`: the tenant whose identities sign in to it."""

    id: str
    name: str
    resource_group: str
    node_resource_group: str
    location: str
    kubernetes_version: str
    power_state: str
    fqdn: str | None = None
    pools: tuple[str, ...] = ()
    principal_id: str | None = None
    kubelet_id: str | None = None
    oidc_issuer: str | None = None
    planned: bool = False
    state: str = "Succeeded"
    """Its provisioning state."""
    local_accounts: bool = True
    stays: bool = False
    resource_uid: str | None = None
    tenant_id: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether it can be worked on: it exists and is not asleep."""
        return not self.planned and self.power_state != "Stopped"


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A container registry of the platform. `secret_name` names the Secret (keys server, username, password) of its builder."""

    id: str
    server: str
    secret_name: str


@dataclass(frozen=True, kw_only=True)
class NodePools:
    """The agent pools by name, with their live counts, and the ids of their scale sets."""

    counts: Mapping[str, int] = field(default_factory=dict)
    scale_sets: Mapping[str, str] = field(default_factory=dict)
