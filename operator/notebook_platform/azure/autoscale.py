"""Autoscale: custom autoscale settings (Azure Monitor) on the pools' scale sets, in the cluster's node resource group.

A setting is written whole, over what was read (`autoscale_merge.py`).
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-overview
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.autoscale import Autoscale as Setting
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import complete
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import AUTOSCALE_SETTINGS
from notebook_platform.azure.arm.tagging import drop_owners, only_tags, write_tags
from notebook_platform.azure.autoscale_body import FIELD, normal_profiles, setting_changes, setting_properties
from notebook_platform.azure.autoscale_merge import merged_setting
from notebook_platform.azure.autoscale_patch import autoscale_patch, patched_setting
from notebook_platform.azure.autoscale_targets import by_wanted_name, in_order, occupied, target_of
from notebook_platform.azure.last_applied import NOTIFICATIONS, removed_tags
from notebook_platform.azure.merge_patch import sets, without_absent
from notebook_platform.azure.patch_changes import judged, sent_tag
from notebook_platform.azure.patch_removal import was_set
from notebook_platform.azure.patches import Patch
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Inputs, Notice, Observed, Outcome, Progressing, Ready, Step
from notebook_platform.engine.change import merged
from notebook_platform.engine.each import each
from notebook_platform.engine.outcome import Deferred

Wire = dict[str, Any]

LONGEST_WAIT, STALL_AFTER = 300.0, 1800.0
"""Seconds between two reads for the scale set of a pool, at most, and until a user has to act."""


@dataclass(frozen=True)
class Found:
    """The platform's settings in the node resource group, in wire form by name. `without_pool`: the pools of spec.autoscale that do not
    exist. `theirs`: the names of the other settings, by the lower-case id of the scale set that each is for."""

    group: str
    ours: Mapping[str, Wire]
    without_pool: tuple[str, ...] = ()
    theirs: Mapping[str, str] = field(default_factory=dict)


class Autoscale(Step[Mapping[str, Wire], Found, tuple[str, ...]]):
    """The desired settings are by name. The platform's settings that the spec no longer asks for are removed."""

    name = "Autoscale"
    needs = (outputs.NodePools, outputs.Cluster)
    deleted_with = outputs.Cluster
    cacheable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope

    def _name(self, setting: Setting) -> str:
        return setting.name or f"{self._scope.owner.name}-{setting.pool}"

    def desired(self, inputs: Inputs) -> Mapping[str, Wire] | None:
        cluster, pools = inputs.get(outputs.Cluster), inputs[outputs.NodePools]
        if cluster is None or cluster.power_state == "Stopped":
            return None
        settings = {
            self._name(setting): self._body(setting, pools.scale_sets[setting.pool])
            for setting in self._scope.spec.autoscale
            if setting.pool in pools.scale_sets
        }
        return settings or None

    def varying(self, desired: Mapping[str, Wire]) -> Mapping[str, str]:
        """A rotated pool has another scale set, and these members name it."""
        targets = {name: str(body["properties"]["targetResourceUri"]) for name, body in desired.items()}
        members = ("targetResourceUri", "profiles")
        return {f"{name}.properties.{member}": target for name, target in targets.items() for member in members}

    def _body(self, setting: Setting, scale_set: str) -> Wire:
        name = self._name(setting)
        properties = setting_properties(setting, name, scale_set)
        body = {"location": self._scope.spec.azure.location, "tags": self._scope.tags, "properties": properties}
        return patched_setting(setting, body, name, scale_set, self._scope.applied.get(self.name))

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        cluster = inputs.get(outputs.Cluster)
        if cluster is None or (cluster.power_state == "Stopped" and not self._scope.deleting):
            return Observed()
        group, cache = cluster.node_resource_group, self._scope.cache
        async with azure_errors(FIELD):
            listed = await cache.list_group(AUTOSCALE_SETTINGS, group, max_age=self._scope.max_age, fresh=fresh)
            settings = () if self._scope.deleting else self._scope.spec.autoscale
            names = [self._name(setting) for setting in settings]
            wanted, owns = {name.casefold() for name in names}, self._scope.owner.owns
            concern = [complete(s) for s in listed or () if owns(s.get("tags")) or s["name"].casefold() in wanted]
        if listed is None:
            return Observed()
        for other in concern:
            what = f"the autoscale setting {other['name']!r}"
            failed = self._scope.owner.ownership_conflict(what, FIELD, other.get("tags"), self._scope.spec.adoption)
            if failed:
                return Observed(failed=failed, ours=False)
        ours = by_wanted_name(concern, names)
        pools = inputs.get(outputs.NodePools)
        missing = [] if pools is None or self._scope.deleting or cluster.planned else self._without_scale_set(pools)
        if pools and (unlisted := [pool for pool in missing if pool in pools.counts]):
            return Observed(busy=_waits_for_scale_sets(unlisted))
        known = {s["id"].casefold() for s in concern}
        theirs = {target_of(s): str(s["name"]) for s in listed if s["id"].casefold() not in known}
        return Observed(found=Found(group, ours, tuple(missing), theirs), notices=tuple(self._notices()))

    def _without_scale_set(self, pools: outputs.NodePools) -> list[str]:
        return [s.pool for s in self._scope.spec.autoscale if s.pool not in pools.scale_sets]

    def check_health(self, found: Found | None) -> Outcome | None:
        if found is None or not found.without_pool:
            return None
        message = (
            f"The autoscale settings of the agent pools {', '.join(found.without_pool)} wait until these pools exist. Create the pools, or "
            "remove their settings from spec.autoscale"
        )
        waits = not self._scope.planning
        return Deferred(output=self.output(found), reason=Reason.WAITING, message=message, needs_user=waits)

    def _notices(self) -> list[Notice]:
        both = [p.name for p in self._scope.spec.node_pools if p.autoscaling]
        both = [s.pool for s in self._scope.spec.autoscale if s.pool in both]
        if not both:
            return []
        message = (
            f"spec.autoscale and spec.nodePools[].autoscaling both drive the pool {', '.join(both)}. Both are applied, but they "
            "compete, and Microsoft advises against it: remove one of them"
        )
        return [Notice(condition=ConditionType.AUTOSCALERS_COMPETE, reason=Reason.TWO_AUTOSCALERS, message=message)]

    def plan(self, desired: Mapping[str, Wire] | None, found: Found | None) -> Sequence[Change]:
        wanted, ours = desired or {}, found.ours if found else {}
        theirs = found.theirs if found else {}
        changes = [
            Change(path=name, action=Action.CREATE, after=body["properties"], gate=occupied(self._setting(name), body, theirs))
            for name, body in wanted.items()
            if name not in ours
        ]
        for name, body in wanted.items():
            if name in ours:
                merged_body, patch = self._merged(name, body, ours[name]), self._patch(name, body)
                wanted_members = {key: merged_body[key] for key in ("tags", "properties")}
                found_changes = setting_changes(wanted_members, ours[name], name, as_written=_lists_profiles(patch))
                changes += judged(found_changes, patch, ours[name].get("tags"), self._scope.now)
                tags = removed_tags(self._scope.applied.get(self.name), self._scope.tags, ours[name].get("tags"))
                changes += [replace(change, path=f"{name}.{change.path}") for change in tags]
        named = {self._name(setting).casefold() for setting in self._scope.spec.autoscale}
        changes += [Change(path=name, action=Action.DELETE, before=name) for name in ours if name.casefold() not in named]
        return changes

    def _merged(self, name: str, body: Wire, existing: Wire) -> Wire:
        """Return the desired setting over the observed one, which may have what the spec cannot say."""
        setting = self._setting(name)
        members = self._scope.applied_members(self.name)
        drops = f"{setting.pool}{NOTIFICATIONS}" in members and not setting.notifications
        as_written = _lists_profiles(self._patch(name, body))
        listed = was_set(members, f"{setting.pool}/", "properties", "profiles")
        found = existing if as_written else _normal(body, existing)
        return merged_setting(body, found, keeps_dated=not (as_written or listed), drops_emails=drops)

    def _setting(self, name: str) -> Setting:
        return next(s for s in self._scope.spec.autoscale if self._name(s) == name)

    async def apply(self, desired: Mapping[str, Wire] | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert found is not None
        if only_tags(changes):
            async with azure_errors(FIELD):
                for name in dict.fromkeys(change.path.split(".tags.", 1)[0] for change in changes):
                    mine = [change for change in changes if change.path.startswith(f"{name}.tags.")]
                    await write_tags(self._scope.session, found.ours[name]["id"], mine)
            return Ready()
        named = list(dict.fromkeys(change.path.split(".", 1)[0] for change in changes))
        await each(in_order(named, desired or {}, found.ours), lambda write: self._write(*write, found, changes))
        if not found.ours and not found.without_pool:
            return Ready(output=self.planned_output(desired or {}))  # Azure has them when it answers
        return Ready()

    async def _write(self, name: str, body: Wire | None, found: Found, changes: Sequence[Change]) -> None:
        """Write one setting, or delete it where the spec has none (`body` None). Raises StepError."""
        async with azure_errors(FIELD):
            if body is None:
                await self._settings.delete(found.group, name)
            else:
                await self._settings.create_or_update(found.group, name, self._sent(name, body, found, changes))

    def _patch(self, name: str, body: Wire) -> Patch:
        return autoscale_patch(self._setting(name), self._scope.applied.get(self.name), body)

    def _sent(self, name: str, body: Wire, found: Found, changes: Sequence[Change]) -> Wire:
        """Return the body to write, with the tag that counts how often the patch's changes were sent."""
        mine = [change for change in changes if change.path.startswith(f"{name}.")]
        existing = found.ours.get(name)
        if existing is None:
            return {
                **without_absent(body),
                "tags": {**body["tags"], **sent_tag(mine, self._patch(name, body), None, self._scope.now)},
            }
        members = {"tags": existing.get("tags") or {}, "properties": existing.get("properties") or {}}
        written = without_absent(merged(members, mine))
        tags = sent_tag(mine, self._patch(name, body), existing.get("tags"), self._scope.now)
        location = existing.get("location") or body["location"]
        return {**written, "location": location, "tags": {**written["tags"], **tags}}

    def output(self, found: Found | None) -> tuple[str, ...] | None:
        return tuple(found.ours) if found and found.ours else None

    def planned_output(self, desired: Mapping[str, Wire]) -> tuple[str, ...] | None:
        return tuple(desired)

    async def orphan(self, found: Found) -> Outcome:
        return await drop_owners(self._scope.session, FIELD, found.ours.values())

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        async with azure_errors(FIELD):
            for name, setting in found.ours.items():
                if self._scope.owner.owns(setting.get("tags")):
                    await self._settings.delete(found.group, name)
        return Ready()

    @property
    def _settings(self) -> Any:
        return self._scope.session.monitor.autoscale_settings


def _waits_for_scale_sets(pools: Sequence[str]) -> Progressing:
    """Return that pools exist of which Azure lists no scale set: soon after a creation, or permanently where a pool has another type."""
    return Progressing(
        reason=Reason.WAITING,
        message=f"Waiting for the scale sets of {', '.join(pools)}",
        requeue_after=5,
        longest_wait=LONGEST_WAIT,
        stall_after=STALL_AFTER,
        remedy="Remove a pool that has no virtual machine scale set from spec.autoscale.",
    )


def _normal(body: Wire, found: Wire) -> Wire:
    """Return the observed setting with its profiles in the operator's form."""
    properties = found.get("properties") or {}
    profiles = normal_profiles(properties.get("profiles") or (), body["properties"]["profiles"])
    return {**found, "properties": {**properties, "profiles": profiles}}


def _lists_profiles(patch: Patch) -> bool:
    """Return whether the patch gives the profiles: then they are all of them, and written as they stand there."""
    return sets(patch.document, ("properties", "profiles"))
