"""Check who may sign in by a hub's values: the final ones, whether typed fields or `values` wrote them. Pure.

What an authenticator reads, and how it combines its rules, depends on the chart's generation
(https://oauthenticator.readthedocs.io/en/latest/reference/changelog.html).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.hubs.case import Case, Violation
from notebook_platform.hubs.chart.traits import hub_classes
from notebook_platform.hubs.chart.versions import generation
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.paths import at
from notebook_platform.versions import Version

DUMMY = frozenset({"dummy", "dummyauthenticator.DummyAuthenticator", "jupyterhub.auth.DummyAuthenticator"})
OAUTH = "OAuthenticator"
GENERIC = "GenericOAuthenticator"
ENTRA = "AzureAdOAuthenticator"
MEMBERS = ("oidc", "entra", "github", "dummy")
ALLOW_RULES = (
    "allow_all",
    "allowed_users",
    "admin_users",
    "allowed_groups",
    "admin_groups",
    "allow_existing_users",
    "allowed_organizations",
    "allowed_scopes",
    "allowed_idps",
    "allowed_google_groups",
    "hosted_domain",
    "allowed_gitlab_groups",
    "allowed_project_ids",
    "allowed_teams",
    "allowed_globus_groups",
    "allowed_domains",
)
NARROWING = tuple(
    rule for rule in ALLOW_RULES if rule not in ("allow_all", "admin_users", "admin_groups", "allow_existing_users")
)
"""Rules that close a hub of a chart before 3; without one of them everybody may sign in."""

GROUP_RULES = ("allowed_groups", "admin_groups", "auth_state_groups_key", "claim_groups_key")
GROUPS_ARE_MANAGED: Version = (4, 0)

NOT_UNIQUE = frozenset(
    {
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "groups",
        "roles",
        "wids",
        "tid",
        "aud",
        "iss",
        "idp",
        "locale",
    }
)
"""Claims that several people share, or that people can change to another person's value
(https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference,
https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims)."""


def rules_in(release: ReleaseSnapshot) -> Mapping[str, Any]:
    """Return the allow rules of an OAuth sign-in as its authenticator reads them; empty: another or an unknown authenticator."""
    known = hub_classes(generation(release.version).name)
    chosen = at(release.values, "hub", "config", "JupyterHub", "authenticator_class")
    found = known.class_of(str(chosen)) if chosen else None
    if found is None or OAUTH not in known.lineage(found):
        return {}
    sections = [at(release.values, "hub", "config", name) for name in known.lineage(found)]
    return {
        rule: next((section[rule] for section in sections if isinstance(section, Mapping) and rule in section), None)
        for rule in ALLOW_RULES
    }


def check_dummy(case: Case) -> Iterator[Violation]:
    """Yield a sign-in that lets anyone in as anyone."""
    if case.authenticator in DUMMY and not case.config("DummyAuthenticator").get("password"):
        where = case.from_("hub.config.JupyterHub.authenticator_class")
        yield (
            f"{where}: the dummy authenticator without a password lets anyone sign in as any user",
            f"Choose another sign-in under {case.fields.path('auth')}, or dummy with insecure: true, which has a password.",
        )


def _class(case: Case) -> str | None:
    """Return the class of the authenticator; None: unknown."""
    chosen = case.authenticator
    return hub_classes(case.chosen.name).class_of(chosen) if chosen else None


def _is_oauth(case: Case) -> bool:
    found = _class(case)
    return found is not None and OAUTH in hub_classes(case.chosen.name).lineage(found)


def _member(case: Case) -> str | None:
    return next((member for member in MEMBERS if getattr(case.spec.auth, member)), None)


def check_no_users(case: Case) -> Iterator[Violation]:
    """Yield a sign-in that admits no user."""
    oauth = _is_oauth(case)
    judged = {"none": False, "oauth": oauth, "all": oauth or case.authenticator in DUMMY}[case.chosen.needs_allow_rule]
    if not judged or (case.spec.auth.from_values and case.coded):
        return
    if not any(case.trait(rule) for rule in ALLOW_RULES):
        member = _member(case)
        named = member or "oidc"
        where = case.fields.path(f"auth.{member}") if member else case.fields.value("hub.config")
        yield (
            f"{where} admits no user: chart {case.spec.chart.version} requires a rule",
            f"Set adminUsers, allowedUsers or allowAll: true in {case.fields.path(f'auth.{named}')}.",
        )


def check_open(case: Case) -> Iterator[Violation]:
    """Yield a sign-in that admits every account of the provider, because the chart does not read its rules in another way.

    A release that was taken over and sets no rule at all is as its owner wanted it."""
    if case.chosen.needs_allow_rule != "none" or not _is_oauth(case) or any(case.trait(rule) for rule in NARROWING):
        return
    member = _member(case)
    typed = getattr(case.spec.auth, member) if member else None
    groups = case.trait("admin_groups")
    if (typed is None and not groups) or (typed is not None and typed.allow_all) or (typed is None and case.coded):
        return
    where = case.from_("hub.config.GenericOAuthenticator.admin_groups") if groups else case.fields.path(f"auth.{member}")
    reason = "reads admin_groups only for members of allowed_groups, and " if groups else ""
    yield (
        f"{where}: chart {case.spec.chart.version} {reason}admits every account of the provider if no allowed user or group is named",
        "Name allowed users or groups, or choose chart version 3 or newer.",
    )


def check_groups(case: Case) -> Iterator[Violation]:
    """Yield rules on groups with which the hub of a chart from 4 on does not start."""
    if case.version < GROUPS_ARE_MANAGED or not _is_oauth(case) or case.trait("manage_groups"):
        return
    for rule in GROUP_RULES if not case.coded else ():
        if case.trait(rule):
            section = next(name for name in case.sections() if rule in case.config(name))
            yield (
                f"{case.from_(f'hub.config.{section}.{rule}')}: charts from 4 on read {rule} only with manage_groups: the hub would "
                "not start",
                f"Set manage_groups: true and auth_state_groups_key in {case.fields.value('hub.config.Authenticator')} instead of claim_groups_key.",
            )


def check_unique(case: Case) -> Iterator[Violation]:
    """Yield a claim for users' names that several people may have. It passes where the running release has it already."""
    claim = username_claim(case)
    before = case.hub_context.before
    had = before is not None and username_claim(case.of(before)) == claim
    if claim not in NOT_UNIQUE or had:
        return
    section = ENTRA if _class(case) == ENTRA else GENERIC
    where = case.from_(f"hub.config.{section}.username_claim", f"hub.config.{section}.username_key")
    remedy = "oid or preferred_username" if section == ENTRA else "sub, email or preferred_username"
    yield (
        f"{where}: {claim!r} is not unique: several people would share one account and one home",
        f"Use a unique claim, such as {remedy}.",
    )


def username_claim(case: Case) -> str | None:
    """Return the claim that becomes the user's name; None: none that is known here."""
    found = _class(case)
    if found == ENTRA:
        claim = case.trait("username_claim")
        return claim if isinstance(claim, str) else None if case.coded else "name"
    if found == GENERIC:
        claim = case.trait("username_claim") or case.trait("username_key")
        return claim if isinstance(claim, str) else None
    return None
