"""The health of a hub's endpoint: its certificate and its names."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from notebook_platform.hubs.health.certificates import Certificate, best_for, in_acme, in_pem
from notebook_platform.hubs.health.endpoint import EndpointState, evaluate

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOST = "hub.example.org"
FIELD = "spec.jupyterhub"


def pem(until: datetime, *names: str) -> str:
    """Return a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a door")])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), until - timedelta(days=90), until
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def acme(*texts: str) -> str:
    kept = [{"domain": {"main": HOST}, "certificate": base64.b64encode(text.encode()).decode(), "key": "k"} for text in texts]
    return json.dumps({"default": {"Account": {"PrivateKey": "p"}, "Certificates": kept or None}})


def test_names_and_end_of_a_certificate_are_read_and_nothing_else() -> None:
    found = in_pem(pem(NOW, "Hub.example.org", "*.notebooks.example.org"))
    assert found == Certificate(("hub.example.org", "*.notebooks.example.org"), NOW)
    assert found.covers("HUB.example.org") and found.covers("a.notebooks.example.org")
    assert not found.covers("b.a.notebooks.example.org") and not found.covers("example.org")
    assert in_pem(pem(NOW)) == Certificate((), NOW)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"default": null}', '{"default": {"Certificates": [{}]}}', acme(), acme("x")]
)
def test_an_acme_file_without_a_certificate_has_none(text: str) -> None:
    assert in_acme(text) == []


def test_of_several_certificates_the_one_that_holds_longest_counts() -> None:
    found = in_acme(acme(pem(NOW, HOST), pem(NOW + timedelta(days=60), HOST), pem(NOW + timedelta(days=80), "other.example.org")))
    best = best_for(HOST, found)
    assert best is not None and best.until == NOW + timedelta(days=60)


def endpoint(**changes: Any) -> EndpointState:
    usual: dict[str, Any] = {
        "hosts": (HOST,),
        "kind": "letsencrypt",
        "certificates": (),
        "leads_to": {HOST: ("20.1.2.3",)},
        "address": "20.1.2.3",
    }
    return EndpointState(**usual | changes)


def ending(days: float, *names: str) -> tuple[Certificate, ...]:
    return (Certificate(names or (HOST,), NOW + timedelta(days=days)),)


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (endpoint(), "CertificatePending", f"{HOST} resolves to Service proxy-public; check that its port 80 is open"),
        (
            endpoint(leads_to={}),
            "CertificatePending",
            "create a DNS record with 20.1.2.3, the address of Service proxy-public",
        ),
        (endpoint(leads_to={HOST: ("1.1.1.1",)}), "CertificatePending", f"{HOST} resolves to 1.1.1.1: correct its DNS record"),
        (endpoint(address=None, leads_to={}), "CertificatePending", "has no address yet"),
        (endpoint(certificates=ending(9, "other.example.org")), "CertificatePending", "has not issued a certificate yet"),
        (endpoint(certificates=ending(-1)), "CertificateExpired", f"the certificate for {HOST} ended on 2026-05-31"),
        (endpoint(certificates=ending(-1), kind="secret"), "CertificateExpired", "replace it"),
    ],
)
def test_an_unusable_endpoint_is_an_issue_with_its_cause(state: EndpointState, reason: str, words: str) -> None:
    (issue,) = evaluate(state, NOW, FIELD).issues
    assert issue.reason == reason and words in issue.message


@pytest.mark.parametrize(
    ("state", "condition", "words"),
    [
        (
            endpoint(certificates=ending(3)),
            "CertificateExpiring",
            "ends on 2026-06-04 00:00 UTC, and the hub serves no newer one",
        ),
        (endpoint(certificates=ending(3), kind="manual"), "CertificateExpiring", "spec.jupyterhub.expose.tls: the certificate"),
        (
            endpoint(certificates=ending(99, "old.example.org"), kind="secret"),
            "CertificateNameMismatch",
            "is for old.example.org",
        ),
        (
            endpoint(certificates=ending(99), kind="secret", leads_to={HOST: ("1.1.1.1",)}),
            "DnsMismatch",
            "resolves to 1.1.1.1 from the operator",
        ),
    ],
)
def test_a_fault_of_the_endpoint_that_stops_no_user_is_a_notice(state: EndpointState, condition: str, words: str) -> None:
    found = evaluate(state, NOW, FIELD)
    (notice,) = found.notices
    assert not found.issues and notice.condition == condition and words in notice.message


@pytest.mark.parametrize("kind", ["letsencrypt", "secret", "manual"])
def test_a_healthy_endpoint_has_no_issue_and_no_notice(kind: str) -> None:
    found = evaluate(endpoint(certificates=ending(60), kind=kind), NOW, FIELD)
    assert not found.issues and not found.notices
    unknown = evaluate(endpoint(certificates=None, kind="secret"), NOW, FIELD)
    assert not unknown.issues and not unknown.notices


def test_private_addresses_that_a_name_leads_to_are_not_shown() -> None:
    state = endpoint(leads_to={HOST: ("10.9.8.7", "1.1.1.1")})
    (issue,) = evaluate(state, NOW, FIELD).issues
    assert "10.9.8.7" not in issue.message and "1.1.1.1, an address that is not public" in issue.message


def test_a_certificate_with_names_that_steer_a_terminal_or_without_end_is_read_in_bounds() -> None:
    text = pem(NOW + timedelta(days=99), "\x1b[2Jevil.example.org", *(f"n{n}.example.org" for n in range(2000)))
    found = in_pem(text)
    assert found is not None and len(found.names) == 100 and all(name.isprintable() for name in found.names)
    (notice,) = evaluate(endpoint(certificates=(found,), kind="secret"), NOW, FIELD).notices
    assert len(notice.message) < 500
    assert in_pem(text * 50) is None and in_acme("[" * 100_000) == []
