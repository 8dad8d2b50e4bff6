"""spec.cluster: the managed cluster."""

from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_platform.api.arm_ids import (
    ClusterName,
    GroupObjectId,
    Guid,
    NodeResourceGroupName,
    PrivateDnsZone,
    RegistryId,
    WorkspaceId,
)
from notebook_platform.api.base import SecretKeyRef, SpecModel
from notebook_platform.api.lists import Atomic, SetOf
from notebook_platform.api.patches import CLUSTER, declared
from notebook_platform.api.schedules import Recurring

OFFICIAL, LTS = "KubernetesOfficial", "AKSLongTermSupport"
"""Support plans (https://learn.microsoft.com/azure/aks/long-term-support)."""

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


class ClusterNetwork(SpecModel):
    """networkProfile of the managed cluster. What AKS can change is changed in place and rolls the nodes: `policy`, `outboundType`,
    and `plugin` and `pluginMode` on the way to azure with overlay. The rest cannot change."""

    plugin: Literal["azure", "kubenet", "none"] = Field("azure", description="Network plugin.")
    plugin_mode: Literal["overlay"] | None = Field(
        None, description="`overlay`: pods get addresses from a separate range instead of the subnet."
    )
    policy: Literal["azure", "calico", "cilium", "none"] = Field(
        "azure", description="Network policy engine; `none` removes it. A change replaces the nodes."
    )
    service_cidr: str = Field("10.0.0.0/16", max_length=18, description="Address range of Services, in CIDR notation.")
    dns_service_ip: str = Field(
        "10.0.0.10", alias="dnsServiceIP", max_length=15, description="Address of the cluster's DNS service, inside serviceCidr."
    )
    pod_cidr: str | None = Field(None, max_length=18, description="Address range of pods (overlay and kubenet).")
    outbound_type: Literal["loadBalancer", "managedNATGateway", "userAssignedNATGateway", "userDefinedRouting", "none"] = Field(
        "loadBalancer", description="How nodes reach the Internet."
    )
    docker_bridge_cidr: str | None = Field(
        None, max_length=18, description="No effect: AKS runs containerd. Accepted for compatibility with old runbooks."
    )


class Upgrades(SpecModel):
    """Upgrades that AKS performs automatically."""

    channel: Literal["none", "patch", "stable", "rapid", "node-image"] = Field(
        "none",
        description="Kubernetes versions to which AKS upgrades the cluster. With `patch`, "
        "`stable` and `rapid`, kubernetesVersion is the "
        "minimum version; a newer one is up to date.",
    )
    node_os_channel: Literal["None", "Unmanaged", "SecurityPatch", "NodeImage"] = Field(
        "NodeImage", alias="nodeOSChannel", description="How the operating system of the nodes is updated."
    )

    @property
    def moves_version(self) -> bool:
        """Return whether AKS moves Kubernetes on automatically: then spec.cluster.kubernetesVersion is the oldest version that may run."""
        return self.channel in ("patch", "stable", "rapid")


class MaintenanceWindow(SpecModel):
    """When people expect disruption: AKS's own upgrades, and the operator's changes that roll nodes, keep to it. What a user adds to
    AKS's schedules (excluded dates, another interval) stays."""

    days: SetOf[Weekday] = Field(
        min_length=1,
        max_length=7,
        description="Days of the week on which the window opens.",
    )
    auto_upgrade_day: Weekday | None = Field(
        None,
        description="The day of `days` on which AKS runs its own upgrades: an AKS schedule has one day of the week, or every day. Required "
        "if `days` has two to six days. Default: the only day of `days`; with all seven, every day.",
    )
    start: str = Field("02:00", max_length=5, description="Start time, such as `02:00`.")
    duration: str = Field("4h", max_length=8, description="Length of the window, 4h to 24h.")
    time_zone: str = Field("UTC", max_length=64, description="Time zone of `start`, such as `Europe/Vienna`.")


class ApiServer(SpecModel):
    """Who can reach the cluster's API server."""

    authorized_ip_ranges: SetOf[Annotated[str, Field(max_length=18)]] = Field(
        default_factory=list,
        alias="authorizedIPRanges",
        max_length=200,
        description="Only these networks (CIDR) reach the API server; they must include the operator's own.",
    )
    private: bool = Field(False, description="Reachable from the virtual network only. Cannot change.")
    private_dns_zone: PrivateDnsZone | None = Field(
        None,
        alias="privateDNSZone",
        description="`system`, `none` or the id of a zone, which needs spec.identity.type UserAssigned or ServicePrincipal; the operator "
        "assigns Private DNS Zone Contributor there to that identity. Cannot change.",
    )

    @property
    def own_zone(self) -> str | None:
        """Return the id of the user's own zone; None: there is none."""
        return self.private_dns_zone if self.private_dns_zone not in (None, "system", "none") else None


class Entra(SpecModel):
    """Sign-in to the cluster with Entra ID. Cannot be taken away once it is there."""

    admin_group_object_ids: SetOf[GroupObjectId] = Field(
        default_factory=list, alias="adminGroupObjectIDs", max_length=20, description="Groups that administer the cluster."
    )
    azure_rbac: bool = Field(False, alias="azureRBAC", description="Authorize Kubernetes requests by Azure role assignments.")
    tenant_id: Guid | None = Field(None, description="Tenant of the users. Default: the subscription's.")


class AutoscalerProfile(SpecModel):
    """Settings of AKS's cluster autoscaler; what was never set is left as it is, and what is taken out is AKS's default."""

    scan_interval: str | None = Field(
        None, max_length=8, description="How often the autoscaler evaluates the cluster, such as `10s`."
    )
    scale_down_delay_after_add: str | None = Field(
        None, max_length=8, description="Delay after a scale-up before nodes are removed, in whole minutes, such as `10m`."
    )
    scale_down_unneeded_time: str | None = Field(
        None, max_length=8, description="How long a node is idle before it is removed, in whole minutes."
    )
    scale_down_utilization_threshold: str | None = Field(
        None, max_length=4, description='Utilization below which a node is idle, such as "0.5".'
    )
    max_graceful_termination_sec: int | None = Field(
        None, ge=0, le=86400, description="Seconds that pods have to terminate when a node is removed."
    )
    max_node_provision_time: str | None = Field(
        None, max_length=8, description="Maximum time for a node to start, in whole minutes, such as `15m`."
    )
    expander: Literal["least-waste", "most-pods", "priority", "random"] | None = Field(
        None, description="How the autoscaler chooses among pools."
    )
    balance_similar_node_groups: bool | None = Field(None, description="Balance the node counts of similar pools.")
    skip_nodes_with_local_storage: bool | None = Field(None, description="Keep nodes whose pods have local data.")
    skip_nodes_with_system_pods: bool | None = Field(None, description="Keep nodes with pods of kube-system.")


class Monitoring(SpecModel):
    """Container insights. On a cluster with a managed identity the operator also makes the data collection rule and its association, as az
    does, unless the cluster has an association. An add-on that is on keeps the way in which it signs in to the workspace."""

    workspace_id: WorkspaceId = Field(description="ARM id of the Log Analytics workspace.")


class PowerSchedule(Recurring):
    """A recurring time from which the cluster runs or is stopped."""

    power_state: Literal["Running", "Stopped"] = Field(description="Power state from then on.")


class ClusterSpec(SpecModel):
    """The AKS managed cluster."""

    name: ClusterName = Field(description="Name of the managed cluster. Cannot change.")
    node_resource_group: NodeResourceGroupName | None = Field(
        None, description="Resource group that AKS creates for nodes, disks and addresses. Cannot change."
    )
    kubernetes_version: str = Field(
        max_length=16,
        description='A version that the region offers, such as "1.34" or "1.34.2". The minimum version if `upgrades.channel` upgrades automatically.',
    )
    support_plan: Literal["KubernetesOfficial", "AKSLongTermSupport"] = Field(
        "KubernetesOfficial",
        description="`AKSLongTermSupport`: two years of support for each version, one more than "
        "the community gives; needs tier Premium. It can change back to `KubernetesOfficial` only while the version has community support.",
    )
    upgrades: Upgrades = Field(default_factory=Upgrades, description="Upgrades that AKS performs automatically.")
    maintenance_window: MaintenanceWindow | None = Field(
        None,
        description="When AKS and the operator may disrupt users. Removing it deletes "
        "AKS's schedules, unless one has dates that a user excluded in Azure.",
    )
    dns_prefix: str | None = Field(None, max_length=54, description="Prefix of the API server's DNS name. Cannot change.")
    admin_username: str = Field(
        "azureuser", max_length=32, description="Name of the administrator account on the nodes. Cannot change."
    )
    ssh_public_key: str | None = Field(None, max_length=16384, description="Public key for SSH to the nodes.")
    ssh_public_key_from: SecretKeyRef | None = Field(None, description="The public key, from a Secret.")
    tier: Literal["Free", "Standard", "Premium"] = Field("Free", description="Tier of the control plane (uptime SLA).")
    network: ClusterNetwork = Field(default_factory=ClusterNetwork, description="Network profile.")
    api_server: ApiServer = Field(default_factory=ApiServer, description="Access to the API server.")
    entra: Entra | None = Field(None, description="Sign-in with Entra ID. Cannot be removed.")
    local_accounts: bool = Field(
        True,
        description="Let AKS issue kubeconfigs with client certificates. `false` needs `entra`: sign-in then uses Entra ID tokens.",
    )
    oidc_issuer: bool = Field(
        False,
        alias="oidcIssuer",
        description="Publish an OIDC issuer, so that tokens of ServiceAccounts can be federated. Cannot be turned off.",
    )
    workload_identity: bool = Field(False, description="Let pods sign in to Azure with their ServiceAccount. Needs `oidcIssuer`.")
    registries: SetOf[RegistryId] = Field(
        default_factory=list, max_length=10, description="ARM ids of container registries that the nodes may pull from."
    )
    autoscaler_profile: AutoscalerProfile | None = Field(
        None, description="Settings of the cluster autoscaler. A setting removed from the spec returns to AKS's default."
    )
    node_provisioning: Literal["Auto", "Manual"] = Field(
        "Manual",
        description="`Auto`: in addition to spec.nodePools, AKS creates nodes for pending pods and removes idle ones "
        "(node auto-provisioning with Karpenter). It can change back to `Manual` only when no such node is left.",
    )
    monitoring: Monitoring | None = Field(None, description="Container insights. Removing it turns them off.")
    power_state: Literal["Running", "Stopped"] = Field(
        "Running", description="`Stopped`: the cluster has no nodes and no API server; its disks are still billed."
    )
    patch: dict[str, Any] = Field(
        default_factory=dict,
        json_schema_extra=declared(CLUSTER),
        description="JSON merge patch (RFC 7396, at most 16 KiB) over the body of the managed cluster that the operator sends to Azure, for "
        "members without a field here, such as `properties: {storageProfile: {blobCSIDriver: {enabled: true}}}`; null removes a member "
        "(apply it with `kubectl apply --server-side`, which keeps null). Refused: a member whose field in the spec has a value "
        "other than its default, and any member that may hold a secret. A member removed from the patch returns to Azure's default; if "
        "Azure does not allow that, the operator reports it.",
    )
    power_schedules: Atomic[PowerSchedule] = Field(
        default_factory=list,
        max_length=14,
        description="Times at which the cluster starts and stops. They override `powerState`. A stopped cluster cannot be changed: let it "
        "run in the maintenance window, or disruptive changes are never applied.",
    )
