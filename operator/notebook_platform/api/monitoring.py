"""spec.monitoring: metrics of the cluster and its hubs in Azure Monitor managed Prometheus, and alerts on them."""

from typing import Literal

from pydantic import Field

from notebook_platform.api.arm_ids import ActionGroupId, MonitorWorkspaceId
from notebook_platform.api.base import SpecModel
from notebook_platform.api.lists import SetOf


class Alerts(SpecModel):
    """Alert rules that Azure evaluates on the metrics of the hubs."""

    enabled: bool = Field(True, description="Create the alert rules; false deletes them.")
    action_groups: SetOf[ActionGroupId] = Field(
        default_factory=list,
        max_length=5,
        description="ARM ids of the action groups that every alert notifies. Without one, alerts only show in Azure.",
    )


class MonitoringSpec(SpecModel):
    """Managed Prometheus: an agent of Azure on the cluster sends metrics to an Azure Monitor workspace. Needs a managed identity."""

    prometheus: Literal["Managed", "None"] = Field(
        "None",
        description="`Managed`: the metrics agent of AKS sends metrics to the workspace. A change back to `None` removes the agent, its "
        "data collection and the alert rules, and keeps the workspace with its data.",
    )
    workspace_id: MonitorWorkspaceId | None = Field(
        None,
        description="ARM id of an existing Azure Monitor workspace; the operator does not change it. Default: the operator "
        "creates one in the platform's resource group.",
    )
    alerts: Alerts = Field(default_factory=Alerts, description="Alert rules of the hubs.")
    hub_metrics: bool = Field(
        True,
        description="With `Managed`, also scrape each hub, its proxy and the binder. The operator adds PodMonitors, network "
        "policies that admit the agent, and a hub service that can only read metrics. `false` removes them.",
    )
