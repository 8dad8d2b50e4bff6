"""Entra ID's endpoints and the claims that it sends, for the claim that becomes a user's name. Pure.

The endpoint decides the version of the ID token, and the version its claims; the hub reads its user from the ID token. AzureAdOAuthenticator
asks the endpoint of version 1.0 by default, which does not send `preferred_username`.
https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
"""

from collections.abc import Mapping
from typing import Any

from notebook_platform.api.hubs import Entra
from notebook_platform.hubs.inputs import PUBLIC_AUTHORITY, HubContext

OF_VERSION_2 = frozenset({"preferred_username", "email"})
"""Claims that only ID tokens of version 2.0 have without more settings."""

SENT = frozenset({*OF_VERSION_2, "oid", "sub", "upn", "unique_name"})
"""Unique claims that Entra ID sends without an optional claim of the app registration: `upn` and `unique_name` in version 1.0."""

SCOPES = ("openid", "profile", "email")
"""Version 2.0 sends the claims of these scopes only."""


def entra_endpoints(entra: Entra, hub_context: HubContext) -> Mapping[str, Any]:
    """Return the rows of the endpoints; None: the authenticator's own default."""
    newer = entra.username_claim in OF_VERSION_2
    if not newer and hub_context.authority == PUBLIC_AUTHORITY:
        return {"#authorize": None, "#token": None, "#scope": None}
    base = f"{hub_context.authority}/{entra.tenant_id}/oauth2{'/v2.0' if newer else ''}"
    return {"#authorize": f"{base}/authorize", "#token": f"{base}/token", "#scope": list(SCOPES) if newer else None}
