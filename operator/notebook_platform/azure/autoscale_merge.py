"""An autoscale setting as the spec wants it over the setting as read: what the spec cannot say is kept. Pure.

Kept are webhooks, dimensions, dividePerInstance, a predictive policy, metrics of other resources than scale sets, the e-mail options, the
place of the setting, and profiles for fixed dates, which a user made for one event.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Wire = dict[str, Any]

SCALE_SETS = "/virtualmachinescalesets/"


def merged_setting(body: Wire, found: Mapping[str, Any], *, keeps_dated: bool, drops_emails: bool) -> Wire:
    """Return the body of a write. `found`: the setting with its profiles in the operator's form (`normal_profiles`).

    `keeps_dated`: whether profiles for fixed dates stay; False when a patch lists all profiles. `drops_emails`: the spec had addresses and
    no longer has any.
    """
    wanted, existing = body["properties"], found.get("properties") or {}
    theirs = existing.get("profiles") or ()
    by_name = {profile["name"]: profile for profile in theirs}
    profiles = [_profile(profile, by_name.get(profile["name"]) or {}) for profile in wanted["profiles"]]
    if keeps_dated:
        names = {profile["name"] for profile in profiles}
        profiles += [_present(p) for p in theirs if p.get("fixedDate") and p["name"] not in names]
    properties = {**existing, **wanted, "profiles": profiles}
    notifications = _notifications(wanted.get("notifications"), existing.get("notifications") or (), drops=drops_emails)
    if notifications is not None:
        properties["notifications"] = notifications
    location = found.get("location") or body["location"]
    return {**body, "location": location, "properties": properties}


def _present(document: Mapping[str, Any]) -> Wire:
    return {key: value for key, value in document.items() if value is not None}


def _profile(wanted: Wire, found: Mapping[str, Any]) -> Wire:
    return {**_present(found), **wanted, "rules": _rules(wanted["rules"], found.get("rules") or ())}


def _rules(wanted: Sequence[Wire], found: Sequence[Mapping[str, Any]]) -> list[Wire]:
    """Return the rules, each over the one that it changes: the next with the same metric, operator and direction."""
    left = list(found)
    rules = []
    for rule in wanted:
        same = next((other for other in left if _key(other) == _key(rule)), None)
        if same is not None:
            left.remove(same)
        rules.append(_rule(rule, same or {}))
    return rules


def _key(rule: Mapping[str, Any]) -> tuple[str, ...]:
    trigger, action = rule.get("metricTrigger") or {}, rule.get("scaleAction") or {}
    members = (trigger.get("metricName"), trigger.get("operator"), action.get("direction"))
    return tuple(str(member).casefold() for member in members)


def _rule(wanted: Wire, found: Mapping[str, Any]) -> Wire:
    trigger = {**_present(found.get("metricTrigger") or {}), **wanted["metricTrigger"]}
    about = str((found.get("metricTrigger") or {}).get("metricResourceUri") or "")
    if about and SCALE_SETS not in about.casefold():
        trigger["metricResourceUri"] = about
    action = {**_present(found.get("scaleAction") or {}), **(wanted.get("scaleAction") or {})}
    return {**_present(found), **wanted, "metricTrigger": trigger, **({"scaleAction": action} if action else {})}


def _notifications(wanted: Sequence[Wire] | None, found: Sequence[Mapping[str, Any]], *, drops: bool) -> list[Wire] | None:
    """Return the notifications; None: as they are."""
    if not wanted and not drops:
        return None
    first = dict(found[0]) if found else {}
    addresses = wanted[0]["email"]["customEmails"] if wanted else []
    email = {**(first.get("email") or {}), "customEmails": addresses}
    kept = bool(wanted) or bool(first.get("webhooks"))
    mine = {**first, **(wanted[0] if wanted else {}), "email": email}
    return [*([_present(mine)] if kept else []), *(dict(other) for other in found[1:])]
