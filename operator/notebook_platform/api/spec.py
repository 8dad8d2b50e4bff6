"""spec of a NotebookPlatform: the single source of the CRD's schema, its defaults and its descriptions."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.autoscale import Autoscale
from notebook_platform.api.azure import AzureSpec
from notebook_platform.api.base import SpecModel
from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.api.cluster import ClusterSpec
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.lists import ListType, MapByName, SetOf
from notebook_platform.api.monitoring import MonitoringSpec
from notebook_platform.api.network import IdentitySpec, NetworkSpec
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.releases import ReleaseSpec


class NotebookPlatformSpec(SpecModel):
    """Desired state of a platform."""

    azure: AzureSpec = Field(description="Subscription, region and credentials.")
    network: NetworkSpec | None = Field(None, description="Network of the nodes. Default: one that AKS creates.")
    identity: IdentitySpec = Field(
        default_factory=lambda: IdentitySpec.model_validate({}), description="Identity of the cluster in Azure."
    )
    cluster: ClusterSpec = Field(description="The managed cluster.")
    node_pools: MapByName[NodePool] = Field(
        max_length=20,
        description="Agent pools of the cluster. Other pools of the cluster are reported and not changed.",
    )
    autoscale: Annotated[list[Autoscale], ListType("map", ("pool",))] = Field(
        default_factory=list, max_length=20, description="Custom autoscale on the pools' scale sets."
    )
    jupyterhub: JupyterHubSpec | None = Field(None, description="The JupyterHub on the cluster.")
    releases: MapByName[ReleaseSpec] = Field(
        default_factory=list, max_length=32, description="Other Helm releases on the cluster."
    )
    binderhub: BinderHubSpec | None = Field(None, description="The BinderHub on the cluster, with a hub of its own.")
    monitoring: MonitoringSpec | None = Field(None, description="Metrics and alerts of the cluster and its hubs.")
    deletion_policy: Literal["Delete", "Orphan"] = Field(
        "Delete",
        description="What happens to the cloud resources when the platform is deleted: they are deleted, or they remain unchanged (`Orphan`). While "
        "deletionProtection is true, neither happens.",
    )
    deletion_protection: bool = Field(
        True,
        description="Refuse the deletion of the platform, whatever `deletionPolicy` says. A deletion that bypasses the refusal (of the "
        "CustomResourceDefinition) is blocked. Setting the field to true stops a deletion that has begun.",
    )
    drift_policy: Literal["Correct", "Warn"] = Field(
        "Correct",
        description="What to do about changes by other clients. `Correct`: revert them and emit an Event; `Warn`: only report them. "
        "Differences of an adopted resource are not drift: the operator applies the spec to it with either value.",
    )
    drift_ignore: SetOf[Annotated[str, Field(max_length=256)]] = Field(
        default_factory=list,
        max_length=64,
        description="Fields that other tools manage and the operator leaves unchanged, in the form `Step.path`. `*` matches any characters: "
        "`Cluster.tags.cost*`, `NodePools.agentPools[gpu].nodeLabels.*`.",
    )
    disruption: Literal["Anytime", "MaintenanceWindow", "NoServers"] = Field(
        "MaintenanceWindow",
        description="When the operator applies disruptive changes: at once; in spec.cluster.maintenanceWindow, if it is set; "
        "or while no user's server runs.",
    )
    adoption: Literal["Never", "IfUnowned"] = Field(
        "Never",
        description="Whether to adopt existing resources and releases that have no owner. The operator then changes them to match the spec, "
        "also with `driftPolicy: Warn`: check `notebook-platform plan` first.",
    )
    suspend: bool = Field(
        False,
        description="Plan changes without applying them. A deletion is carried out all the same; `deletionProtection` blocks it.",
    )
    interval: str = Field("10m", max_length=8, description="How often to check for drift, such as `10m`.")

    @property
    def managed_prometheus(self) -> MonitoringSpec | None:
        """Return spec.monitoring if it asks for managed Prometheus."""
        return self.monitoring if self.monitoring and self.monitoring.prometheus == "Managed" else None

    @property
    def hub_namespaces(self) -> list[str]:
        """Return the namespaces of the hubs, in order."""
        return sorted({hub.namespace for hub in (self.jupyterhub, self.binderhub) if hub is not None})

    @property
    def scrapes_hubs(self) -> bool:
        """Return whether managed Prometheus scrapes the hubs."""
        return self.managed_prometheus is not None and self.managed_prometheus.hub_metrics
