"""Autoscale: custom autoscale settings (Azure Monitor) on the pools' scale sets, in the cluster's node resource group.

A setting is always written whole, so nothing is lost by the SDK's models, which drop what they do not know.
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-overview
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.cluster import Autoscale as Setting
from notebook_platform.api.cluster import AutoscaleRule
from notebook_platform.api.durations import iso8601, parse_duration
from notebook_platform.azure import outputs
from notebook_platform.azure.arm.errors import is_missing, speaking_of
from notebook_platform.azure.context import AzureContext
from notebook_platform.engine import Action, Change, Done, InProgress, Inputs, Notice, Observed, Outcome, Step
from notebook_platform.engine.change import compare

FIELD = "spec.autoscale"

Wire = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """Our settings in the node resource group, in wire form by name."""

    group: str
    ours: Mapping[str, Wire]


class Autoscale(Step[Mapping[str, Wire], Found]):
    """What is wanted are settings by name. Ours that the spec no longer asks for are removed."""

    name = "Autoscale"
    needs = ("NodePools", "Cluster")
    goes_with = "Cluster"

    def __init__(self, context: AzureContext) -> None:
        self._context = context

    def _name(self, pool: str) -> str:
        return f"{self._context.owner.name}-{pool}"

    def desired(self, inputs: Inputs) -> Mapping[str, Wire] | None:
        pools: outputs.NodePools = inputs["NodePools"]
        settings = {
            self._name(setting.pool): self._body(setting, pools.scale_sets[setting.pool])
            for setting in self._context.spec.autoscale
            if setting.pool in pools.scale_sets
        }
        return settings or None

    def _body(self, setting: Setting, scale_set: str) -> Wire:
        capacity = setting.capacity.model_dump()
        profile = {
            "name": "default",
            "capacity": {key: str(value) for key, value in capacity.items()},
            "rules": [rule_body(rule, scale_set) for rule in setting.rules],
        }
        return {
            "location": self._context.spec.azure.location,
            "tags": self._context.tags,
            "properties": {
                "name": self._name(setting.pool),
                "enabled": True,
                "targetResourceUri": scale_set,
                "profiles": [profile],
            },
        }

    async def observe(self, inputs: Inputs) -> Observed[Found]:
        cluster: outputs.Cluster | None = inputs.get("Cluster")
        if cluster is None:
            return Observed()
        group = cluster.node_resource_group
        async with speaking_of(FIELD):
            try:
                listed: list[Wire] = [s.serialize(keep_readonly=True) async for s in self._settings.list_by_resource_group(group)]
            except HttpResponseError as error:
                if is_missing(error):
                    return Observed()
                raise
        ours = {s["name"]: s for s in listed if self._context.owner.owns(s.get("tags"))}
        wanted = {self._name(setting.pool).lower() for setting in self._context.spec.autoscale}
        for other in listed:
            if other["name"].lower() in wanted and other["name"] not in ours:
                what = f"the autoscale setting {other['name']!r}"
                failed = self._context.owner.objection(what, FIELD, other.get("tags"), self._context.spec.adoption)
                if failed:
                    return Observed(failed=failed, ours=False)
                ours[other["name"]] = other
        if missing := self._without_scale_set(inputs):
            message = f"Waits for the scale sets of {', '.join(missing)}"
            return Observed(busy=InProgress(reason="Waiting", message=message, look_again_in=5))
        found = Found(cluster.node_resource_group, ours)
        return Observed(found=found, notices=tuple(self._notices()))

    def _without_scale_set(self, inputs: Inputs) -> list[str]:
        pools: outputs.NodePools | None = inputs.get("NodePools")
        if pools is None or self._context.deleting:
            return []
        return [s.pool for s in self._context.spec.autoscale if s.pool not in pools.scale_sets]

    def _notices(self) -> list[Notice]:
        both = [p.name for p in self._context.spec.node_pools if p.autoscaling]
        both = [s.pool for s in self._context.spec.autoscale if s.pool in both]
        if not both:
            return []
        message = (
            f"spec.autoscale and spec.nodePools[].autoscaling both drive the pool {', '.join(both)}: done as asked, but the "
            "two compete, and Microsoft advises against it; drop one of them"
        )
        return [Notice(condition="AutoscalersCompete", reason="TwoAutoscalers", message=message)]

    def plan(self, desired: Mapping[str, Wire] | None, found: Found | None) -> Sequence[Change]:
        wanted, ours = desired or {}, found.ours if found else {}
        changes = [
            Change(path=name, action=Action.CREATE, after=body["properties"]) for name, body in wanted.items() if name not in ours
        ]
        for name, body in wanted.items():
            if name in ours:
                changes += compare(body, ours[name], name)
                changes += _extra_rules(body, ours[name], name)
        changes += [Change(path=name, action=Action.DELETE, before=name) for name in ours if name not in wanted]
        return changes

    async def apply(self, desired: Mapping[str, Wire] | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert found is not None
        names = dict.fromkeys(change.path.split(".", 1)[0] for change in changes)
        async with speaking_of(FIELD):
            for name in names:
                body = (desired or {}).get(name)
                if body is None:
                    await self._settings.delete(found.group, name)
                else:
                    await self._settings.create_or_update(found.group, name, body)
        return Done()

    def output(self, found: Found | None) -> Any:
        return tuple(found.ours) if found and found.ours else None

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        async with speaking_of(FIELD):
            for name, setting in found.ours.items():
                if self._context.owner.owns(setting.get("tags")):
                    await self._settings.delete(found.group, name)
        return Done()

    @property
    def _settings(self) -> Any:
        return self._context.session.monitor.autoscale_settings


def _extra_rules(body: Wire, found: Wire, name: str) -> list[Change]:
    """Profiles are compared whole in number and content; nothing else that Azure adds is looked at."""
    theirs = found.get("properties", {}).get("profiles") or []
    surplus = theirs[len(body["properties"]["profiles"]) :]
    return [Change(path=f"{name}.properties.profiles", action=Action.UPDATE, before=p.get("name")) for p in surplus]


def rule_body(rule: AutoscaleRule, scale_set: str) -> Wire:
    """A metric rule in wire form: averaged over the instances, one-minute grain, as the portal makes it."""
    return {
        "metricTrigger": {
            "metricName": rule.metric,
            "metricResourceUri": scale_set,
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": iso8601(parse_duration(rule.window)),
            "timeAggregation": "Average",
            "operator": rule.operator,
            "threshold": rule.threshold,
        },
        "scaleAction": {
            "direction": "Increase" if rule.change > 0 else "Decrease",
            "type": "ChangeCount",
            "value": str(abs(rule.change)),
            "cooldown": iso8601(parse_duration(rule.cooldown)),
        },
    }
