"""MonitorWorkspace: the Azure Monitor workspace that stores the metrics of managed Prometheus.

A workspace of the spec (`workspaceId`) is only read. Without it the operator creates one in the platform's resource group. A workspace is
users' data: once the spec no longer asks for it, it stays, and spec.monitoring finds it again; with the platform it is deleted, as the
other resources are, if deletionPolicy is Delete.
https://learn.microsoft.com/azure/azure-monitor/metrics/azure-monitor-workspace-overview
"""

import re
from collections.abc import Sequence

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import lro_from_headers, working
from notebook_platform.azure.arm.resource_types import MONITOR_API, MONITOR_TYPE, MONITOR_WORKSPACES
from notebook_platform.azure.arm.tagging import only_tags, write_tags
from notebook_platform.azure.states import is_busy, state_of
from notebook_platform.azure.tagged_resource import TaggedResource, Wire, busy_deleting
from notebook_platform.engine import Change, Inputs, Observed, Outcome, Progressing, Ready, StepError

SUFFIX = "-metrics"
LONGEST_NAME = 44
SECONDS = 30.0


def workspace_name(cluster: str) -> str:
    """Return the name of the workspace that the operator creates for a cluster: at most 44 letters, digits and hyphens."""
    return re.sub("[^-A-Za-z0-9]", "-", cluster)[: LONGEST_NAME - len(SUFFIX)].strip("-") + SUFFIX


class MonitorWorkspace(TaggedResource[Wire, Wire, outputs.MonitorWorkspace]):
    """The workspace, created and tagged, or read from the id in the spec."""

    name = "MonitorWorkspace"
    provides = outputs.MonitorWorkspace
    needs = (outputs.ResourceGroup,)
    cacheable = True
    resource_type = MONITOR_WORKSPACES
    noun = "Azure Monitor workspace"
    field = name_field = "spec.monitoring"

    @property
    def _name(self) -> str:
        return workspace_name(self._scope.spec.cluster.name)

    @property
    def _existing(self) -> str | None:
        monitoring = self._scope.spec.managed_prometheus
        return monitoring.workspace_id if monitoring else None

    def desired(self, inputs: Inputs) -> Wire | None:
        if self._scope.spec.managed_prometheus is None or self._existing:
            return None
        return {"location": self._scope.spec.azure.location, "tags": self._scope.tags}

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Wire]:
        if self._existing and not self._scope.deleting:
            return Observed(found=await self._given(self._existing, fresh=fresh))
        if (pending := await self._scope.pending(self.name, self.field, self.resource_type, self._name)) is not None:
            return pending
        if self._scope.spec.managed_prometheus is None and not self._scope.deleting:
            return Observed()
        return await self.observe_resource(self._name, fresh=fresh)

    async def _given(self, id_: str, *, fresh: bool) -> Wire:
        """Return the workspace of the spec. Raises StepError."""
        field = f"{self.field}.workspaceId"
        async with azure_errors(field):
            found = await self._scope.find(id_, MONITOR_API, fresh=fresh)
        if found is None:
            raise StepError(
                Reason.MONITOR_WORKSPACE_NOT_FOUND,
                f"the Azure Monitor workspace of {field} does not exist: {id_}",
                f"Set {field} to the id of a workspace that `az monitor account list` shows, or remove {field} to have one created.",
                retry_in=300,
            )
        return found

    def busy(self, resource: Wire) -> Progressing | None:
        properties = resource.get("properties") or {}
        if not is_busy(properties):
            return None
        state = state_of(properties)
        return working(state, f"The Azure Monitor workspace {self._name} is {state}", 5, "workspace")

    def resource(self, found: Wire) -> Wire:
        return found

    def plan(self, desired: Wire | None, found: Wire | None) -> Sequence[Change]:
        return self.create_or_compare("monitorWorkspace", desired, found)

    async def apply(self, desired: Wire | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        async with azure_errors(self.field):
            if found is not None and only_tags(changes):
                await write_tags(self._scope.session, found["id"], changes)
                return Ready()
            if found is not None:
                raise StepError(
                    Reason.IMMUTABLE_FIELD,
                    f"spec.azure.location is {self._scope.spec.azure.location!r} but the Azure Monitor workspace {self._name!r} is in "
                    f"{found.get('location')!r}",
                    "Name it in spec.monitoring.workspaceId: a workspace cannot move, and may be in another region than the cluster.",
                )
            path = self._scope.id_of(MONITOR_TYPE, self._name)
            answer = await self._scope.session.send("PUT", path, json=desired, api_version=MONITOR_API)
        kind = f"create Azure Monitor workspace {self._name}"
        return lro_from_headers(answer.headers, answer.request.url, kind=kind, expected=SECONDS) or Ready()

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return SECONDS if changes else 0.0

    def planned_output(self, desired: Wire) -> outputs.MonitorWorkspace | None:
        return outputs.MonitorWorkspace(id=self._scope.id_of(MONITOR_TYPE, self._name), location=desired["location"])

    def output(self, found: Wire | None) -> outputs.MonitorWorkspace | None:
        if found is None:
            return None
        endpoint = ((found.get("properties") or {}).get("metrics") or {}).get("prometheusQueryEndpoint")
        location = str(found["location"]).replace(" ", "").lower()
        return outputs.MonitorWorkspace(id=found["id"], location=location, query_endpoint=endpoint)

    async def delete_owned(self, resource: Wire) -> Outcome:
        kind = f"delete Azure Monitor workspace {resource['name']}"
        answer = await self._scope.session.send("DELETE", resource["id"], api_version=MONITOR_API)
        busy = lro_from_headers(answer.headers, answer.request.url, kind=kind, expected=SECONDS)
        return busy or busy_deleting(kind, requeue_after=2)
