"""AlertRules: the Prometheus rule group with the alerts of the hubs, which Azure evaluates in the workspace.

One group for a platform, in the region of the workspace, limited to the cluster. What the alerts are stands in `azure/hub_alerts.py`.
https://learn.microsoft.com/azure/azure-monitor/metrics/prometheus-rule-groups
"""

from collections.abc import Sequence

from notebook_platform import outputs
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import RULE_GROUP_API, RULE_GROUP_TYPE, RULE_GROUPS
from notebook_platform.azure.arm.tagging import changed_resource, only_tags, write_tags
from notebook_platform.azure.hub_alerts import ALERTS, HubAlert
from notebook_platform.azure.last_applied import PROMETHEUS
from notebook_platform.azure.tagged_resource import TaggedResource, Wire
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Ready

INTERVAL = "PT1M"
RESOLVE_AFTER = "PT10M"


def group_name(cluster: str) -> str:
    """Return the name of the rule group."""
    return f"notebook-platform-{cluster}"


class AlertRules(TaggedResource[Wire, Wire, tuple[str, ...]]):
    """The rule group of the hubs' namespaces; none without a hub."""

    name = "AlertRules"
    needs = (outputs.Cluster, outputs.MonitorWorkspace)
    cacheable = True
    resource_type = RULE_GROUPS
    noun = "Prometheus rule group"
    field = name_field = "spec.monitoring.alerts"

    @property
    def _name(self) -> str:
        return group_name(self._scope.spec.cluster.name)

    @property
    def _asked(self) -> bool:
        monitoring = self._scope.spec.managed_prometheus
        return monitoring is not None and monitoring.alerts.enabled

    @property
    def _taken_out(self) -> bool:
        return PROMETHEUS in self._scope.applied_members(self.name) and not self._asked

    @property
    def _namespaces(self) -> list[str]:
        return self._scope.spec.hub_namespaces

    def desired(self, inputs: Inputs) -> Wire | None:
        monitoring, workspace = self._scope.spec.managed_prometheus, inputs.get(outputs.MonitorWorkspace)
        cluster, namespaces = inputs.get(outputs.Cluster), self._namespaces
        if monitoring is None or not monitoring.alerts.enabled or workspace is None or cluster is None or not namespaces:
            return None
        groups = sorted(monitoring.alerts.action_groups)
        return {
            "location": workspace.location,
            "tags": self._scope.tags,
            "properties": {
                "description": "Alerts of the hubs on this cluster",
                "scopes": [workspace.id, cluster.id],
                "clusterName": cluster.name,
                "enabled": True,
                "interval": INTERVAL,
                "rules": [rule_of(alert, namespaces, groups) for alert in ALERTS],
            },
        }

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Wire]:
        if not (self._asked or self._taken_out or self._scope.deleting):
            return Observed()
        return await self.observe_resource(self._name, fresh=fresh)

    def resource(self, found: Wire) -> Wire:
        return found

    def plan(self, desired: Wire | None, found: Wire | None) -> Sequence[Change]:
        if desired is None:
            gone = found is not None and (self._taken_out or not self._namespaces) and self._scope.owner.owns(found.get("tags"))
            return [Change(path="ruleGroup", action=Action.DELETE, before=found["id"])] if gone and found else ()
        changes = self.create_or_compare("ruleGroup", desired, found)
        if any(change.path == "location" for change in changes):  # a group does not move with its workspace to another region
            return [
                Change(path="ruleGroup", action=Action.REPLACE, before=(found or {}).get("location"), after=desired["location"])
            ]
        return changes

    async def apply(self, desired: Wire | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        session, path = self._scope.session, self._scope.id_of(RULE_GROUP_TYPE, self._name)
        async with azure_errors(self.field):
            if desired is None:
                await session.send("DELETE", path, api_version=RULE_GROUP_API)
            elif found is not None and only_tags(changes):
                await write_tags(session, found["id"], changes)
            else:
                if any(change.action is Action.REPLACE for change in changes):
                    await session.send("DELETE", path, api_version=RULE_GROUP_API)
                await session.send("PUT", path, json=changed_resource(desired, found, changes), api_version=RULE_GROUP_API)
        return Ready()

    def output(self, found: Wire | None) -> tuple[str, ...] | None:
        return (found["id"],) if found else None

    async def delete_owned(self, resource: Wire) -> Outcome:
        await self._scope.session.send("DELETE", resource["id"], api_version=RULE_GROUP_API)
        return Ready()


def rule_of(alert: HubAlert, namespaces: Sequence[str], action_groups: Sequence[str]) -> Wire:
    """Return the alert as a rule of Azure (https://learn.microsoft.com/rest/api/monitor/prometheus-rule-groups). Pure."""
    return {
        "alert": alert.name,
        "enabled": True,
        "expression": alert.within(namespaces),
        "for": f"PT{alert.lasts}M",
        "severity": alert.severity,
        "labels": {},
        "annotations": {"summary": alert.summary, "description": alert.description, "runbook_url": alert.runbook},
        "actions": [{"actionGroupId": group} for group in action_groups],
        "resolveConfiguration": {"autoResolved": True, "timeToResolve": RESOLVE_AFTER},
    }
