"""Autoscale settings in wire form. Pure.

A recurring profile has a beginning and no end: it ends when the default profile that is paired with it begins, which carries the
other's name in its own (https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-multiprofile).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tzlocal.windows_tz import tz_win

from notebook_platform.api.autoscale import Autoscale, AutoscaleCapacity, AutoscaleRule, RecurringProfile
from notebook_platform.api.durations import iso8601, parse_duration
from notebook_platform.api.numbers import json_number
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.bounded.documents import parse_json
from notebook_platform.engine import Action, Change, StepError

FIELD = "spec.autoscale"
PAIRED = "Auto created default scale condition"

Wire = dict[str, Any]


def monitor_time_zone(setting: Autoscale, recurring: RecurringProfile) -> str:
    """Return Azure Monitor's name of a profile's time zone. Raises StepError (TimeZoneUnknown)."""
    zone: str | None = tz_win.get(recurring.time_zone)
    if zone is None:
        raise StepError(
            Reason.TIME_ZONE_UNKNOWN,
            f"{FIELD}[{setting.pool}].recurring[{recurring.name}].timeZone {recurring.time_zone!r} is unknown to Azure Monitor",
            "Use a name of the tz database, such as Europe/Vienna.",
        )
    return zone


def setting_properties(setting: Autoscale, name: str, scale_set: str) -> Wire:
    """Return the properties of a whole setting. Raises StepError (TimeZoneUnknown)."""
    default = _profile("default", setting.capacity, setting.rules, scale_set)
    profiles = [default]
    for recurring in setting.recurring:
        zone = monitor_time_zone(setting, recurring)
        begins = _profile(recurring.name, recurring.capacity, recurring.rules, scale_set)
        ends = {**default, "name": _paired_name(recurring.name)}
        profiles.append({**begins, "recurrence": _weekly(recurring, recurring.start, zone)})
        profiles.append({**ends, "recurrence": _weekly(recurring, recurring.end, zone)})
    emails = setting.notifications.emails if setting.notifications else []
    return {
        "name": name,
        "enabled": setting.enabled,
        "targetResourceUri": scale_set,
        "profiles": profiles,
        **({"notifications": [{"operation": "Scale", "email": {"customEmails": list(emails)}}]} if emails else {}),
    }


def _paired_name(name: str) -> str:
    return json.dumps({"name": PAIRED, "for": name}, separators=(",", ":"))


def ended_by(profile: Mapping[str, Any]) -> str | None:
    """Name of the recurring profile that a default profile ends; None: it is none of those. Other tools put the default
    profile's own name beside it, and write the JSON in their own way."""
    try:
        answer = parse_json(profile["name"])
    except ValueError:
        return None
    return str(answer["for"]) if isinstance(answer, Mapping) and "for" in answer else None


def setting_changes(wanted: Wire, found: Wire, name: str, *, as_written: bool = False) -> list[Change]:
    """Return the differences of the members of `wanted` in an existing setting. Profiles are compared completely, in the operator's form:
    an adopted setting that means the same is up to date. `as_written`: the profiles are a patch's, with names and an order of their own."""
    there = found.get("properties") or {}
    profiles = list(there.get("profiles") or ())
    if not as_written:
        profiles = normal_profiles(profiles, wanted["properties"]["profiles"])
    changes = list(compare_wire(wanted, {**found, "properties": {**there, "profiles": profiles}}, name))
    surplus = profiles[len(wanted["properties"]["profiles"]) :]
    return changes + [Change(path=f"{name}.properties.profiles", action=Action.UPDATE, before=p.get("name")) for p in surplus]


def normal_profiles(found: Sequence[Wire], wanted: Sequence[Wire]) -> list[Wire]:
    """Return observed profiles in the order and under the names that the operator would give equal ones; a plain default
    profile is added where it is present only as the end of recurring ones, as the portal writes it."""
    named = []
    for profile in found:
        ended = ended_by(profile)
        plain = not profile.get("recurrence") and not profile.get("fixedDate")
        named.append({**profile, "name": _paired_name(ended) if ended else "default" if plain else profile["name"]})
    ends = [profile for profile in named if ended_by(profile)]
    if ends and not any(profile["name"] == "default" for profile in named):
        named.insert(0, {**ends[0], "name": "default", "recurrence": None})
    order = [profile["name"] for profile in wanted]
    return sorted(named, key=lambda profile: order.index(profile["name"]) if profile["name"] in order else len(order))


def _profile(name: str, capacity: AutoscaleCapacity, rules: Sequence[AutoscaleRule], scale_set: str) -> Wire:
    bounds = {key: str(value) for key, value in capacity.model_dump().items()}
    return {"name": name, "capacity": bounds, "rules": [rule_body(rule, scale_set) for rule in rules]}


def _weekly(profile: RecurringProfile, at: str, zone: str) -> Wire:
    hour, minute = at.split(":")
    schedule = {"timeZone": zone, "days": list(profile.days), "hours": [int(hour)], "minutes": [int(minute)]}
    return {"frequency": "Week", "schedule": schedule}


def rule_body(rule: AutoscaleRule, scale_set: str) -> Wire:
    """Return a metric rule on the scale set."""
    trigger = {
        "metricName": rule.metric,
        "metricResourceUri": scale_set,
        "timeGrain": iso8601(parse_duration(rule.grain)),
        "statistic": rule.statistic,
        "timeWindow": iso8601(parse_duration(rule.window)),
        "timeAggregation": rule.aggregation,
        "operator": rule.operator,
        "threshold": json_number(rule.threshold),
    }
    if rule.namespace:
        trigger["metricNamespace"] = rule.namespace
    return {
        "metricTrigger": trigger,
        "scaleAction": {
            "direction": "Increase" if rule.change > 0 else "Decrease",
            "type": rule.type,
            "value": str(abs(rule.change)),
            "cooldown": iso8601(parse_duration(rule.cooldown)),
        },
    }
