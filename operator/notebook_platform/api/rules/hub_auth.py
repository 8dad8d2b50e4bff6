"""Rules of spec.jupyterhub.auth."""

from collections.abc import Mapping

from notebook_platform.api.rules.helpers import GUID, Rule, https, matches, one_of

HUB = "spec.jupyterhub"
AUTH = f"{HUB}.auth"

ANY_RULE = "self.allowAll || self.allowExistingUsers || size(self.allowedUsers) > 0 || size(self.adminUsers) > 0"
GROUPS = "size(self.allowedGroups) > 0 || size(self.adminGroups) > 0"


def _admits(member: str, more: str) -> Rule:
    """Return the rule that a sign-in names its users. Charts from 3 on require it; it applies to all versions."""
    return f"{ANY_RULE} || {more}", f"{AUTH}.{member} admits no user: set adminUsers, allowedUsers or allowAll"


def _claim(member: str) -> Rule:
    return f"has(self.groupsClaim) || !({GROUPS})", f"{AUTH}.{member}.allowedGroups and adminGroups need groupsClaim"


_AT_PROVIDER = "(has(self.auth.oidc) || has(self.auth.entra) || has(self.auth.github))"
_LABEL = "(has(self.expose.loadBalancer) && has(self.expose.loadBalancer.dnsLabel))"

WHOLE: tuple[Rule, ...] = (
    (
        f"!{_AT_PROVIDER} || has(self.host) || {_LABEL}",
        f"{HUB}.host is needed with auth.oidc, auth.entra and auth.github: the provider redirects users to it "
        "(expose.loadBalancer.dnsLabel gives one)",
    ),
    (
        f"!{_AT_PROVIDER} || has(self.host) || has(self.expose.tls)",
        f"{HUB}.expose.tls is needed with auth.oidc, auth.entra and auth.github on a DNS label: the provider redirects users to https",
    ),
)
"""Rules that concern members beyond spec.jupyterhub.auth."""

RULES: Mapping[str, tuple[Rule, ...]] = {
    f"{HUB}.auth.oidc.caBundle": (
        (
            "self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY-----')",
            f"{HUB}.auth.oidc.caBundle must be certificates in PEM, without private keys",
        ),
    ),
    AUTH: (one_of(AUTH, "oidc", "entra", "github", "dummy", "fromValues"),),
    f"{AUTH}.oidc": (
        _admits("oidc", GROUPS),
        _claim("oidc"),
        (
            "has(self.issuer) || (has(self.authorizeUrl) && has(self.tokenUrl) && has(self.userinfoUrl))",
            f"{AUTH}.oidc must have issuer, or authorizeUrl, tokenUrl and userinfoUrl",
        ),
    ),
    f"{AUTH}.oidc.issuer": (
        https(f"{AUTH}.oidc.issuer"),
        (
            "!self.contains('?') && !self.contains('#') && !self.contains('@')",
            f"{AUTH}.oidc.issuer must be a host and a path only",
        ),
    ),
    f"{AUTH}.oidc.authorizeUrl": (https(f"{AUTH}.oidc.authorizeUrl"),),
    f"{AUTH}.oidc.tokenUrl": (https(f"{AUTH}.oidc.tokenUrl"),),
    f"{AUTH}.oidc.userinfoUrl": (https(f"{AUTH}.oidc.userinfoUrl"),),
    f"{AUTH}.entra": (_admits("entra", GROUPS), _claim("entra")),
    f"{AUTH}.entra.tenantId": (matches(f"{AUTH}.entra.tenantId", GUID, "must be a GUID"),),
    f"{AUTH}.github": (_admits("github", "size(self.allowedOrganizations) > 0"),),
    f"{AUTH}.github.allowedOrganizations[]": (
        matches(
            f"{AUTH}.github.allowedOrganizations[]", r"^[-A-Za-z0-9]+(:[-\w]+)?$", "must be an organization or organization:team"
        ),
    ),
    f"{AUTH}.dummy.insecure": (
        ("self", f"{AUTH}.dummy.insecure must be true: anyone with the password can sign in as any user"),
    ),
}
