"""spec.jupyterhub as a whole."""

from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_platform.api.base import ObjectName, SpecModel
from notebook_platform.api.hubs.auth import Auth
from notebook_platform.api.hubs.chart import Chart, MoreValues, Needs
from notebook_platform.api.hubs.expose import Expose
from notebook_platform.api.hubs.hub import Database, ExtraFile, HubRole, HubService, ImagePull, Network, Resources
from notebook_platform.api.hubs.servers import Culling, Placement, PrePull, Scaling, SingleUser
from notebook_platform.api.lists import MapByName, SetOf
from notebook_platform.api.remediation import Remediation

Code = Annotated[str, Field(max_length=65536)]


class Naming(SpecModel):
    """How names of users become names of pods and volumes."""

    scheme: Literal["Safe", "Escape"] = Field(
        description="`Safe` for new hubs, `Escape` as charts before 4 do. Cannot change: users would no longer find their homes."
    )


class Metrics(SpecModel):
    """The hub's metrics."""

    open: bool = Field(
        False, description="Allow anyone who reaches /hub/metrics to read it; otherwise a token with read:metrics is required."
    )


class Limits(SpecModel):
    """Limits of the hub. Left out: the chart's."""

    concurrent_spawns: int | None = Field(
        None, ge=1, le=10000, description="Maximum number of servers that start at the same time."
    )
    active_servers: int | None = Field(None, ge=1, le=100000, description="Maximum number of running servers.")


class JupyterHubSpec(SpecModel):
    """The JupyterHub release."""

    release: str = Field("jhub", max_length=53, description="Name of the Helm release. Cannot change.")
    namespace: str = Field("jhub", max_length=63, description="Namespace of the release. Cannot change.")
    chart: Chart = Field(description="Chart and version.")
    host: str | None = Field(
        None,
        max_length=253,
        description="DNS name of the hub. Default: the name of expose.loadBalancer.dnsLabel, if it is set.",
    )
    auth: Auth = Field(description="How users sign in, and who may.")
    single_user: SingleUser = Field(default_factory=SingleUser, description="Users' servers.")
    culling: Culling = Field(default_factory=Culling, description="Idle servers.")
    placement: Placement = Field(default_factory=Placement, description="Nodes for the hub's pods and for users' servers.")
    scaling: Scaling = Field(default_factory=Scaling, description="Packing of servers on nodes, and reserved seats.")
    pre_pull: PrePull = Field(default_factory=PrePull, description="Pulling images to nodes before users need them.")
    expose: Expose = Field(default_factory=Expose, description="Exposure of the hub: addresses, names, TLS.")
    network: Network = Field(default_factory=Network, description="Network policies.")
    database: Database = Field(default_factory=Database, description="The hub's database.")
    services: MapByName[HubService] = Field(default_factory=list, max_length=32, description="Services of the hub.")
    roles: MapByName[HubRole] = Field(default_factory=list, max_length=64, description="Roles. Needs chart 2.")
    resources: Resources = Field(default_factory=Resources, description="Resources of the hub's own workloads.")
    limits: Limits = Field(default_factory=Limits, description="Limits of the hub.")
    metrics: Metrics = Field(default_factory=Metrics, description="The hub's metrics.")
    naming: Naming | None = Field(
        None,
        description="How names of users' pods and volumes are formed. Default: `Safe` for a new hub, "
        "`Escape` for one that comes from a chart before 4.",
    )
    fs_group: int | None = Field(None, ge=1, le=65535, description="Group that owns the hub's volumes. Default: the chart's.")
    rbac: bool = Field(True, description="Create the roles that the hub needs in its namespace.")
    image_pull: ImagePull | None = Field(None, description="An image registry that requires a password.")
    image_pull_secrets: SetOf[ObjectName] = Field(
        default_factory=list, max_length=16, description="Secrets in the hub's namespace with passwords of registries."
    )
    extra_config: dict[str, Code] = Field(
        default_factory=dict,
        max_length=32,
        description="Python code for the hub's configuration, executed in the order of the names.",
    )
    extra_files: MapByName[ExtraFile] = Field(default_factory=list, max_length=16, description="Files in the hub's container.")
    needs: Needs = Field(default_factory=list)
    remediation: Remediation = Field(default_factory=Remediation, description="What the operator does when helm fails.")
    values: dict[str, Any] = Field(
        default_factory=dict, description="Chart values. They override the typed fields and valuesFrom."
    )
    values_from: MoreValues = Field(default_factory=list)
