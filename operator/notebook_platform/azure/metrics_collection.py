"""MetricsCollection: what sends the metrics of the cluster to the Azure Monitor workspace: data collection endpoint, rule, association.

`az aks update --enable-azure-monitor-metrics` makes them under these names. Endpoint and rule are in the region of the workspace. The
recording rules that az makes beside them, for Azure's own dashboards, are not made.
https://learn.microsoft.com/azure/azure-monitor/containers/kubernetes-monitoring-enable
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from notebook_platform import outputs
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import COLLECTION_API, COLLECTION_ENDPOINTS, ENDPOINT_TYPE
from notebook_platform.azure.arm.tagging import changed_resource, drop_owners, only_tags, write_tags
from notebook_platform.azure.collection_rule import CollectionRule, Desired, Found
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.last_applied import PROMETHEUS
from notebook_platform.azure.tagged_resource import Wire
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome

STREAMS = ["Microsoft-PrometheusMetrics"]
DESTINATION = "MonitoringAccount1"
LONGEST_ENDPOINT = 44
ENDPOINT = "dataCollectionEndpoint"
"""The path of the endpoint's changes."""


def endpoint_name(location: str, cluster: str) -> str:
    """Return the endpoint's name, as az makes it."""
    return re.sub("[^-A-Za-z0-9]", "", f"MSProm-{location}-{cluster}"[:LONGEST_ENDPOINT]).rstrip("-")


class MetricsCollection(CollectionRule[outputs.MetricsCollection]):
    """The rule of managed Prometheus, with its endpoint: made before it, deleted after it."""

    name = "MetricsCollection"
    provides = outputs.MetricsCollection
    needs = (outputs.Cluster, outputs.MonitorWorkspace)
    field = name_field = "spec.monitoring"
    prefix = "MSProm"
    association = "ContainerInsightsMetricsExtension"
    member = PROMETHEUS
    described = "Sends the metrics of the cluster to the Azure Monitor workspace"

    @property
    def asked(self) -> bool:
        return self._scope.spec.managed_prometheus is not None

    def serves(self, cluster: outputs.Cluster) -> bool:
        return cluster.sends_metrics

    def properties(self, inputs: Inputs, cluster: outputs.Cluster) -> tuple[str, Wire] | None:
        workspace = inputs.get(outputs.MonitorWorkspace)
        if workspace is None:
            return None
        source = {"name": "PrometheusDataSource", "streams": STREAMS, "labelIncludeFilter": {}}
        return workspace.location, {
            "dataCollectionEndpointId": self._scope.id_of(ENDPOINT_TYPE, endpoint_name(workspace.location, cluster.name)),
            "dataSources": {"prometheusForwarder": [source]},
            "dataFlows": [{"destinations": [DESTINATION], "streams": STREAMS}],
            "destinations": {"monitoringAccounts": [{"accountResourceId": workspace.id, "name": DESTINATION}]},
        }

    def desired(self, inputs: Inputs) -> Desired | None:
        desired = super().desired(inputs)
        if desired is None:
            return None
        endpoint = {"location": desired.rule["location"], "kind": "Linux", "tags": self._scope.tags, "properties": {}}
        return replace(desired, endpoint=endpoint, endpoint_id=desired.rule["properties"]["dataCollectionEndpointId"])

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        observed = await super().observe(inputs, fresh=fresh)
        relevant = self.asked and (observed.found is not None or inputs.get(outputs.Cluster) is not None)
        if not (relevant or self.taken_out or self._scope.deleting):
            return observed
        owned, desired = await self.owned(COLLECTION_ENDPOINTS, fresh=fresh), self.desired(inputs)
        found = observed.found or Found(None, exists=False, associated=None)
        if desired is None or self._scope.deleting:
            if not owned:
                return observed
            others = tuple(str(one["id"]) for one in owned[1:])
            return replace(observed, found=replace(found, endpoint=owned[0], former=(*found.former, *others)))
        current = [one for one in owned if one["id"].lower() == desired.endpoint_id.lower()]
        former = tuple(str(one["id"]) for one in owned if one not in current)
        endpoint = current[0] if current else None
        if endpoint is None and self.writes_rule(desired, found):
            async with azure_errors(self.field):
                endpoint = await self._scope.find(desired.endpoint_id, COLLECTION_API, fresh=fresh)
            if endpoint and (failed := self.conflict(endpoint, endpoint["name"], "data collection endpoint")):
                return Observed(failed=failed, ours=False)
        if not owned and endpoint is None:
            return observed
        return replace(observed, found=replace(found, endpoint=endpoint, former=(*found.former, *former)))

    def resource(self, found: Found) -> Wire:
        return found.rule or found.endpoint or {}

    def plan(self, desired: Desired | None, found: Found | None) -> Sequence[Change]:
        changes = list(super().plan(desired, found))
        endpoint = found.endpoint if found else None
        if desired is None:
            if self.taken_out and endpoint is not None:
                changes.append(Change(path=ENDPOINT, action=Action.DELETE, before=endpoint["id"]))
            return changes
        there = found or Found(None, exists=False, associated=None)
        if not self.writes_rule(desired, there) or desired.endpoint is None:
            return changes
        if endpoint is None:
            return [Change(path=ENDPOINT, action=Action.CREATE, after=desired.endpoint), *changes]
        own = [*compare_wire(desired.endpoint, endpoint), *self.removed_tags(endpoint)]
        return [*(replace(change, path=f"{ENDPOINT}.{change.path}") for change in own), *changes]

    async def apply(self, desired: Desired | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        own = [change for change in changes if change.path.startswith(ENDPOINT)]
        if desired is not None and own:
            session = self._scope.session
            async with azure_errors(self.field):
                if found and found.endpoint and only_tags(own):
                    await write_tags(session, found.endpoint["id"], own)
                else:
                    body = changed_resource(desired.endpoint or {}, found.endpoint if found else None, own)
                    await session.send("PUT", desired.endpoint_id, json=body, api_version=COLLECTION_API)
            changes = [change for change in changes if change not in own]
        return await super().apply(desired, found, changes)

    def output(self, found: Found | None) -> outputs.MetricsCollection | None:
        return outputs.MetricsCollection(rule_id=found.associated) if found and found.associated else None

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        outcome = await super().delete(found, inputs)
        if found.endpoint is not None:
            async with azure_errors(self.field):
                await self._scope.session.send("DELETE", found.endpoint["id"], api_version=COLLECTION_API)
        return outcome

    async def orphan(self, found: Found) -> Outcome:
        marked = [one for one in (found.endpoint, found.rule) if one is not None]
        return await drop_owners(self._scope.session, self.field, marked)
