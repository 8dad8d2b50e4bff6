"""Define the outputs of the Azure steps: what a step passes to the steps that need it, keyed by class
(`inputs[outputs.Cluster]`).

They are separate from the steps so that steps of every layer can name them: the network step need not import the cluster's,
nor the workload cluster's step anything of Azure.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Private DNS Zone Contributor": "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Azure Kubernetes Service RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

NAMESPACE = uuid.UUID("7c4f0f5c-2f2e-5d4b-9a53-6d0f5f0f9a11")


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """The subscription, which accepts writes from the credentials."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Providers:
    """The names of resource providers and preview features that are registered."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """The Kubernetes version for which the checks found no blocking problem."""

    kubernetes_version: str


@dataclass(frozen=True, kw_only=True)
class ResourceGroup:
    """The resource group that holds the platform."""

    id: str
    location: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network of the nodes; None instead of it when AKS creates one."""

    virtual_network_id: str
    subnet_id: str
    subnets: Mapping[str, str] = field(default_factory=dict)
    """Ids of all managed subnets, by name."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The identity of the cluster.

    `secret_name` names the Secret (keys clientId, clientSecret) of a service principal. `principal_id` is the object id that
    roles are assigned to; None for a system-assigned identity before the cluster exists. `expires`: when the principal's
    secret expires (RFC 3339). `old_secrets`: ids of older keys of the operator; `ends`: when each of the operator's keys expires, by id.
    """

    type: str
    principal_id: str | None = None
    client_id: str | None = None
    secret_name: str | None = None
    identity_id: str | None = None
    expires: str | None = None
    application_id: str | None = None
    old_secrets: tuple[str, ...] = ()
    ends: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The managed cluster.

    `pools`: names of its agent pools. `principal_id`: object id of a system-assigned identity. `kubelet_id`: of the identity
    with which nodes pull images. `planned`: it is the output of a plan and does not exist. `local_accounts`: whether it
    issues kubeconfigs with certificates. `awaits_pools`: its next upgrade waits for its agent pools alone. `resource_uid` changes when
    a cluster is created again under the same name. `tenant_id`: the tenant whose identities sign in to it.
    `monitored_by_identity`: Container insights is on and sends data with the cluster's identity, not with the workspace's key.
    `sends_metrics`: the agent of managed Prometheus is on. `uses`: the ids, in lower case, of what its identity needs roles on: the subnets of
    its agent pools, and a private DNS zone of the user's own with the networks that it is linked to.
    """

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
    awaits_pools: bool = False
    resource_uid: str | None = None
    tenant_id: str | None = None
    monitored_by_identity: bool = False
    sends_metrics: bool = False
    uses: frozenset[str] = frozenset()

    @property
    def exists(self) -> bool:
        """Return whether the cluster exists and is not stopped."""
        return not self.planned and self.power_state != "Stopped"


@dataclass(frozen=True, kw_only=True)
class MonitorWorkspace:
    """The Azure Monitor workspace that the metrics go to. `query_endpoint`: where Prometheus queries are answered; None before it
    exists."""

    id: str
    location: str
    query_endpoint: str | None = None


@dataclass(frozen=True, kw_only=True)
class MetricsCollection:
    """The association of the cluster with the rule that sends metrics to the workspace. `rule_id`: the rule's ARM id."""

    rule_id: str


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A container registry of the platform. `secret_name` names the Secret (keys server, username, password) of the image
    builder."""

    id: str
    server: str
    secret_name: str


@dataclass(frozen=True, kw_only=True)
class NodePools:
    """The agent pools by name, with their current node counts, and the ids of their scale sets."""

    counts: Mapping[str, int] = field(default_factory=dict)
    scale_sets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Assignment:
    """A role of a principal on a scope. `role_name` is one of ROLES, or the id of another role."""

    scope: str
    principal_id: str
    role_name: str

    @property
    def role(self) -> str:
        """Return the role's id."""
        return ROLES.get(self.role_name, self.role_name)

    @property
    def name(self) -> str:
        """Return the assignment's GUID, which follows from its members."""
        return str(uuid.uuid5(NAMESPACE, f"{self.scope.lower()}|{self.principal_id.lower()}|{self.role.lower()}"))

    @property
    def listing(self) -> str:
        """Return the ARM path that lists all assignments at, above and below the scope."""
        return f"{self.scope}/providers/Microsoft.Authorization/roleAssignments"

    @property
    def path(self) -> str:
        """Return its ARM id."""
        return f"{self.listing}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class GivenRoles:
    """Role assignments that exist, or that a plan would create."""

    assignments: tuple[Assignment, ...]


class RoleAssignment(GivenRoles):
    """The role assignments of an identity that exists before the cluster."""


class ClusterRoles(GivenRoles):
    """The role assignments of identities that are created with the cluster."""
