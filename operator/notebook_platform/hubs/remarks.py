"""Remarks on a hub's values: what works as it stands, and probably not as its author thinks. Pure."""

from collections.abc import Iterator

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.step import Notice
from notebook_platform.helm.ignored_values import ignored
from notebook_platform.hubs.case import Case
from notebook_platform.hubs.fields.entra import SENT
from notebook_platform.hubs.metrics.checks import metrics_remarks
from notebook_platform.hubs.sign_in import NOT_UNIQUE, username_claim
from notebook_platform.hubs.trait_checks import trait_findings


def remarks(case: Case) -> tuple[Notice, ...]:
    """Return the remarks on values that were not refused."""
    without_effect = [finding.sentence for finding in trait_findings(case) if finding.no_effect]
    return (*_claim(case), *ignored([*without_effect, *metrics_remarks(case)]))


def _claim(case: Case) -> Iterator[Notice]:
    """Yield a remark on a claim for users' names that is not unique, or that the provider may not send."""
    auth, claim = case.spec.auth, username_claim(case)
    if claim in NOT_UNIQUE:
        member = "entra" if auth.entra else "oidc" if auth.oidc else None
        where = case.fields.path(f"auth.{member}.usernameClaim") if member else case.fields.value("hub.config")
        yield _unsure(
            Reason.USERNAME_NOT_UNIQUE,
            f"{where}: {claim!r} is not unique: several people can share one account and one home. Another claim changes users' names "
            "and homes",
        )
    elif auth.entra and claim == "email":
        yield _unsure(
            Reason.USERNAME_NOT_UNIQUE,
            f"{case.fields.path('auth.entra.usernameClaim')}: Entra ID does not verify 'email', and users without a mailbox have none: use oid or "
            "preferred_username, which are always sent",
        )
    elif auth.entra and claim not in SENT:
        yield _unsure(
            Reason.CLAIM_NOT_SENT,
            f"{case.fields.path('auth.entra.usernameClaim')}: Entra ID sends the claim {claim!r} only if the app registration adds it to ID tokens; "
            "without it no user can sign in",
        )
    elif auth.oidc and _not_listed(case, claim):
        yield _unsure(
            Reason.CLAIM_NOT_SENT,
            f"{case.fields.path('auth.oidc.usernameClaim')}: the issuer's claims_supported does not list {claim!r}; without it no user can sign in",
        )


def _not_listed(case: Case, claim: str | None) -> bool:
    listed = case.hub_context.claims
    return bool(listed) and claim not in listed


def _unsure(reason: Reason, message: str) -> Notice:
    return Notice(condition=ConditionType.USERNAME_CLAIM_UNSURE, reason=reason, message=message)
