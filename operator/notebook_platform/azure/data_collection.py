"""DataCollection: the data collection rule of Container insights, and its association with the cluster.

With a cluster's managed identity, the add-on sends nothing until a rule names the workspace and is associated with the cluster. `az aks
enable-addons --addons monitoring` makes both under these names.
https://learn.microsoft.com/azure/azure-monitor/containers/kubernetes-monitoring-enable
"""

from dataclasses import dataclass

from azure.core.exceptions import HttpResponseError

from notebook_platform import outputs
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.collection_rule import CollectionRule, Found
from notebook_platform.azure.last_applied import MONITORING
from notebook_platform.azure.tagged_resource import Wire
from notebook_platform.engine import Inputs

STREAMS = ["Microsoft-ContainerInsights-Group-Default"]
DESTINATION = "la-workspace"

WORKSPACE_API = "2023-09-01"
FORBIDDEN = 403


@dataclass(frozen=True)
class WorkspaceRegion:
    """The region of the workspace, in which the rule has to be. None: it could not be read."""

    name: str | None


class DataCollection(CollectionRule[tuple[str, ...]]):
    """The rule of Container insights."""

    name = "DataCollection"
    needs = (outputs.Cluster,)
    field = name_field = "spec.cluster.monitoring"
    prefix = "MSCI"
    association = "ContainerInsightsExtension"
    member = MONITORING
    described = "associates dataCollectionRule to the AKS"

    @property
    def asked(self) -> bool:
        return self._scope.spec.cluster.monitoring is not None

    def serves(self, cluster: outputs.Cluster) -> bool:
        return cluster.monitored_by_identity

    async def prepare(self, inputs: Inputs) -> Inputs:
        monitoring, cluster = self._scope.spec.cluster.monitoring, inputs.get(outputs.Cluster)
        if monitoring is None or cluster is None or not cluster.monitored_by_identity:
            return inputs
        path, cache = monitoring.workspace_id, self._scope.cache
        async with azure_errors(self.field):
            try:
                found = await cache.cached_call(
                    path, lambda: self.read(path, WORKSPACE_API), max_age=self._scope.max_age, fresh=False
                )
            except HttpResponseError as error:
                if not is_missing(error) and error.status_code != FORBIDDEN:
                    raise
                found = None
        return inputs.including(WorkspaceRegion(found and str(found.get("location") or "")))

    def properties(self, inputs: Inputs, cluster: outputs.Cluster) -> tuple[str, Wire] | None:
        monitoring, region = self._scope.spec.cluster.monitoring, inputs.get(WorkspaceRegion)
        if monitoring is None:
            return None
        extension = {
            "name": self.association,
            "streams": STREAMS,
            "extensionName": "ContainerInsights",
            "extensionSettings": {"dataCollectionSettings": {"enableContainerLogV2": True}},
        }
        return (region.name if region else None) or cluster.location, {
            "dataSources": {"extensions": [extension]},
            "dataFlows": [{"streams": STREAMS, "destinations": [DESTINATION]}],
            "destinations": {"logAnalytics": [{"workspaceResourceId": monitoring.workspace_id, "name": DESTINATION}]},
        }

    def output(self, found: Found | None) -> tuple[str, ...] | None:
        return (found.associated,) if found and found.associated else None
