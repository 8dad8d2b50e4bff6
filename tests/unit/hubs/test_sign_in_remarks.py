"""The claim that becomes a user's name: where Entra ID sends it, and a remark where it may be missing or shared."""

from dataclasses import replace
from typing import Any

import pytest
from notebook_platform.engine import StepError
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.net.oidc_discovery import claims_in
from notebook_platform.hubs.upgrades import concerns
from notebook_platform.hubs.users.user_counts import UserCounts
from notebook_platform.hubs.values import render_with_origins

from tests.unit.hubs.specs import CLIENT, NEW, SECRETS, at, oidc, spec

ENTRA = "hub.config.AzureAdOAuthenticator"
TENANT = "11111111-1111-1111-1111-111111111111"
HERE = HubContext()


def entra(**more: Any) -> dict[str, Any]:
    return {"entra": {**CLIENT, "tenantId": TENANT, "adminUsers": ["ada"], **more}}


def remarks(auth: dict[str, Any], hub_context: HubContext = HERE, version: str = "4.4.0") -> list[tuple[str, str, str]]:
    found = render_with_origins(spec(version, auth=auth), SECRETS, NEW, hub_context=hub_context).notices
    return [(notice.condition, notice.reason, notice.message) for notice in found]


@pytest.mark.parametrize("claim", ["preferred_username", "oid", "sub", "upn", "unique_name"])
def test_a_unique_claim_that_entra_sends_needs_no_remark(claim: str) -> None:
    assert remarks(entra(usernameClaim=claim)) == []


@pytest.mark.parametrize("version", ["0.11.1", "1.2.0", "2.0.0", "3.3.8", "4.4.0"])
@pytest.mark.parametrize(("claim", "newer"), [("preferred_username", True), ("email", True), ("upn", False), ("oid", False)])
def test_the_hub_asks_the_endpoint_whose_tokens_have_the_claim(version: str, claim: str, newer: bool) -> None:
    """https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference"""
    values = render_with_origins(spec(version, auth=entra(usernameClaim=claim)), SECRETS, NEW).values
    wanted = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token" if newer else None
    assert at(values, f"{ENTRA}.token_url") == wanted
    assert at(values, f"{ENTRA}.scope") == (["openid", "profile", "email"] if newer else None)


def test_users_of_another_cloud_sign_in_there() -> None:
    government = HubContext(authority="https://login.microsoftonline.us")
    for claim, path in (("upn", "oauth2"), ("preferred_username", "oauth2/v2.0")):
        auth = entra(usernameClaim=claim)
        values = render_with_origins(spec("4.4.0", auth=auth), SECRETS, NEW, hub_context=government).values
        assert at(values, f"{ENTRA}.authorize_url") == f"https://login.microsoftonline.us/{TENANT}/{path}/authorize"


def test_a_claim_that_the_app_registration_has_to_add_is_remarked_on() -> None:
    assert remarks(entra(usernameClaim="onprem_sid")) == [
        (
            "UsernameClaimUnsure",
            "ClaimNotSent",
            "spec.jupyterhub.auth.entra.usernameClaim: Entra ID sends the claim 'onprem_sid' only if the app registration adds it to ID "
            "tokens; without it no user can sign in",
        )
    ]
    ((condition, reason, _),) = remarks(entra(usernameClaim="email"))
    assert (condition, reason) == ("UsernameClaimUnsure", "UsernameNotUnique")


def test_a_claim_that_the_issuer_does_not_list_is_remarked_on() -> None:
    listed = replace(HERE, claims=claims_in({"claims_supported": ["sub", "email", 7]}))
    assert remarks(oidc(), listed) == [] and remarks(oidc(usernameClaim="upn")) == []
    assert remarks(oidc(usernameClaim="upn"), listed) == [
        (
            "UsernameClaimUnsure",
            "ClaimNotSent",
            "spec.jupyterhub.auth.oidc.usernameClaim: the issuer's claims_supported does not list 'upn'; without it no user can sign in",
        )
    ]


@pytest.mark.parametrize("auth", [entra(usernameClaim="name"), oidc(usernameClaim="given_name")])
def test_a_shared_claim_is_refused_for_a_new_hub_and_remarked_on_for_one_that_has_it(auth: dict[str, Any]) -> None:
    with pytest.raises(StepError) as refused:
        remarks(auth)
    assert refused.value.failed.reason == "UsernameNotUnique"
    (member,) = auth
    section = {"entra": "AzureAdOAuthenticator", "oidc": "GenericOAuthenticator"}[member]
    chosen = {"entra": "azuread", "oidc": "generic-oauth"}[member]
    config = {"JupyterHub": {"authenticator_class": chosen}, section: {"username_claim": auth[member]["usernameClaim"]}}
    before = ReleaseSnapshot("4.4.0", {"hub": {"config": config}})
    ((condition, reason, message),) = remarks(auth, replace(HERE, before=before))
    assert (condition, reason) == ("UsernameClaimUnsure", "UsernameNotUnique") and f"auth.{member}.usernameClaim" in message


def test_an_upgrade_that_turns_conditions_into_alternatives_needs_an_approval() -> None:
    config = {
        "JupyterHub": {"authenticator_class": "github"},
        "Authenticator": {"allowed_users": ["bea"]},
        "GitHubOAuthenticator": {"allowed_organizations": ["acme"]},
    }
    values = {"hub": {"config": config, "db": {"type": "sqlite-memory"}}}
    nobody = UserCounts(homes=())
    found = list(concerns(ReleaseSnapshot("2.0.0", values), ReleaseSnapshot("3.3.8", values), nobody))
    assert [(concern.clause, concern.key) for concern in found] == [
        (
            "chart 3.3.8 admits users who match allowed_users or allowed_organizations, where 2.0.0 admitted only those who match both",
            "sign-in allowed_users allowed_organizations",
        ),
        ("existing users whom no rule names can no longer sign in with chart 3.3.8 (allow_existing_users)", ""),
    ]
    assert list(concerns(ReleaseSnapshot("3.3.8", values), ReleaseSnapshot("3.3.8", values), nobody)) == []
