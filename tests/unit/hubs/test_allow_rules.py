"""Allow rules that a chart before 3 reads in another way are written so that the hub stays closed, or refused."""

from itertools import combinations
from typing import Any

import pytest
from notebook_platform.engine import StepError

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import CLIENT, NEW, SECRETS, at, oidc, spec

GENERIC = "hub.config.GenericOAuthenticator"
NAMES = {"allowedUsers": ["bea"], "adminUsers": ["ada"]}
GROUPS = {"allowedGroups": ["staff"], "adminGroups": ["wheel"]}
OIDC_RULES: dict[str, Any] = {**NAMES, **GROUPS, "allowExistingUsers": True, "allowAll": True}


def rules(*chosen: str) -> dict[str, Any]:
    """Return the auth block of a provider with these rules."""
    groups = {"groupsClaim": "groups"} if set(chosen) & set(GROUPS) else {}
    return oidc(**{"adminUsers": [], **groups, **{name: OIDC_RULES[name] for name in chosen}})


def github(**more: Any) -> dict[str, Any]:
    return {"github": {**CLIENT, **more}}


def refusal(version: str, auth: dict[str, Any]) -> StepError:
    with pytest.raises(StepError) as refused:
        render(spec(version, auth=auth), SECRETS, NEW)
    return refused.value


@pytest.mark.parametrize("version", ["1.2.0", "2.0.0"])
@pytest.mark.parametrize("chosen", [names for size in (1, 2) for names in combinations(OIDC_RULES, size)], ids="+".join)
def test_an_older_chart_admits_whom_the_rules_name_or_the_rules_are_refused(version: str, chosen: tuple[str, ...]) -> None:
    """An empty `allowed_users` without groups would admit everybody."""
    mixed = bool(set(chosen) & set(GROUPS)) and bool(set(chosen) & {*NAMES, "allowExistingUsers"})
    pointless = {"allowAll", "adminGroups"} <= set(chosen)
    if mixed or pointless:
        failed = refusal(version, rules(*chosen)).failed
        assert failed.reason == "AllowRulesNotCombined" and "spec.jupyterhub.auth.oidc" in failed.message, failed
        return
    if chosen == ("allowExistingUsers",):
        failed = refusal(version, rules(*chosen)).failed
        assert (failed.reason, failed.retry_in) == ("SignInOpen", None)
        return
    values = render(spec(version, auth=rules(*chosen)), SECRETS, NEW)
    closed = at(values, f"{GENERIC}.allowed_groups") or at(values, "hub.config.Authenticator.allowed_users")
    assert bool(closed) is ("allowAll" not in chosen), values["hub"]["config"]


@pytest.mark.parametrize("version", ["0.11.1", "1.2.0", "2.0.0"])
@pytest.mark.parametrize("names", NAMES)
def test_members_of_an_organization_and_named_users_are_not_combined_before_chart_3(version: str, names: str) -> None:
    failed = refusal(version, github(allowedOrganizations=["acme"], **{names: ["ada"]})).failed
    assert failed.message == (
        f"spec.jupyterhub.auth.github: chart {version} admits only users who match {names} and allowedOrganizations at once; since "
        "chart 3, one of them is enough"
    )
    assert failed.remedy == f"Set only {names}, or only allowedOrganizations, or choose spec.jupyterhub.chart.version 3 or newer."


@pytest.mark.parametrize("version", ["0.11.1", "2.0.0"])
def test_users_that_the_hub_knows_are_no_rule_by_themselves_before_chart_3(version: str) -> None:
    entra = {"entra": {**CLIENT, "tenantId": "11111111-1111-1111-1111-111111111111", "allowExistingUsers": True}}
    failed = refusal(version, entra).failed
    assert failed.message == (
        f"spec.jupyterhub.auth.entra.allowExistingUsers: chart {version} admits every account of the provider when no user is named"
    )


@pytest.mark.parametrize("version", ["3.3.8", "4.4.0"])
@pytest.mark.parametrize("chosen", list(combinations(OIDC_RULES, 2)), ids="+".join)
def test_from_chart_3_on_all_rules_combine(version: str, chosen: tuple[str, ...]) -> None:
    render(spec(version, auth=rules(*chosen)), SECRETS, NEW)


@pytest.mark.parametrize("version", ["2.0.0", "3.3.8", "4.4.0"])
def test_the_role_of_administrators_is_no_exact_list_where_groups_give_it_too(version: str) -> None:
    """The hub takes the role from whoever is not in the list, at each start."""
    by_name = render(spec(version, auth=rules("adminUsers")), SECRETS, NEW)
    assert at(by_name, "hub.loadRoles.admin.users") == ["ada"]
    by_group = render(spec(version, auth=rules("adminGroups")), SECRETS, NEW)
    assert at(by_group, "hub.loadRoles.admin.users") is None
    if version != "2.0.0":
        both = render(spec(version, auth=rules("adminUsers", "adminGroups")), SECRETS, NEW)
        assert at(both, "hub.config.Authenticator.admin_users") == ["ada"]
        assert at(both, f"{GENERIC}.admin_groups") == ["wheel"] and at(both, "hub.loadRoles.admin.users") is None


def test_a_shared_password_for_known_users_admits_no_other_user() -> None:
    """JupyterHub's DummyAuthenticator admits everybody by default when no user is named."""
    auth = {"dummy": {"insecure": True, "allowExistingUsers": True}}
    assert at(render(spec("4.4.0", auth=auth), SECRETS, NEW), "hub.config.Authenticator.allow_all") is False
    failed = refusal("3.3.8", auth).failed
    assert failed.reason == "SignInOpen" and failed.message.startswith(
        "spec.jupyterhub.auth.dummy.allowExistingUsers: chart 3.3.8 "
    )
