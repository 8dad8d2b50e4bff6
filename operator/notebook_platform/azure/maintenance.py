"""MaintenanceWindow: AKS's own upgrades run in spec.cluster.maintenanceWindow.

AKS takes one day a week for each of its two schedules, and an offset from UTC instead of a time zone: the first day of the window
is used, and the offset follows daylight saving (https://learn.microsoft.com/azure/aks/planned-maintenance).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from notebook_platform import outputs
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.cache import wire
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Ready, Step, StepError

FIELD = "spec.cluster.maintenanceWindow"
SCHEDULES = ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")

Wire = Mapping[str, Any]


def _spelled(name: str) -> str:
    """Return a schedule's name as AKS's documentation spells it; Azure keeps the case in which it was created."""
    return next((known for known in SCHEDULES if known.casefold() == name.casefold()), name)


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
        try:
            offset = self._scope.now.astimezone(ZoneInfo(window.time_zone)).strftime("%z")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise StepError(
                Reason.TIME_ZONE_UNKNOWN,
                f"{FIELD}.timeZone {window.time_zone!r} is not a name of the tz database",
                "Use one as Europe/Vienna.",
            ) from None
        return {
            "schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": window.days[0]}},
            "durationHours": int(parse_duration(window.duration).total_seconds() // 3600),
            "utcOffset": f"{offset[:3]}:{offset[3:]}",
            "startTime": window.start,
        }

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Mapping[str, Wire]]:
        cluster = inputs.get(outputs.Cluster)
        if self._window is None or cluster is None or not cluster.exists:
            return Observed()
        async with azure_errors(FIELD):
            key = f"{cluster.id.lower()}/maintenanceConfigurations"
            cache, age = self._scope.session.cache, self._scope.max_age
            found = await cache.cached_call(key, self._ask, max_age=age, fresh=fresh)
        return Observed(found=found)

    async def _ask(self) -> dict[str, Wire]:
        listed = self._configurations.list_by_managed_cluster(self._scope.group, self._scope.spec.cluster.name)
        return {_spelled(item.name): wire(item)["properties"].get("maintenanceWindow") or {} async for item in listed}

    def plan(self, desired: Wire | None, found: Mapping[str, Wire] | None) -> Sequence[Change]:
        if desired is None:
            return ()
        changes: list[Change] = []
        for name in SCHEDULES:
            existing = (found or {}).get(name)
            if existing is None:
                changes.append(Change(path=name, action=Action.CREATE, after=desired))
            else:
                changes += compare_wire(desired, existing, name)
        return changes

    async def apply(self, desired: Wire | None, found: Mapping[str, Wire] | None, changes: Sequence[Change]) -> Outcome:
        target = (self._scope.group, self._scope.spec.cluster.name)
        async with azure_errors(FIELD):
            for name in dict.fromkeys(change.path.split(".")[0] for change in changes):
                body = {"properties": {"maintenanceWindow": dict(desired or {})}}
                await self._configurations.create_or_update(*target, name, body)
        return Ready()

    def output(self, found: Mapping[str, Wire] | None) -> tuple[str, ...] | None:
        return tuple(found) if found else None

    async def delete(self, found: Mapping[str, Wire], inputs: Inputs) -> Outcome:
        return Ready()

    @property
    def _configurations(self) -> Any:
        return self._scope.session.container_service.maintenance_configurations
