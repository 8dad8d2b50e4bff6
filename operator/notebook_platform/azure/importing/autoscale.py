"""Convert settings of Azure Monitor to items of spec.autoscale. Pure.

A setting is described in fields if they would write the same profiles again, else with its profiles in a patch. One that neither can say
stays out of the spec, so that the operator leaves it alone.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from isodate import parse_duration
from pydantic import ValidationError
from tzlocal.windows_tz import win_tz

from notebook_platform.api.autoscale import Autoscale
from notebook_platform.api.numbers import wire_decimal
from notebook_platform.azure.autoscale_body import ended_by, setting_changes, setting_properties
from notebook_platform.azure.autoscale_patch import patched_setting
from notebook_platform.azure.importing.describe import Spec, Wire, chosen
from notebook_platform.engine import StepError


class NotDescribed(Exception):
    """spec.autoscale cannot hold a setting. The text is a clause that says why."""


def describe_autoscale(setting: Wire, pool: str) -> Spec:
    """Return one item of spec.autoscale; what it has no field for is in its patch. Raises NotDescribed."""
    predictive = _predictive(setting["properties"])
    try:
        found = _in_fields(setting, pool)
    except NotDescribed as why:
        return _in_a_patch(setting, pool, predictive, why)
    return {**found, **({"patch": {"properties": predictive}} if predictive else {})}


def _predictive(properties: Wire) -> Spec:
    """Return the members of a patch for a predictive policy that is on."""
    policy = {name: value for name, value in (properties.get("predictiveAutoscalePolicy") or {}).items() if value is not None}
    return {"predictiveAutoscalePolicy": policy} if policy.get("scaleMode", "Disabled") != "Disabled" else {}


def _in_a_patch(setting: Wire, pool: str, predictive: Spec, why: NotDescribed) -> Spec:
    """Return an item whose patch lists the profiles as they are. Raises `why` if that would not leave the setting as it is."""
    properties = setting["properties"]
    profiles = [_plain(profile) for profile in properties.get("profiles") or ()]
    usual = next((p for p in profiles if not p.get("fixedDate") and not p.get("recurrence")), profiles[0] if profiles else None)
    try:
        found = chosen(
            pool=pool,
            name=setting["name"],
            enabled=False if properties.get("enabled") is False else None,
            capacity={key: int(value) for key, value in (usual or {})["capacity"].items()},
            **_emails(properties),
        )
        target = str(properties["targetResourceUri"])
        found["patch"] = {"properties": {"profiles": [_without_target(profile, target) for profile in profiles], **predictive}}
        model = Autoscale.model_validate(found)
        body = {"location": setting.get("location"), "properties": setting_properties(model, setting["name"], target)}
        wanted = patched_setting(model, body, setting["name"], target)["properties"]
    except (KeyError, TypeError, ValueError, AttributeError, StepError):
        raise why from None
    if [*setting_changes({"properties": wanted}, dict(setting), "", as_written=True)]:
        raise why
    return found


def _plain(document: Any) -> Any:
    """Return a document without members that are null."""
    if isinstance(document, Mapping):
        return {name: _plain(value) for name, value in document.items() if value is not None}
    return [_plain(item) for item in document] if isinstance(document, list) else document


def _without_target(profile: Spec, target: str) -> Spec:
    """Return a profile whose rules about the pool's own scale set do not name it: another pool of the same name has another one."""
    rules = []
    for rule in profile.get("rules") or ():
        trigger = rule["metricTrigger"]
        if str(trigger.get("metricResourceUri", "")).casefold() == target.casefold():
            trigger = {name: value for name, value in trigger.items() if name != "metricResourceUri"}
        rules.append({**rule, "metricTrigger": trigger})
    return {**profile, "rules": rules}


def _emails(properties: Wire) -> Spec:
    notifications = properties.get("notifications") or ()
    found = [address for n in notifications for address in ((n or {}).get("email") or {}).get("customEmails") or ()]
    return {"notifications": {"emails": list(dict.fromkeys(found))}} if found else {}


def _in_fields(setting: Wire, pool: str) -> Spec:
    """Return the item that says the setting in fields alone. Raises NotDescribed."""
    properties = setting["properties"]
    profiles = {profile["name"]: profile for profile in properties.get("profiles") or ()}
    if dated := [name for name, profile in profiles.items() if profile.get("fixedDate")]:
        raise NotDescribed(f"it has profiles with a fixed date: {', '.join(dated)}")
    ends = {ended: profile for profile in profiles.values() if (ended := ended_by(profile))}
    default = next((p for p in profiles.values() if not p.get("recurrence")), None) or next(iter(ends.values()), None)
    if default is None:
        raise NotDescribed("it has no default profile")
    recurring = {name: p for name, p in profiles.items() if p.get("recurrence") and ended_by(p) is None}
    if endless := [name for name in recurring if name not in ends]:
        raise NotDescribed(f"it has recurring profiles without an end: {', '.join(endless)}")
    try:
        found = chosen(
            pool=pool,
            name=setting["name"],
            enabled=False if properties.get("enabled") is False else None,
            **_bounds(default),
            recurring=[_recurring(profile, ends[name]) for name, profile in recurring.items()],
            **_emails(properties),
        )
        _check(found, setting)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise NotDescribed(f"its profiles cannot be read ({type(error).__name__}: {error})") from None
    return found


def _check(found: Spec, setting: Wire) -> None:
    """Raise NotDescribed unless the description means the profiles that the setting has."""
    try:
        model = Autoscale.model_validate(found)
        wanted = {"properties": setting_properties(model, setting["name"], setting["properties"]["targetResourceUri"])}
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise NotDescribed(f"spec.autoscale refuses it ({problems})") from None
    except StepError as error:
        raise NotDescribed(error.failed.message) from None
    if late := [p.name for p in model.recurring if p.start >= p.end]:
        raise NotDescribed(f"it has profiles that go past midnight: {', '.join(late)}")
    if differs := [change.path.removeprefix(".") for change in setting_changes(wanted, dict(setting), "")]:
        raise NotDescribed(f"the spec cannot express its {', '.join(differs[:3])}")


def _bounds(profile: Wire) -> Spec:
    capacity = {key: int(value) for key, value in profile["capacity"].items()}
    return {"capacity": capacity, "rules": [describe_rule(rule) for rule in profile.get("rules") or ()]}


def _recurring(profile: Wire, end: Wire) -> Spec:
    begins, ends = profile["recurrence"]["schedule"], end["recurrence"]["schedule"]
    return chosen(
        name=profile["name"],
        days=list(begins["days"]),
        start=f"{begins['hours'][0]:02}:{begins['minutes'][0]:02}",
        end=f"{ends['hours'][0]:02}:{ends['minutes'][0]:02}",
        timeZone=_zone(begins["timeZone"]),
        **_bounds(profile),
    )


def _zone(name: str) -> str:
    if name not in win_tz:
        raise NotDescribed(f"its time zone {name!r} is unknown")
    return win_tz[name]


def describe_rule(rule: Wire) -> Spec:
    """Return one metric rule."""
    trigger, action = rule["metricTrigger"], rule["scaleAction"]
    sign = 1 if action["direction"] == "Increase" else -1
    value = action.get("value")
    return chosen(
        metric=trigger["metricName"],
        namespace=trigger.get("metricNamespace"),
        statistic=trigger["statistic"],
        aggregation=trigger["timeAggregation"],
        grain=_duration(trigger["timeGrain"]),
        operator=trigger["operator"],
        window=_duration(trigger["timeWindow"]),
        type=action["type"],
        change=sign * int(float(1 if value is None else value)),
        cooldown=_duration(action["cooldown"]),
    ) | {"threshold": wire_decimal(trigger["threshold"])}


def _duration(value: Any) -> str:
    """Convert `PT10M` (or what an SDK model makes of it) to `10m`."""
    length = value if isinstance(value, timedelta) else parse_duration(str(value))
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
