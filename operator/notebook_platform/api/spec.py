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
from notebook_platform.api.network import IdentitySpec, NetworkSpec
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.releases import ReleaseSpec


class NotebookPlatformSpec(SpecModel):
    """What a platform should be."""

    azure: AzureSpec = Field(description="Subscription, place and credentials.")
    network: NetworkSpec | None = Field(None, description="Network of the nodes; left out, AKS makes one.")
    identity: IdentitySpec = Field(
        default_factory=lambda: IdentitySpec.model_validate({}), description="Who the cluster is towards Azure."
    )
    cluster: ClusterSpec = Field(description="The managed cluster.")
    node_pools: MapByName[NodePool] = Field(
        max_length=20,
        description="Agent pools of the cluster. Other pools of the cluster are reported and left as they are.",
    )
    autoscale: Annotated[list[Autoscale], ListType("map", ("pool",))] = Field(
        default_factory=list, max_length=20, description="Custom autoscale on the pools' scale sets."
    )
    jupyterhub: JupyterHubSpec | None = Field(None, description="The JupyterHub on the cluster.")
    releases: MapByName[ReleaseSpec] = Field(
        default_factory=list, max_length=32, description="Other Helm releases on the cluster."
    )
    binderhub: BinderHubSpec | None = Field(None, description="The BinderHub on the cluster, with a hub of its own.")
    deletion_policy: Literal["Delete", "Orphan"] = Field(
        "Delete",
        description="What happens to the cloud resources when the platform is deleted: they are deleted, or they stay as they are "
        "(`Orphan`). Neither while deletionProtection is true.",
    )
    deletion_protection: bool = Field(
        True,
        description="Refuse the deletion of the platform, with either deletionPolicy. A deletion that is requested all the same "
        "(with the CustomResourceDefinition) is held, and stops if this is set to true in the middle of it.",
    )
    drift_policy: Literal["Correct", "Warn"] = Field("Correct", description="What to do about changes by other hands.")
    drift_ignore: SetOf[Annotated[str, Field(max_length=256)]] = Field(
        default_factory=list,
        max_length=64,
        description="Differences that other tools manage, as `Step.path` with `*` for anything: `Cluster.tags.cost*`, "
        "`NodePools.agentPools[gpu].nodeLabels.*`.",
    )
    disruption: Literal["Anytime", "MaintenanceWindow", "NoServers"] = Field(
        "MaintenanceWindow",
        description="When disruptive changes are made: at once, in spec.cluster.maintenanceWindow if there is one, "
        "or while no user's server runs.",
    )
    adoption: Literal["Never", "IfUnowned"] = Field(
        "Never", description="Whether to take over what exists already and has no owner."
    )
    suspend: bool = Field(False, description="Observe only: plan changes without making them.")
    interval: str = Field("10m", max_length=8, description="How often to check for drift, as `10m`.")
