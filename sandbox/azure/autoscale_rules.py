"""What Azure Monitor refuses: a pure check of an autoscale setting's properties.

Limits: https://learn.microsoft.com/rest/api/monitor/autoscale-settings/create-or-update
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sandbox.azure.autoscale import AGGREGATIONS, CHANGES, OPERATORS, SIGNS, STATISTICS, length, zone_of
from sandbox.azure.core.errors import ArmError

Wire = Mapping[str, Any]

MOST_PROFILES, MOST_RULES = 20, 10
LENGTHS = {
    ("metricTrigger", "timeGrain"): (timedelta(minutes=1), timedelta(hours=12)),
    ("metricTrigger", "timeWindow"): (timedelta(minutes=5), timedelta(hours=12)),
    ("scaleAction", "cooldown"): (timedelta(minutes=1), timedelta(weeks=1)),
}
WORDS: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("metricTrigger", "statistic"): STATISTICS,
    ("metricTrigger", "timeAggregation"): AGGREGATIONS,
    ("metricTrigger", "operator"): OPERATORS,
    ("scaleAction", "direction"): {**SIGNS, "None": 0},
    ("scaleAction", "type"): CHANGES,
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _refused(what: str, target: str) -> ArmError:
    return ArmError(400, "BadRequest", f"The autoscale setting is invalid: {what}.", target=target)


def check_setting(properties: Wire) -> None:
    """Raises ArmError for what cannot be evaluated."""
    profiles: Sequence[Wire] = properties.get("profiles") or ()
    if not 1 <= len(profiles) <= MOST_PROFILES:
        raise _refused(f"a setting has 1 to {MOST_PROFILES} profiles, not {len(profiles)}", "profiles")
    plain = [p["name"] for p in profiles if not p.get("fixedDate") and not p.get("recurrence")]
    if len(plain) > 1:
        raise _refused(f"only one profile can be without fixedDate and recurrence, not {', '.join(plain)}", "profiles")
    for place, profile in enumerate(profiles):
        _check_profile(profile, f"profiles[{place}]")


def _check_profile(profile: Wire, where: str) -> None:
    capacity = profile["capacity"]
    low, default, high = (_number(capacity, key, f"{where}.capacity") for key in ("minimum", "default", "maximum"))
    if not 0 <= low <= default <= high:
        what = f"minimum {low}, default {default} and maximum {high} must rise"
        raise _refused(what, f"{where}.capacity")
    rules = profile.get("rules") or ()
    if len(rules) > MOST_RULES:
        raise _refused(f"a profile has at most {MOST_RULES} rules, not {len(rules)}", f"{where}.rules")
    for place, rule in enumerate(rules):
        _check_rule(rule, f"{where}.rules[{place}]")
    if dates := profile.get("fixedDate"):
        _zone(dates, f"{where}.fixedDate")
        start, end = (datetime.fromisoformat(dates[key]) for key in ("start", "end"))
        if not timedelta(0) < end - start <= timedelta(days=365):
            raise _refused("a fixed date ends after it starts, within 365 days", f"{where}.fixedDate")
    if recurrence := profile.get("recurrence"):
        _check_recurrence(recurrence, f"{where}.recurrence")


def _check_recurrence(recurrence: Wire, where: str) -> None:
    schedule = recurrence["schedule"]
    if recurrence["frequency"] != "Week":
        raise _refused(f"frequency {recurrence['frequency']} is not supported, only Week", f"{where}.frequency")
    _zone(schedule, f"{where}.schedule")
    allowed: Mapping[str, Callable[[Any], bool]] = {
        "days": lambda day: day in DAYS,
        "hours": lambda hour: 0 <= hour <= 23,
        "minutes": lambda minute: 0 <= minute <= 59,
    }
    for key, good in allowed.items():
        values = schedule.get(key) or ()
        if not values or not all(good(value) for value in values):
            raise _refused(f"{key} cannot be {values}", f"{where}.schedule.{key}")


def _check_rule(rule: Wire, where: str) -> None:
    for (part, key), words in WORDS.items():
        if rule[part].get(key) not in words:
            raise _refused(f"{key} is one of {', '.join(words)}, not {rule[part].get(key)}", f"{where}.{part}.{key}")
    for (part, key), (least, most) in LENGTHS.items():
        try:
            given = length(rule[part][key])
        except (KeyError, ValueError):
            raise _refused(f"{key} is a duration of ISO 8601", f"{where}.{part}.{key}") from None
        if not least <= given <= most:
            raise _refused(f"{key} {rule[part][key]} is not between {least} and {most}", f"{where}.{part}.{key}")


def _number(values: Wire, key: str, where: str) -> int:
    try:
        return int(values[key])
    except (KeyError, ValueError):
        raise _refused(f"{key} is a whole number", f"{where}.{key}") from None


def _zone(values: Wire, where: str) -> None:
    try:
        zone_of(values.get("timeZone"))
    except KeyError:
        raise _refused(f"the time zone {values['timeZone']} is not known", f"{where}.timeZone") from None
