"""status of a NotebookPlatform."""

from typing import Annotated, Any

from pydantic import Field

from notebook_platform.api.base import StatusModel, Time
from notebook_platform.api.conditions import Condition
from notebook_platform.api.lists import Atomic, ListType


class NodeCounts(StatusModel):
    """Nodes of the cluster, as its own API counts them."""

    ready: int = Field(ge=0, description="Nodes that are Ready.")
    total: int = Field(ge=0, description="All nodes.")


class ClusterStatus(StatusModel):
    """The cluster as Azure and its own API tell it."""

    id: str | None = Field(None, max_length=1024, description="ARM id of the managed cluster.")
    fqdn: str | None = Field(None, max_length=253, description="DNS name of the API server.")
    kubernetes_version: str | None = Field(None, max_length=16, description="Running Kubernetes version.")
    power_state: str | None = Field(None, max_length=16, description="Running or Stopped.")
    nodes: NodeCounts | None = Field(None, description="Number of nodes.")
    kubeconfig_secret: str | None = Field(None, max_length=253, description="Secret with the kubeconfig (key `value`).")


class MonitoringStatus(StatusModel):
    """Where the metrics of the cluster go."""

    workspace_id: str | None = Field(None, max_length=1024, description="ARM id of the Azure Monitor workspace.")
    query_endpoint: str | None = Field(
        None, max_length=512, description="URL that answers queries in PromQL, as those of Grafana."
    )


class ReleaseStatus(StatusModel):
    """A Helm release."""

    name: str = Field(max_length=53, description="Name of the release.")
    namespace: str = Field(max_length=63, description="Namespace of the release.")
    chart: str = Field(max_length=128, description="Chart and version, such as jupyterhub-4.4.0.")
    revision: int = Field(description="Helm revision.")
    state: str = Field(max_length=32, description="Helm's status of the release.")


class HubStatus(StatusModel):
    """Who works on the hub."""

    servers: int = Field(description="Number of running users' servers.")
    homes: int = Field(description="Number of users' home volumes.")


class OperationStatus(StatusModel):
    """An Azure operation in progress."""

    step: str = Field(max_length=64, description="Step that started the operation.")
    kind: str = Field(max_length=256, description="Kind of the operation.")
    started: Time = Field(description="When Azure accepted the operation (RFC 3339).")
    url: str = Field(max_length=2048, description="URL of the operation's status, without the signature.")
    percent: int | None = Field(
        None, description="Progress in per cent, from Azure or estimated from the usual duration of such operations."
    )
    expected_end: Time | None = Field(None, description="Expected end (RFC 3339).")
    correlation_id: str | None = Field(None, max_length=64, description="Correlation id of the request in Azure's activity log.")


class AttemptStatus(StatusModel):
    """A step that failed and will be tried again."""

    step: str = Field(max_length=64, description="The step.")
    reason: str = Field(max_length=128, description="Reason of the last failure.")
    count: int = Field(description="Number of consecutive failures.")
    retry_at: Time = Field(description="Time of the next retry (RFC 3339).")
    correlation_id: str | None = Field(
        None,
        max_length=64,
        description="Correlation id of the last attempt, in the operator's log and, for a request to Azure, in Azure's activity log.",
    )


ACTIONS = ("create", "update", "replace", "delete")


class PlannedChange(StatusModel):
    """A change that is pending."""

    step: str = Field(max_length=64, description="The step that would apply the change.")
    action: str = Field(json_schema_extra={"enum": list(ACTIONS)}, description="Kind of the change.")
    path: str = Field(max_length=512, description="Path of the member that would change.")
    before: str | None = Field(None, max_length=256, description="Current value.")
    after: str | None = Field(None, max_length=256, description="Value after the change.")
    disrupts: bool = Field(False, description="Whether the change is disruptive.")
    blocker: str | None = Field(None, max_length=512, description="Why the change cannot be applied, and the remedy.")
    requires_approval: str | None = Field(
        None, max_length=1024, description="What a user must approve before the change is applied."
    )


UNOBSERVED = -1
"""observedGeneration of an object that the operator has not seen yet: the CRD's default. Without it Flux and other programs that compute
kstatus would take a new platform for one that is up to date (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus#conditions)."""


class PlatformStatus(StatusModel):
    """Observed state of a platform."""

    conditions: Annotated[list[Condition], ListType("map", ("type",))] = Field(
        default_factory=list, max_length=64, description="Conditions."
    )
    observed_generation: int | None = Field(None, description="The generation of the spec that was last reconciled.")
    url: str | None = Field(None, max_length=512, description="Address of the hub.")
    cluster: ClusterStatus | None = Field(None, description="The cluster.")
    monitoring: MonitoringStatus | None = Field(None, description="Managed Prometheus.")
    releases: Annotated[list[ReleaseStatus], ListType("map", ("namespace", "name"))] = Field(
        default_factory=list, max_length=40, description="Helm releases."
    )
    hub: HubStatus | None = Field(None, description="Users' servers and homes.")
    operations: Annotated[list[OperationStatus], ListType("map", ("step",))] = Field(
        default_factory=list, max_length=32, description="Azure operations in progress."
    )
    attempts: Annotated[list[AttemptStatus], ListType("map", ("step",))] = Field(
        default_factory=list, max_length=64, description="Failed steps that will be retried."
    )
    plan: Atomic[PlannedChange] = Field(default_factory=list, max_length=50, description="Pending changes.")
    next: str | None = Field(None, max_length=256, description="The next expected event.")

    @classmethod
    def of(cls, body: dict[str, Any]) -> "PlatformStatus":
        """Return the status of an object as read from the API server."""
        found = cls.model_validate(body.get("status") or {})
        return found.model_copy(update={"observed_generation": None}) if found.observed_generation == UNOBSERVED else found
