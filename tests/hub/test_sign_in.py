"""Who may sign in: the real authenticators of each chart generation, on the values that the operator renders, for each allow rule and
each pair of them. An allowed user enters, a stranger does not, an administrator is one, also after the hub's restart."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from notebook_platform.engine import StepError
from notebook_platform.hubs.values import HubSecrets

from tests.environments import Say
from tests.hub.generations import GENERATIONS, generations_home, run
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import CLIENT, ENDPOINTS, NEW, at, spec

CHARTS = {"0.11": "0.11.1", "1": "1.2.0", "2": "2.0.0", "3": "3.3.8", "4": "4.4.0"}
SECRETS = HubSecrets("aa" * 32, "bb" * 32, "cc" * 32, "client-secret-1", "password-1", token_key="dd" * 32)
TENANT = "11111111-1111-1111-1111-111111111111"

NAMES: dict[str, Any] = {
    "allowAll": True,
    "allowExistingUsers": True,
    "allowedUsers": ["bea", "mallory"],
    "adminUsers": ["ada"],
    "blockedUsers": ["mallory"],
}
GROUPS = {"allowedGroups": ["staff"], "adminGroups": ["wheel"]}
ORGANIZATIONS = {"allowedOrganizations": ["acme"]}
GROUPS_OF = {"gus": ["staff"], "wes": ["wheel", "guests"], "eve": ["guests"]}
ORGANIZATIONS_OF = {"gus": ["acme"], "eve": ["other"]}
KNOWN = ["kim"]
EVERYBODY = ("ada", "bea", "gus", "wes", "kim", "eve", "mallory")
RULES: dict[str, dict[str, Any]] = {
    "oidc": {**NAMES, **GROUPS},
    "entra": {**NAMES, **GROUPS},
    "github": {**NAMES, **ORGANIZATIONS},
    "dummy": NAMES,
}
TRIED = 200
"""Combinations that the real authenticators try, at least."""


def auth(member: str, chosen: tuple[str, ...]) -> dict[str, Any]:
    """Return the auth block of a sign-in with these rules."""
    own: dict[str, Any] = {
        "oidc": {**CLIENT, **ENDPOINTS, "usernameClaim": "preferred_username"},
        "entra": {**CLIENT, "tenantId": TENANT},
        "github": CLIENT,
        "dummy": {"insecure": True},
    }[member]
    groups = {"groupsClaim": "groups"} if set(chosen) & set(GROUPS) else {}
    return {member: {**own, **groups, **{rule: RULES[member][rule] for rule in chosen}}}


def people() -> dict[str, Any]:
    """Return what the provider tells of each user."""
    return {
        name: {
            "preferred_username": name,
            "groups": GROUPS_OF.get(name, []),
            "organizations": ORGANIZATIONS_OF.get(name, []),
        }
        for name in EVERYBODY
    }


def combos(member: str) -> Iterator[tuple[str, ...]]:
    """Yield each rule and each pair of rules that admits a user; a shared password also without a rule."""
    if member == "dummy":
        yield ()
    for size in (1, 2):
        for chosen in combinations(RULES[member], size):
            if member == "dummy" or chosen != ("blockedUsers",):
                yield chosen


def case_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return what decides on users in the values of a release."""
    return {
        "config": values["hub"]["config"],
        "roles": at(values, "hub.loadRoles") or {},
        "services": sorted(values["hub"]["services"]),
        "known": KNOWN,
        "people": people(),
    }


def enters(name: str, member: str, chosen: tuple[str, ...], generation: str) -> bool:
    """Return whether a user may sign in, by the descriptions of the fields."""
    rules = {rule: RULES[member][rule] for rule in chosen}
    if name in rules.get("blockedUsers", []):
        return False
    if rules.get("allowAll") or (member == "dummy" and not {"allowedUsers", "allowExistingUsers"} & set(rules)):
        return True
    named = name in [*rules.get("allowedUsers", []), *rules.get("adminUsers", [])]
    groups = {*rules.get("allowedGroups", []), *rules.get("adminGroups", [])} & set(GROUPS_OF.get(name, []))
    inside = set(rules.get("allowedOrganizations", [])) & set(ORGANIZATIONS_OF.get(name, []))
    older = generation in ("0.11", "1", "2") or (member == "dummy" and generation == "3")
    always = older and not {*GROUPS, *ORGANIZATIONS} & set(rules)  # "Charts before 3 always do."
    return bool(named or groups or inside or (name in KNOWN and (always or rules.get("allowExistingUsers"))))


def is_admin(name: str, member: str, chosen: tuple[str, ...]) -> bool:
    """Return whether a user is an administrator."""
    by_group = "adminGroups" in chosen and set(GROUPS["adminGroups"]) & set(GROUPS_OF.get(name, []))
    return bool(by_group or ("adminUsers" in chosen and name in NAMES["adminUsers"]))


@pytest.fixture(scope="session")
def older_hubs(say: Say) -> Path:
    """Return the packages of the older generations; they are installed once and stay in the cache."""
    return generations_home(say)


def rendered(generation: str) -> dict[str, tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Return the combinations of a generation that the operator does not refuse: name -> (member, rules, case)."""
    found = {}
    for member in RULES if generation != "0.11" else ("oidc", "github", "dummy"):  # its Entra ID needs PyJWT 1
        for chosen in combos(member):
            if chosen == ("blockedUsers",) and member != "dummy":
                continue
            try:
                values = render(spec(CHARTS[generation], auth=auth(member, chosen)), SECRETS, NEW)
            except StepError as refused:
                assert refused.failed.reason in (
                    "FieldNotSupported",
                    "AllowRulesNotCombined",
                    "SignInOpen",
                    "NoUsersAllowed",
                ), refused
                continue
            found[f"{member} {'+'.join(chosen)}"] = (member, chosen, case_of(values))
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_authenticators_admit_whom_the_rules_name(hub_home: Path, older_hubs: Path, generation: str) -> None:
    wanted = rendered(generation)
    answers = run(older_hubs, hub_home, generation, "sign_ins.py", {name: case for name, (_, _, case) in wanted.items()})
    wrong = []
    for name, (member, chosen, case) in wanted.items():
        answer = answers[name]
        for user in case["people"] if isinstance(answer, dict) else ():
            may, admin = enters(user, member, chosen, generation), is_admin(user, member, chosen)
            expected = [may, may and admin, may and admin]
            if answer[user][:2] != expected[:2] or (may and answer[user][2] != expected[2]):
                wrong.append((name, user, answer[user], expected))
        if not isinstance(answer, dict):
            wrong.append((name, answer))
    assert not wrong, wrong


def test_at_least_two_hundred_combinations_are_tried() -> None:
    counts = {generation: len(rendered(generation)) for generation in GENERATIONS}
    assert sum(counts.values()) >= TRIED, counts
