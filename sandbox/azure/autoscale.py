"""What Azure Monitor's autoscale decides at a moment: which profile is in force, which rules fire, how many instances follow. Pure.

https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-understanding-settings
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-flapping
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-multiprofile
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import isodate
from tzlocal.windows_tz import win_tz

Wire = Mapping[str, Any]
Series = Sequence[tuple[datetime, float]]
"""What a metric was from each moment on, in order of time."""

SAMPLE = timedelta(minutes=1)
"""How often a platform metric is emitted."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}
STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda v: sum(v) / len(v),
    "Min": min,
    "Max": max,
    "Sum": sum,
    "Count": lambda v: float(len(v)),
}
"""How the samples within one time grain become one value."""
AGGREGATIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": STATISTICS["Average"],
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Count": STATISTICS["Count"],
    "Last": lambda v: v[-1],
}
"""How the values of a time window become one."""
CHANGES: Mapping[str, Callable[[int, float, int], int]] = {
    "ChangeCount": lambda count, value, sign: count + sign * int(value),
    "PercentChangeCount": lambda count, value, sign: count + sign * max(1, round(count * value / 100)),
    "ExactCount": lambda count, value, sign: max(count, int(value)) if sign > 0 else min(count, int(value)),
    "ServiceAllowedNextValue": lambda count, value, sign: count + sign,
}
"""Instances after a scale action, from those before, the action's value, and 1 (out) or -1 (in)."""
SIGNS = {"Increase": 1, "Decrease": -1}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Input of one evaluation. `acted`: when it last changed this resource; `series` by (resource in lower case, metric)."""

    now: datetime
    count: int
    acted: datetime | None = None
    series: Mapping[tuple[str, str], Series] = field(default_factory=dict)


def wanted(profile: Wire, scene: Scene) -> int:
    """How many instances there are to be.

    Out when any rule says so, by the one that goes furthest; in only when all rules for it agree, by the one that goes least far,
    and never so far that a rule for out would fire on what is left. A metric that cannot be read counts for the default. Never
    below the minimum or above the maximum.
    """
    capacity, rules = profile["capacity"], profile.get("rules") or ()
    low, high = int(capacity["minimum"]), int(capacity["maximum"])
    out, into = (_of(rules, direction) for direction in SIGNS)
    counts = [changed(rule, scene.count) for rule in out if fires(rule, scene) and rested(rule, scene)]
    if any(value_of(rule, scene) is None for rule in (*out, *into)):
        counts.append(int(capacity["default"]))
    aim = max([scene.count, *counts])
    if aim == scene.count and into and all(fires(rule, scene) and rested(rule, scene) for rule in into):
        aim = _without_flapping(out, scene, max(low, *(changed(rule, scene.count) for rule in into)))
    return min(max(aim, low), high)


def _of(rules: Sequence[Wire], direction: str) -> list[Wire]:
    return [rule for rule in rules if rule["scaleAction"]["direction"] == direction]


def _without_flapping(out: Sequence[Wire], scene: Scene, target: int) -> int:
    """The count nearest to the target on which, with the same load, no rule for out fires; as it is when there is none."""
    return next((n for n in range(target, scene.count) if not any(fires(rule, scene, n) for rule in out)), scene.count)


def fires(rule: Wire, scene: Scene, count: int | None = None) -> bool:
    """Whether the metric is past the threshold; on `count` instances, if given, that share the load of those there are."""
    value, trigger = value_of(rule, scene), rule["metricTrigger"]
    if value is None:
        return False
    if count is not None:
        value = value * scene.count / max(count, 1)
    return OPERATORS[trigger["operator"]](value, float(trigger["threshold"]))


def rested(rule: Wire, scene: Scene) -> bool:
    """Whether the rule's cooldown has passed since the last scale action, whichever it was."""
    return scene.acted is None or scene.now - scene.acted >= length(rule["scaleAction"]["cooldown"])


def changed(rule: Wire, count: int) -> int:
    """Instances after the rule's scale action; never against its direction."""
    action = rule["scaleAction"]
    return CHANGES[action["type"]](count, float(action.get("value") or 1), SIGNS[action["direction"]])


def value_of(rule: Wire, scene: Scene) -> float | None:
    """The metric over the rule's window; None when the series does not reach back so far.

    The window is cut into time grains, newest last; `statistic` makes one value of the samples in a grain, `timeAggregation` one of
    the grains. With `dividePerInstance` it is then shared out among the instances.
    """
    trigger = rule["metricTrigger"]
    series = scene.series.get((trigger["metricResourceUri"].lower(), trigger["metricName"])) or ()
    grain = max(1, length(trigger["timeGrain"]) // SAMPLE)
    grains = max(1, length(trigger["timeWindow"]) // SAMPLE // grain)
    moments = [scene.now - SAMPLE * back for back in reversed(range(grain * grains))]
    if not series or series[0][0] > moments[0]:
        return None
    samples = [next(value for when, value in reversed(series) if when <= moment) for moment in moments]
    statistic = STATISTICS[trigger.get("statistic", "Average")]
    cut = [statistic(samples[start : start + grain]) for start in range(0, len(samples), grain)]
    value = AGGREGATIONS[trigger.get("timeAggregation", "Average")](cut)
    return value / max(scene.count, 1) if trigger.get("dividePerInstance") else value


def profile_at(profiles: Sequence[Wire], now: datetime) -> Wire:
    """The profile in force: the first for fixed dates that fits, before the recurring one that began last, before the plain one.

    A recurring profile has no end: it ends when another begins, as the default profile that is paired with it.
    """
    for profile in profiles:
        if dates := profile.get("fixedDate"):
            start, end = (_local(dates[key], dates.get("timeZone")) for key in ("start", "end"))
            if start <= now <= end:
                return profile
    begun = [(last_start(p["recurrence"]["schedule"], now), place) for place, p in enumerate(profiles) if p.get("recurrence")]
    if begun:
        return profiles[max(begun)[1]]
    return next((p for p in profiles if not p.get("fixedDate")), profiles[0])


def last_start(schedule: Wire, now: datetime) -> datetime:
    """When a weekly schedule began last: on each of its days, at each of its hours and minutes."""
    zone = zone_of(schedule.get("timeZone"))
    today = now.astimezone(zone).date()
    days = [day for back in range(8) if f"{(day := today - timedelta(days=back)):%A}" in schedule["days"]]
    starts = [
        datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
        for day, hour, minute in product(days, schedule["hours"], schedule["minutes"])
    ]
    return max(start for start in starts if start <= now)


def zone_of(name: str | None) -> ZoneInfo:
    """A time zone by the name that Windows has for it. Raises KeyError for any other."""
    return ZoneInfo(win_tz[name or "UTC"])


def _local(text: str, zone: str | None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone_of(zone))


def length(duration: str) -> timedelta:
    """PT10M -> ten minutes. Raises isodate.ISO8601Error, ValueError."""
    parsed = isodate.parse_duration(duration)
    if not isinstance(parsed, timedelta):
        raise ValueError(f"{duration} has no fixed length")
    return parsed
