"""MaintenanceWindow: AKS's own upgrades run in spec.cluster.maintenanceWindow.

AKS takes one day of the week or every day for each of its two schedules, so a window of several days names the one for AKS. It takes an
offset from UTC instead of a time zone, and the operator's offset follows daylight saving. The default configuration (`timeInWeek`), for
AKS's weekly releases, is left alone. https://learn.microsoft.com/azure/aks/planned-maintenance
"""

from collections.abc import Mapping, Sequence
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.durations import parse_duration
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import wire
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.last_applied import WINDOW
from notebook_platform.azure.schedules import check_time_zone
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Ready, Step
from notebook_platform.engine.change import merged

FIELD = "spec.cluster.maintenanceWindow"
EVERY_DAY = 7
SCHEDULES = ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")

Wire = Mapping[str, Any]


class Maintenance(Step[Wire, Mapping[str, Wire], tuple[str, ...]]):
    """The desired state is the window in AKS's form, the observed one AKS's schedules by name."""

    name = "MaintenanceWindow"
    needs = (outputs.Cluster,)
    deleted_with = outputs.Cluster
    cacheable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope
        self._window = scope.spec.cluster.maintenance_window

    def desired(self, inputs: Inputs) -> Wire | None:
        cluster = inputs.get(outputs.Cluster)
        window = self._window
        if window is None or cluster is None or not cluster.exists:
            return None
        offset = self._scope.now.astimezone(check_time_zone(window.time_zone, FIELD)).strftime("%z")
        every_day = len(set(window.days)) == EVERY_DAY and window.auto_upgrade_day is None
        weekly = {"weekly": {"dayOfWeek": window.auto_upgrade_day or window.days[0]}}
        schedule = {"daily": {"intervalDays": 1}} if every_day else weekly
        return {
            "schedule": schedule,
            "durationHours": int(parse_duration(window.duration).total_seconds() // 3600),
            "utcOffset": f"{offset[:3]}:{offset[3:]}",
            "startTime": window.start,
        }

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Mapping[str, Wire]]:
        cluster = inputs.get(outputs.Cluster)
        if cluster is None or not cluster.exists or not (self._window or self._was_applied):
            return Observed()
        async with azure_errors(FIELD):
            key = f"{cluster.id.lower()}/maintenanceConfigurations"
            cache, age = self._scope.cache, self._scope.max_age
            found = await cache.cached_call(key, self._ask, max_age=age, fresh=fresh)
        return Observed(found=found)

    async def _ask(self) -> dict[str, Wire]:
        listed = self._configurations.list_by_managed_cluster(self._scope.group, self._scope.spec.cluster.name)
        return {item.name: wire(item)["properties"] async for item in listed}

    @property
    def _was_applied(self) -> bool:
        return WINDOW in self._scope.applied_members(self.name)

    def varying(self, desired: Wire) -> Mapping[str, str]:
        return {f"{name}.utcOffset": desired["utcOffset"] for name in SCHEDULES}  # changes with daylight saving time

    def plan(self, desired: Wire | None, found: Mapping[str, Wire] | None) -> Sequence[Change]:
        by_name = {name.casefold(): name for name in found or {}}
        changes: list[Change] = []
        for schedule in SCHEDULES:
            name = by_name.get(schedule.casefold())
            existing = (found or {})[name] if name else None
            if desired is None:
                changes += _removal(name, existing)
            elif name is None or existing is None:
                changes.append(Change(path=schedule, action=Action.CREATE, after=desired))
            else:
                changes += _differences(name, desired, existing.get("maintenanceWindow") or {})
        return changes

    async def apply(self, desired: Wire | None, found: Mapping[str, Wire] | None, changes: Sequence[Change]) -> Outcome:
        target = (self._scope.group, self._scope.spec.cluster.name)
        async with azure_errors(FIELD):
            for name in dict.fromkeys(change.path.split(".")[0] for change in changes):
                if desired is None:
                    await self._configurations.delete(*target, name)
                    continue
                existing = (found or {}).get(name, {})
                mine = [change for change in changes if change.path.split(".")[0] == name and change.keys]
                window = merged(existing.get("maintenanceWindow") or {}, mine) if mine else _new(desired)
                body = {"properties": {**existing, "maintenanceWindow": window}}
                await self._configurations.create_or_update(*target, name, body)
        return Ready()

    def output(self, found: Mapping[str, Wire] | None) -> tuple[str, ...] | None:
        return tuple(found) if found else None

    async def delete(self, found: Mapping[str, Wire], inputs: Inputs) -> Outcome:
        return Ready()

    @property
    def _configurations(self) -> Any:
        return self._scope.session.container_service.maintenance_configurations


def _differences(name: str, desired: Wire, existing: Wire) -> list[Change]:
    """Return the differences of one window. The interval is left as it is, and so is what the spec cannot say: dates on which nothing
    may be upgraded, and the date from which the window counts."""
    wanted, kinds = desired["schedule"], {kind for kind, value in (existing.get("schedule") or {}).items() if value}
    rest = {key: value for key, value in desired.items() if key != "schedule"}
    changes = list(compare_wire(rest, {"utcOffset": "+00:00", **existing}, name))
    if kinds == wanted.keys():
        changes += compare_wire({"schedule": _without_interval(wanted)}, existing, name)
    else:  # a window has one kind of schedule
        schedule = _new(desired)["schedule"]
        path, before = f"{name}.schedule", existing.get("schedule")
        changes.append(Change(path=path, action=Action.UPDATE, before=before, after=schedule, keys=("schedule",)))
    return changes


def _without_interval(schedule: Wire) -> Wire:
    return {kind: {key: value for key, value in rule.items() if key != "intervalDays"} for kind, rule in schedule.items()}


def _new(desired: Wire) -> dict[str, Any]:
    """Return a window that is created: every week."""
    weekly = desired["schedule"].get("weekly")
    return {**desired, **({"schedule": {"weekly": {"intervalWeeks": 1, **weekly}}} if weekly else {})}


def _removal(name: str | None, existing: Wire | None) -> list[Change]:
    """Return the removal of a window that the spec had; one with dates of another author on which nothing may be upgraded stays."""
    window = (existing or {}).get("maintenanceWindow") or {}
    if name is None or window.get("notAllowedDates"):
        return []
    return [Change(path=name, action=Action.DELETE, before=window.get("schedule"))]
