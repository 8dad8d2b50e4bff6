"""Allow rules: the fields of a sign-in that say who may use the hub. Pure.

From chart 3 on (OAuthenticator 16) they are alternatives: whoever one of them names may sign in. The authenticators of older charts read
them as conditions that all have to hold, take an empty list of users for everybody, and read administrators' groups only for members of
allowed groups. So a rule alone is written in the form that closes the hub, and a combination that an older chart cannot express is refused.
https://oauthenticator.readthedocs.io/en/latest/reference/changelog.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.api.hubs import Auth, Dummy, OAuth, WhoMay
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.hubs.chart.versions import rules_are_alternatives
from notebook_platform.hubs.field_paths import HubFields
from notebook_platform.versions import Version, parse

FieldValues = Mapping[str, Any]

GROUPS_BEGIN: Version = (1, 0)
DUMMY_CLOSES: Version = (4, 0)
"""Older charts cannot close the sign-in with a shared password but by names."""

NAMES = ("allowedUsers", "adminUsers")
OTHERS = ("allowedGroups", "adminGroups", "allowedOrganizations")


def allow_rules(member: str, who: WhoMay, auth: Auth, version: str, fields: HubFields) -> FieldValues:
    """Return the rows of the allow rules of a sign-in (`member`: oidc, entra, github, dummy); None: not set. Raises StepError
    (AllowRulesNotCombined, SignInOpen) for what a chart of this version cannot express."""
    older = not rules_are_alternatives(version)
    if auth.dummy:
        _check_dummy(auth.dummy, version, fields)
    elif older:
        _check_older(member, who, version, fields)
    admins, allowed, admin_groups = _sorted(who, "admin_users"), _sorted(who, "allowed_users"), _sorted(who, "admin_groups")
    groups = _sorted(who, "allowed_groups")
    everybody = who.allow_all or bool(auth.dummy and not allowed and not who.allow_existing_users)
    closed = older and isinstance(who, OAuth) and not (who.allow_all or allowed)
    closes = bool(auth.dummy) and parse(version) >= DUMMY_CLOSES  # JupyterHub admits known users by default when some are named
    rows: dict[str, Any] = {
        ".adminUsers": admins or None,
        ".adminUsers#role": None if admin_groups else admins or None,
        ".allowedUsers": None if who.allow_all else allowed or None,
        ".allowedUsers#closed": admins or None if closed else None,
        ".blockedUsers": _sorted(who, "blocked_users") or None,
        ".allowAll": True if everybody else False if auth.dummy and not allowed else None,
        ".allowExistingUsers": True if who.allow_existing_users else False if closes and allowed else None,
        ".allowedGroups": None if who.allow_all else groups or None,
        ".adminGroups": admin_groups or None,
        ".adminGroups#allowed": sorted({*groups, *admin_groups}) if older and admin_groups else None,
    }
    absent: tuple[str, ...] = () if hasattr(who, "admin_groups") else (".allowedGroups", ".adminGroups", ".adminGroups#allowed")
    absent += () if isinstance(who, OAuth) else (".allowedUsers#closed",)
    return {f"auth.{member}{name}": value for name, value in rows.items() if name not in absent}


def _sorted(who: WhoMay, name: str) -> list[str]:
    return sorted(set(getattr(who, name, ())))


def _check_dummy(dummy: Dummy, version: str, fields: HubFields) -> None:
    """Raise StepError where a shared password for known users would admit everybody."""
    if dummy.allow_existing_users and not (dummy.allowed_users or dummy.allow_all) and parse(version) < DUMMY_CLOSES:
        raise StepError(
            Reason.SIGN_IN_OPEN,
            f"{fields.path('auth.dummy.allowExistingUsers')}: chart {version} admits everyone with the password if no user is named",
            f"Set allowedUsers too, or choose {fields.path('chart.version')} 4 or newer.",
        )


def _check_older(member: str, who: WhoMay, version: str, fields: HubFields) -> None:
    """Raise StepError for rules that a chart before 3 reads in another way."""
    for reason, sentence, remedy in _problems(fields.path(f"auth.{member}"), who, version):
        raise StepError(reason, sentence, f"{remedy}, or choose {fields.path('chart.version')} 3 or newer.")


def _problems(field: str, who: WhoMay, version: str) -> Iterator[tuple[Reason, str, str]]:
    names = [name for name in NAMES if getattr(who, _attribute(name))]
    others = [name for name in OTHERS if getattr(who, _attribute(name), None)]
    if parse(version) < GROUPS_BEGIN and any(name.endswith("Groups") for name in others):
        return  # the fields themselves are refused
    if who.allow_all:
        if "adminGroups" in others:
            yield (
                Reason.ALLOW_RULES_NOT_COMBINED,
                f"{field}.adminGroups: chart {version} reads it only for members of allowedGroups, so that with allowAll no user "
                "would become an administrator",
                "Use adminUsers",
            )
        return
    if names and others:
        yield (
            Reason.ALLOW_RULES_NOT_COMBINED,
            f"{field}: chart {version} admits only users who match {names[0]} and {others[0]} at once; since chart 3, one of them is "
            "enough",
            f"Set only {' and '.join(names)}, or only {' and '.join(others)}",
        )
    if others and who.allow_existing_users:
        yield (
            Reason.ALLOW_RULES_NOT_COMBINED,
            f"{field}.allowExistingUsers: chart {version} admits only users who match {others[0]}, even among the hub's existing users",
            "Remove allowExistingUsers",
        )
    if not names and not others:
        yield (
            Reason.SIGN_IN_OPEN,
            f"{field}.allowExistingUsers: chart {version} admits every account of the provider when no user is named",
            "Set allowedUsers or adminUsers too",
        )


def _attribute(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
