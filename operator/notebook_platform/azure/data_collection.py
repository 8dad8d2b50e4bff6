"""DataCollection: the data collection rule of Container insights, and its association with the cluster.

With a cluster's managed identity, the add-on sends nothing until a rule names the workspace and is associated with the cluster. `az aks
enable-addons --addons monitoring` makes both under these names. An association that exists is kept, whoever made its rule.
https://learn.microsoft.com/azure/azure-monitor/containers/kubernetes-monitoring-enable
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform import outputs
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.arm.resource_types import COLLECTION_API, COLLECTION_RULES, COLLECTION_TYPE
from notebook_platform.azure.arm.tagging import only_tags, write_tags
from notebook_platform.azure.last_applied import MONITORING
from notebook_platform.azure.tagged_resource import TaggedResource, Wire
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Ready

FIELD = "spec.cluster.monitoring"
LONGEST_NAME = 64
STREAMS = ["Microsoft-ContainerInsights-Group-Default"]
DESTINATION = "la-workspace"
ASSOCIATION = "ContainerInsightsExtension"
"""The agents find the association by this name."""

WORKSPACE_API = "2023-09-01"
FORBIDDEN = 403


@dataclass(frozen=True)
class Desired:
    """The rule, and the id that the association names."""

    rule: Wire
    rule_id: str


@dataclass(frozen=True)
class Found:
    """The platform's own rule; whether a rule of its name `exists`, be it of another owner; the id of the rule that the cluster is
    associated with, and of the `association` itself."""

    rule: Wire | None
    exists: bool
    associated: str | None
    association: str | None = None


@dataclass(frozen=True)
class WorkspaceRegion:
    """The region of the workspace, in which the rule has to be. None: it could not be read."""

    name: str | None


def rule_name(location: str, cluster: str) -> str:
    """Return the rule's name, as az makes it."""
    return f"MSCI-{location}-{cluster}"[:LONGEST_NAME].rstrip("-")


class DataCollection(TaggedResource[Desired, Found, tuple[str, ...]]):
    """The rule has the owner tag; the association is part of the cluster."""

    name = "DataCollection"
    needs = (outputs.Cluster,)
    deleted_with = outputs.Cluster
    cacheable = True
    resource_type = COLLECTION_RULES
    noun = "data collection rule"
    field = name_field = FIELD

    async def prepare(self, inputs: Inputs) -> Inputs:
        monitoring, cluster = self._scope.spec.cluster.monitoring, inputs.get(outputs.Cluster)
        if monitoring is None or cluster is None or not cluster.monitored_by_identity:
            return inputs
        path, cache = monitoring.workspace_id, self._scope.cache
        async with azure_errors(self.field):
            try:
                found = await cache.cached_call(
                    path, lambda: self._get(path, WORKSPACE_API), max_age=self._scope.max_age, fresh=False
                )
            except HttpResponseError as error:
                if not is_missing(error) and error.status_code != FORBIDDEN:
                    raise
                found = None
        return inputs.including(WorkspaceRegion(found and str(found.get("location") or "")))

    def desired(self, inputs: Inputs) -> Desired | None:
        monitoring, cluster = self._scope.spec.cluster.monitoring, inputs.get(outputs.Cluster)
        if monitoring is None or cluster is None or cluster.planned or not cluster.monitored_by_identity:
            return None
        region = inputs.get(WorkspaceRegion)
        location = (region.name if region else None) or cluster.location
        extension = {
            "name": ASSOCIATION,
            "streams": STREAMS,
            "extensionName": "ContainerInsights",
            "extensionSettings": {"dataCollectionSettings": {"enableContainerLogV2": True}},
        }
        properties = {
            "dataSources": {"extensions": [extension]},
            "dataFlows": [{"streams": STREAMS, "destinations": [DESTINATION]}],
            "destinations": {"logAnalytics": [{"workspaceResourceId": monitoring.workspace_id, "name": DESTINATION}]},
        }
        rule = {"location": location, "kind": "Linux", "tags": self._scope.tags, "properties": properties}
        return Desired(rule, self._scope.id_of(COLLECTION_TYPE, rule_name(location, cluster.name)))

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        cluster = inputs.get(outputs.Cluster)
        relevant = cluster is not None and (cluster.monitored_by_identity or self._scope.deleting or self._taken_out)
        if cluster is None or cluster.planned or not relevant:
            return Observed()
        path = _association(cluster.id)
        async with azure_errors(FIELD):
            call = self._scope.cache.cached_call
            association = await call(path, lambda: self._find(path), max_age=self._scope.max_age, fresh=fresh)
        associated = ((association or {}).get("properties") or {}).get("dataCollectionRuleId")
        if self._taken_out:
            rule = await self._owned_rule(fresh=fresh)
            return Observed(found=Found(rule, True, associated, path) if rule else None)
        desired = self.desired(inputs)
        name = desired.rule_id.rsplit("/", 1)[1] if desired else rule_name(cluster.location, cluster.name)
        rule = await self.look_up(name, fresh=fresh)
        if rule is None and associated is None:
            return Observed()
        owned = rule is not None and self._scope.owner.owns(rule.get("tags"))
        return Observed(found=Found(rule if owned else None, rule is not None, associated))

    @property
    def _taken_out(self) -> bool:
        """Return whether the spec had monitoring and no longer has it."""
        had = MONITORING in self._scope.applied.get(self.name, {}).get("members", {})
        return had and self._scope.spec.cluster.monitoring is None

    async def _owned_rule(self, *, fresh: bool) -> Wire | None:
        """Return the platform's rule. Its name follows the region of a workspace that the spec no longer names, so the owner tag finds
        it."""
        async with azure_errors(self.field):
            cache, age = self._scope.cache, self._scope.max_age
            listed = await cache.list_group(COLLECTION_RULES, self._scope.group, max_age=age, fresh=fresh)
        return next((rule for rule in listed or () if self._scope.owner.owns(rule.get("tags"))), None)

    def resource(self, found: Found) -> Wire:
        return found.rule or {}

    def plan(self, desired: Desired | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return _removal(found) if self._taken_out else ()
        there = found or Found(None, exists=False, associated=None)
        ours = there.associated is None or there.associated.lower() == desired.rule_id.lower()
        changes: list[Change] = []
        if ours and (there.rule is not None or not there.exists):
            changes += self.create_or_compare("dataCollectionRule", desired.rule, there.rule)
        if there.associated is None:
            changes.append(Change(path="association", action=Action.CREATE, after=desired.rule_id))
        return changes

    async def apply(self, desired: Desired | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        if desired is None:
            async with azure_errors(FIELD):
                for change in changes:
                    await self._scope.session.send("DELETE", change.before, api_version=COLLECTION_API)
            return Ready()
        session, of_rule = self._scope.session, [change for change in changes if change.path != "association"]
        async with azure_errors(FIELD):
            if found and found.rule and of_rule and only_tags(of_rule):
                await write_tags(session, found.rule["id"], of_rule)
            elif of_rule:
                await session.send("PUT", desired.rule_id, json=desired.rule, api_version=COLLECTION_API)
            if len(of_rule) != len(changes):
                properties = {"dataCollectionRuleId": desired.rule_id, "description": "associates dataCollectionRule to the AKS"}
                path = _association(
                    self._scope.id_of("Microsoft.ContainerService/managedClusters", self._scope.spec.cluster.name)
                )
                await session.send("PUT", path, json={"properties": properties}, api_version=COLLECTION_API)
        return Ready()

    def output(self, found: Found | None) -> tuple[str, ...] | None:
        return (found.associated,) if found and found.associated else None

    async def delete_owned(self, resource: Wire) -> Outcome:
        session, spec = self._scope.session, self._scope.spec.cluster
        path = _association(self._scope.id_of("Microsoft.ContainerService/managedClusters", spec.name))
        await session.send("DELETE", path, api_version=COLLECTION_API)
        await session.send("DELETE", resource["id"], api_version=COLLECTION_API)
        return Ready()

    async def _find(self, path: str) -> Mapping[str, Any] | None:
        try:
            return await self._get(path, COLLECTION_API)
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise

    async def _get(self, path: str, version: str) -> Wire:
        found: Wire = (await self._scope.session.send("GET", path, api_version=version)).json()
        return found


def _removal(found: Found | None) -> list[Change]:
    """Return the removal of the platform's rule; before it, of the cluster's association if that is with this rule."""
    if found is None or found.rule is None:
        return []
    rule = Change(path="dataCollectionRule", action=Action.DELETE, before=found.rule["id"])
    if (found.associated or "").lower() != found.rule["id"].lower() or found.association is None:
        return [rule]
    return [Change(path="association", action=Action.DELETE, before=found.association), rule]


def _association(cluster_id: str) -> str:
    return f"{cluster_id}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{ASSOCIATION}"
