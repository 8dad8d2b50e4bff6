"""Certificates of a hub's endpoint: their names and when they expire. Pure; only names and dates are kept."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from notebook_platform.bounded.documents import Budget, parse_json
from notebook_platform.bounded.text import printable
from notebook_platform.paths import at

LONGEST_CHAIN, LONGEST_STORE = 256 * 1024, 1 << 20
MOST_CERTIFICATES, MOST_NAMES, LONGEST_NAME = 50, 100, 253
"""A certificate in the built cluster is the tenants' own: characters, and so many certificates of a store and names of a certificate."""

SOON = timedelta(days=14)
"""Let's Encrypt's are renewed a month before their end: one that ends so soon is not being renewed."""


LAST_DAYS = timedelta(days=3)
"""A certificate that ends so soon is replaced at once, whatever disruptive changes wait for."""


@dataclass(frozen=True)
class Certificate:
    """The names of a certificate, and when it expires."""

    names: tuple[str, ...]
    until: datetime

    def covers(self, host: str) -> bool:
        """Return whether the certificate is valid for a host (https://www.rfc-editor.org/rfc/rfc6125)."""
        wanted = host.lower()
        return any(name in (wanted, f"*.{wanted.partition('.')[2]}") for name in self.names)


def in_pem(text: str) -> Certificate | None:
    """Return the first certificate of a PEM chain; None: no readable certificate."""
    if len(text) > LONGEST_CHAIN:
        return None
    try:
        found = x509.load_pem_x509_certificate(text.encode())
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except ValueError:
        return None
    except x509.ExtensionNotFound:
        return Certificate((), found.not_valid_after_utc)
    names = extension.value.get_values_for_type(x509.DNSName)[:MOST_NAMES]
    return Certificate(tuple(printable(name.lower()) for name in names if len(name) <= LONGEST_NAME), found.not_valid_after_utc)


def ends_unless_replaced(before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a hub's own certificate has ended or ends within days, and its next values have another one. Pure."""
    was, will_be = (str(at(values, "proxy", "https", "manual", "cert") or "") for values in (before, after))
    found = in_pem(was) if was and will_be and was != will_be else None
    return found is not None and found.until < now + LAST_DAYS


def in_acme(text: str) -> list[Certificate]:
    """Return the certificates that Traefik received from Let's Encrypt and keeps in acme.json
    (https://doc.traefik.io/traefik/https/acme/#storage)."""
    try:
        document = parse_json(text, Budget(bytes=LONGEST_STORE, nodes=5_000, depth=20))
        resolvers = document.values() if isinstance(document, Mapping) else ()
        kept = [one["certificate"] for resolver in resolvers for one in _certificates(resolver)][:MOST_CERTIFICATES]
        found = [in_pem(base64.b64decode(one).decode()) for one in kept]
    except (ValueError, KeyError, TypeError):
        return []
    return [certificate for certificate in found if certificate]


def _certificates(resolver: Any) -> Iterable[Any]:
    return (resolver.get("Certificates") or ()) if isinstance(resolver, Mapping) else ()


def best_for(host: str, certificates: Iterable[Certificate]) -> Certificate | None:
    """Return the certificate for a host that expires last."""
    return max((one for one in certificates if one.covers(host)), key=lambda one: one.until, default=None)
