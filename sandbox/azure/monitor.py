"""Microsoft.Insights: autoscale settings, and the Monitor that acts on them.

https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-understanding-settings
"""

import asyncio
import operator
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.nodes import cluster_of_scale_set, resize
from sandbox.azure.world import World

BASE = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Insights/autoscaleSettings"
TYPE = "microsoft.insights/autoscalesettings"
EVERY = 60.0
"""Simulated seconds between evaluations."""

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}
AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda v: sum(v) / len(v),
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Count": lambda v: float(len(v)),
    "Last": lambda v: v[-1],
}


class Monitor:
    """Keeps the settings and evaluates them on a timer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        routes.add("GET", BASE, self.in_group)
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.Insights/autoscaleSettings", self.list_all)
        routes.add("GET PUT PATCH DELETE", f"{BASE}/{{name}}", self.one)

    async def in_group(self, call: Call) -> Answer:
        """The settings of a group."""
        return Answer({"value": [s.body for s in self._world.store.under(self._world.group(call).id, TYPE)]})

    async def list_all(self, call: Call) -> Answer:
        """The settings of a subscription."""
        return Answer({"value": [s.body for s in self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)]})

    async def one(self, call: Call) -> Answer:
        """One setting."""
        group = self._world.group(call, writing=call.method == "PUT")
        id_ = f"{group.id}/providers/microsoft.insights/autoscalesettings/{call['name']}"
        old = self._world.store.get(id_)
        if call.method == "DELETE":
            self._world.store.remove(id_)
            return Answer(None, 200 if old else 204)
        if call.method == "GET":
            return Answer(self._world.resource(id_).body)
        return self._put(call, id_, old)

    def _put(self, call: Call, id_: str, old: Resource | None) -> Answer:
        given = call.body["properties"]
        target = given.get("targetResourceUri") or ""
        if self._world.store.get(target) is None:
            raise ArmError(400, "BadRequest", f"The target resource '{target}' was not found.")
        for other in self._world.store.under("/subscriptions", TYPE):
            same = other.body["properties"].get("targetResourceUri", "").lower() == target.lower()
            if same and other.id.lower() != id_.lower():
                message = f"The autoscale setting '{other.body['name']}' exists already for the resource '{target}'."
                raise ArmError(409, "Conflict", message)
        if not 1 <= len(given.get("profiles") or ()) <= 20:
            raise ArmError(400, "BadRequest", "A setting has 1 to 20 profiles.")
        body = {
            "name": call["name"],
            "type": "Microsoft.Insights/autoscaleSettings",
            "location": call.body["location"],
            "tags": call.body.get("tags") or {},
            "properties": {"enabled": False, "notifications": None, **given, "targetResourceLocation": call.body["location"]},
        }
        return Answer(self._world.store.put(id_, body).body, 200 if old else 201)

    def start(self) -> None:
        """Begin to evaluate."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._world.clock.sleep(EVERY)
            for setting in list(self._world.store.under("/subscriptions", TYPE)):
                if setting.body["properties"].get("enabled"):
                    await self.evaluate(setting)

    async def evaluate(self, setting: Resource) -> None:
        """Look once at one setting: out when any rule says so, in only when all rules that could agree."""
        properties = setting.body["properties"]
        behind = cluster_of_scale_set(self._world, properties["targetResourceUri"])
        if behind is None or behind[1].body["properties"]["provisioningState"] != "Succeeded":
            return
        cluster, pool = behind
        count = int(pool.body["properties"]["count"])
        profile = profile_at(properties["profiles"], self._world.clock.now())
        low, high = int(profile["capacity"]["minimum"]), int(profile["capacity"]["maximum"])
        wanted = min(max(self._wanted(setting, profile["rules"], count), low), high)
        if wanted != count:
            self._last[setting.id] = self._world.clock.now()
            await resize(self._world, cluster, pool, wanted)

    def _wanted(self, setting: Resource, rules: list[dict[str, Any]], count: int) -> int:
        out = [r for r in rules if r["scaleAction"]["direction"] == "Increase"]
        into = [r for r in rules if r["scaleAction"]["direction"] == "Decrease"]
        grown = [_moved(r, count) for r in out if self._fires(r) and self._rested(setting, r)]
        if grown:
            return max(grown)
        if into and all(self._fires(r) and self._rested(setting, r) for r in into):
            shrunk = max(_moved(r, count) for r in into)
            if not any(self._would_fire(r, count, shrunk) for r in out):
                return shrunk
        return count

    def _value(self, rule: dict[str, Any]) -> float | None:
        trigger = rule["metricTrigger"]
        series = self._world.series.get((trigger["metricResourceUri"].lower(), trigger["metricName"]))
        if not series:
            return None
        now = self._world.clock.now()
        minutes = max(1, int(_seconds(trigger["timeWindow"]) // 60))
        samples = []
        for back in range(minutes):
            moment = now - timedelta(minutes=back)
            known = [value for when, value in series if when <= moment]
            if known:
                samples.append(known[-1])
        if len(samples) < minutes:
            return None
        return AGGREGATIONS[trigger.get("timeAggregation", "Average")](samples[::-1])

    def _fires(self, rule: dict[str, Any]) -> bool:
        value, trigger = self._value(rule), rule["metricTrigger"]
        return value is not None and OPERATORS[trigger["operator"]](value, float(trigger["threshold"]))

    def _would_fire(self, rule: dict[str, Any], count: int, after: int) -> bool:
        """Flapping guard: the same load on fewer nodes must not at once ask for more."""
        value, trigger = self._value(rule), rule["metricTrigger"]
        return (
            value is not None and after > 0 and OPERATORS[trigger["operator"]](value * count / after, float(trigger["threshold"]))
        )

    def _rested(self, setting: Resource, rule: dict[str, Any]) -> bool:
        last = self._last.get(setting.id)
        rest = timedelta(seconds=_seconds(rule["scaleAction"]["cooldown"]))
        return last is None or self._world.clock.now() - last >= rest

    async def close(self) -> None:
        """Stop evaluating."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def profile_at(profiles: Sequence[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """The profile in force: one for fixed dates before the recurring one that began last, before the plain one.

    https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-multiprofile
    """
    for profile in profiles:
        dates = profile.get("fixedDate")
        if dates:
            zone = ZoneInfo(win_tz.get(dates.get("timeZone", "UTC"), "UTC"))
            start, end = (datetime.fromisoformat(dates[key]).replace(tzinfo=zone) for key in ("start", "end"))
            if start <= now <= end:
                return profile
    begun = [(_last_start(p["recurrence"]["schedule"], now), place) for place, p in enumerate(profiles) if p.get("recurrence")]
    if begun:
        return profiles[max(begun)[1]]
    return next((p for p in profiles if not p.get("fixedDate")), profiles[0])


def _last_start(schedule: dict[str, Any], now: datetime) -> datetime:
    """When a weekly recurrence began last."""
    local = now.astimezone(ZoneInfo(win_tz.get(schedule["timeZone"], "UTC")))
    for back in range(8):
        day = (local - timedelta(days=back)).date()
        start = datetime(day.year, day.month, day.day, schedule["hours"][0], schedule["minutes"][0], tzinfo=local.tzinfo)
        if start <= local and day.strftime("%A") in schedule["days"]:
            return start
    raise ValueError(f"never began: {schedule}")


def _moved(rule: dict[str, Any], count: int) -> int:
    action = rule["scaleAction"]
    value, sign = float(action["value"]), 1 if action["direction"] == "Increase" else -1
    if action["type"] == "ExactCount":
        return int(value)
    if action["type"] == "PercentChangeCount":
        return count + sign * max(1, round(count * value / 100))
    return count + sign * int(value)


def _seconds(duration: str) -> float:
    """PT10M -> 600."""
    units = {"D": 86400, "H": 3600, "M": 60, "S": 1}
    return float(sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([DHMS])", duration)))
