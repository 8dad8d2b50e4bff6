"""Discovery of an OpenID Connect issuer's endpoints (https://openid.net/specs/openid-connect-discovery-1_0.html).

The URL was written by the author of a resource, so it is asked with care: https only, no redirects, a short time, a small
answer, and no private or link-local address unless the operator's configuration allows it (`net.safe_http`).
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import Budget, DocumentRefused, read_json
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.time_limit import in_turn
from notebook_platform.hubs.inputs import Endpoints
from notebook_platform.hubs.net.public_addresses import AddressNotAllowed, NameUnknown
from notebook_platform.hubs.net.safe_http import Answer, AnswerTooLarge, NoAnswer, SafeHttp

WELL_KNOWN = "/.well-known/openid-configuration"
SECONDS = 5
MOST_BYTES = 256 * 1024
BUDGET = Budget(bytes=MOST_BYTES, nodes=10_000, depth=20)
FRESH, STALE = 3600.0, 86400.0
"""Seconds. An answer is used for an hour, and for a day when the issuer gives no other."""

RETRY = 30.0
OWN_URL = "Write the issuer's own URL."
MEMBERS = {"authorize": "authorization_endpoint", "token": "token_endpoint", "userinfo": "userinfo_endpoint"}


@dataclass(frozen=True)
class Issuer:
    """An issuer as the spec names it: its URL, and the path of the sign-in in the spec (`spec.jupyterhub.auth.oidc`)."""

    url: str
    field: str

    def refused(self, reason: Reason, sentence: str, remedy: str, retry_in: float | None = RETRY) -> StepError:
        """Return the error of an issuer that cannot be used: `sentence` follows the path of its field."""
        return StepError(reason, f"{self.field}.issuer {sentence}", remedy, retry_in=retry_in)


class Discovery:
    """Queries issuers and caches their answers. `tls` is for a CA that the system does not have; `clock` returns seconds."""

    def __init__(self, tls: ssl.SSLContext | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._tls = tls
        self._clock = clock
        self._known: dict[tuple[str, bool, str | None], tuple[float, Endpoints]] = {}
        self._claims: dict[str, frozenset[str]] = {}
        self._asking: dict[tuple[str, bool, str | None], asyncio.Lock] = {}

    async def endpoints(self, issuer: Issuer, *, allow_private: bool, ca_bundle: str | None = None) -> Endpoints:
        """Return the issuer's endpoints. `ca_bundle`: the CAs to trust instead of the system's, in PEM.

        Raises StepError: CaBundleInvalid, IssuerNotHttps, IssuerAddressNotAllowed, IssuerNotReachable, IssuerAnswersBadly, IssuerDiffers.
        """
        key = (issuer.url, allow_private, ca_bundle)
        async with in_turn(self._asking.setdefault(key, asyncio.Lock())):
            at, known = self._known.get(key, (0.0, None))
            age = self._clock() - at
            if known is not None and age < FRESH:
                return known
            try:
                document = await self._ask(issuer, allow_private, _trust(ca_bundle, issuer.field) if ca_bundle else self._tls)
                found = endpoints_in(issuer, document)
            except StepError:
                if known is not None and age < STALE:
                    return known
                raise
            self._known[key] = (self._clock(), found)
            self._claims[issuer.url] = claims_in(document)
            return found

    def claims(self, issuer: Issuer) -> frozenset[str]:
        """Return the claims that the issuer listed in its last answer; empty: none, or it was not asked."""
        return self._claims.get(issuer.url, frozenset())

    async def _ask(self, issuer: Issuer, allow_private: bool, tls: ssl.SSLContext | None) -> Any:
        parts = urlsplit(issuer.url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise issuer.refused(
                Reason.ISSUER_NOT_HTTPS,
                "is not an https URL with only a host and a path",
                "Write it exactly as the provider does.",
                None,
            )
        url = issuer.url.rstrip("/") + WELL_KNOWN
        try:
            async with SafeHttp(allow_private=allow_private, tls=tls, seconds=SECONDS) as http:
                answer = await http.get(url, most=MOST_BYTES, headers={"Accept": "application/json"})
        except AddressNotAllowed:
            raise _not_allowed(issuer) from None
        except AnswerTooLarge:
            sentence = f"returns more than {MOST_BYTES // 1024} KiB"
            raise issuer.refused(Reason.ISSUER_ANSWERS_BADLY, sentence, OWN_URL) from None
        except (NameUnknown, NoAnswer) as why:
            word = "no such name" if isinstance(why, NameUnknown) else str(why)
            sentence = f"does not answer at {WELL_KNOWN} ({word})"
            raise issuer.refused(
                Reason.ISSUER_NOT_REACHABLE, sentence, "Check that it runs and that its certificate is valid."
            ) from None
        return await _read(answer, issuer)


def _trust(ca_bundle: str, field: str) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a PEM text alone. Raises StepError (CaBundleInvalid)."""
    try:
        return ssl.create_default_context(cadata=ca_bundle)
    except (ssl.SSLError, ValueError, TypeError):
        raise StepError(
            Reason.CA_BUNDLE_INVALID,
            f"{field}.caBundle contains no readable certificate",
            f"Write the CA's certificates in PEM into {field}.caBundle.",
        ) from None


async def _read(answer: Answer, issuer: Issuer) -> Any:
    if answer.status != 200:
        where = "; redirects are not followed" if 300 <= answer.status < 400 else ""
        raise issuer.refused(Reason.ISSUER_ANSWERS_BADLY, f"answers {answer.status} at {WELL_KNOWN}{where}", OWN_URL)
    try:
        return await read_json(answer.body, BUDGET)
    except DocumentRefused:
        raise issuer.refused(Reason.ISSUER_ANSWERS_BADLY, f"does not return JSON at {WELL_KNOWN}", OWN_URL) from None


def endpoints_in(issuer: Issuer, document: Any) -> Endpoints:
    """Return the endpoints of a discovery document. Raises StepError (IssuerAnswersBadly, IssuerDiffers). Pure."""
    if not isinstance(document, Mapping):
        raise issuer.refused(Reason.ISSUER_ANSWERS_BADLY, "does not return a JSON object", OWN_URL)
    if document.get("issuer") != issuer.url and str(document.get("issuer")).rstrip("/") != issuer.url.rstrip("/"):
        raise issuer.refused(Reason.ISSUER_DIFFERS, "reports another issuer name", "Write it exactly as the provider does.")
    found = {name: document.get(member) for name, member in MEMBERS.items()}
    for name, url in found.items():
        if not isinstance(url, str) or urlsplit(url).scheme != "https" or not urlsplit(url).hostname or len(url) > 2048:
            field = {"authorize": "authorizeUrl", "token": "tokenUrl", "userinfo": "userinfoUrl"}[name]
            sentence = f"reports no https URL as its {MEMBERS[name]}"
            raise issuer.refused(Reason.ISSUER_ANSWERS_BADLY, sentence, f"Set {issuer.field}.{field}.")
    return Endpoints(**{name: str(url) for name, url in found.items()})


def claims_in(document: Mapping[str, Any]) -> frozenset[str]:
    """Return `claims_supported` of a discovery document; empty: the document does not list them. Pure."""
    listed = document.get("claims_supported")
    return frozenset(claim for claim in listed if isinstance(claim, str)) if isinstance(listed, list) else frozenset()


def _not_allowed(issuer: Issuer) -> StepError:
    remedy = (
        f"Set {issuer.field}.authorizeUrl, tokenUrl and userinfoUrl, or allow it to the operator (--allow-private-addresses)."
    )
    return issuer.refused(
        Reason.ISSUER_ADDRESS_NOT_ALLOWED,
        "resolves to an address that is not public, which the operator does not query",
        remedy,
    )


DISCOVERY = Discovery()
"""One for the process: all platforms with one issuer share its answer."""
