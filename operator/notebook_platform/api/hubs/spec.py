"""spec.jupyterhub as a whole."""

from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_platform.api.base import ObjectName, SpecModel
from notebook_platform.api.hubs.auth import Auth
from notebook_platform.api.hubs.chart import Chart, ValuesFrom
from notebook_platform.api.hubs.expose import Expose
from notebook_platform.api.hubs.hub import Database, ExtraFile, HubRole, HubService, ImagePull, Network, Resources
from notebook_platform.api.hubs.servers import Culling, Placement, PrePull, Scaling, SingleUser
from notebook_platform.api.lists import Atomic, MapByName, SetOf
from notebook_platform.api.remediation import Remediation

Code = Annotated[str, Field(max_length=65536)]


class Naming(SpecModel):
    """How names of users become names of pods and volumes."""

    scheme: Literal["Safe", "Escape"] = Field(
        description="`Safe` for new hubs, `Escape` as charts before 4 do. Cannot change: homes would be lost from sight."
    )


class Metrics(SpecModel):
    """The hub's metrics."""

    open: bool = Field(
        False, description="Anyone who reaches /hub/metrics may read it; else a token with read:metrics is needed."
    )


class Limits(SpecModel):
    """Limits of the hub. Left out: the chart's."""

    concurrent_spawns: int | None = Field(None, ge=1, le=10000, description="Servers that may be starting at a time.")
    active_servers: int | None = Field(None, ge=1, le=100000, description="Servers that may run at a time.")


class JupyterHubSpec(SpecModel):
    """The JupyterHub release."""

    release: str = Field("jhub", max_length=53, description="Name of the Helm release. Cannot change.")
    namespace: str = Field("jhub", max_length=63, description="Namespace of the release. Cannot change.")
    chart: Chart = Field(description="Chart and version.")
    host: str | None = Field(
        None,
        max_length=253,
        description="Name under which people reach the hub. Left out: the name of expose.loadBalancer.dnsLabel, if there is one.",
    )
    auth: Auth = Field(description="Who may sign in.")
    single_user: SingleUser = Field(default_factory=SingleUser, description="Users' servers.")
    culling: Culling = Field(default_factory=Culling, description="Idle servers.")
    placement: Placement = Field(default_factory=Placement, description="On which nodes pods run.")
    scaling: Scaling = Field(default_factory=Scaling, description="How nodes fill up.")
    pre_pull: PrePull = Field(default_factory=PrePull, description="Images on nodes before they are needed.")
    expose: Expose = Field(default_factory=Expose, description="The door: addresses, names, TLS.")
    network: Network = Field(default_factory=Network, description="Network policies.")
    database: Database = Field(default_factory=Database, description="The hub's database.")
    services: MapByName[HubService] = Field(default_factory=list, max_length=32, description="Services of the hub.")
    roles: MapByName[HubRole] = Field(default_factory=list, max_length=64, description="Roles. Needs chart 2.")
    resources: Resources = Field(default_factory=Resources, description="Resources of the hub's own workloads.")
    limits: Limits = Field(default_factory=Limits, description="Limits of the hub.")
    metrics: Metrics = Field(default_factory=Metrics, description="The hub's metrics.")
    naming: Naming | None = Field(
        None, description="How names are made. Left out: `Safe` for a new hub, `Escape` for one that comes from a chart before 4."
    )
    fs_group: int | None = Field(None, ge=1, le=65535, description="Group that owns the hub's volumes; left out: the chart's.")
    rbac: bool = Field(True, description="Make the roles that the hub needs in its namespace.")
    image_pull: ImagePull | None = Field(None, description="A registry of images that asks for a password.")
    image_pull_secrets: SetOf[ObjectName] = Field(
        default_factory=list, max_length=16, description="Secrets in the hub's namespace that hold registries' passwords."
    )
    extra_config: dict[str, Code] = Field(
        default_factory=dict, max_length=32, description="Python for the hub's configuration, run in the order of the names."
    )
    extra_files: MapByName[ExtraFile] = Field(default_factory=list, max_length=16, description="Files in the hub's container.")
    needs: SetOf[Annotated[str, Field(max_length=50)]] = Field(
        default_factory=list,
        max_length=16,
        description="Releases that must work first, by name: an ingress controller, cert-manager.",
    )
    remediation: Remediation = Field(default_factory=Remediation, description="What is done when helm fails.")
    values: dict[str, Any] = Field(
        default_factory=dict, description="Values of the chart; win over the typed fields and over valuesFrom."
    )
    values_from: Atomic[ValuesFrom] = Field(
        default_factory=list, max_length=16, description="More values, later ones win; all win over the typed fields."
    )
