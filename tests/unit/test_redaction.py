"""No secret of a platform survives in its messages, in any encoding; the rest of a message is unchanged."""

import base64
import json

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from notebook_platform.kube.redaction import (
    HIDDEN,
    LONGEST_TEXT,
    SecretRedactor,
)
from notebook_platform.kube.substrings import BLOCK

from tests.unit.redactors import AROUND, FORMS, SECRET, WORD, knowing


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRET, before=AROUND, after=AROUND)
def test_a_secret_does_not_survive_in_any_text_and_form(form: str, secret: str, before: str, after: str) -> None:
    bare = secret.strip()
    assume(len(bare) >= 6 and "*" not in before + after)
    redactor = knowing(password=secret)
    written = FORMS[form](bare)
    assert written not in redactor.redact(f"{before}{written}{after}")


@given(secret=SECRET, lead=st.text(max_size=9), tail=st.text(max_size=9))
def test_a_secret_inside_a_longer_base64_does_not_survive(secret: str, lead: str, tail: str) -> None:
    bare = secret.strip()
    assume(len(bare) >= 8)
    redactor = knowing(password=secret)
    text = base64.b64encode(f"{lead}{bare}{tail}".encode()).decode()
    assert HIDDEN in redactor.redact(text)


@given(secret=WORD, text=AROUND)
def test_a_text_without_the_secret_stays_as_it_is(secret: str, text: str) -> None:
    redactor = knowing(password=secret)
    assume(not any(form(secret)[: min(len(secret), 24)] in text for form in FORMS.values()))
    assert redactor.redact(text) == text


@given(secrets=st.lists(WORD, min_size=1, max_size=8), text=AROUND)
def test_of_secrets_that_overlap_none_survives(secrets: list[str], text: str) -> None:
    redactor = knowing(**{f"k{n}": secret for n, secret in enumerate(secrets)})
    joined = "".join(secrets) + text + secrets[0][:4] + secrets[-1]
    assert not any(secret in redactor.redact(joined) for secret in secrets)


DOCUMENT = {
    "hub": {
        "password": "hunter2x",
        "db": {"url": "postgres://hub:a-long%40password@db.example.org/hub"},
        "phrase": "correct horse battery",
        "pin": 12345678,
        "list": ["first-of-list", {"deep": "very-deep-value"}],
    },
    "key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQC7VJTU\n-----END PRIVATE KEY-----\n",
}
LEAVES = [
    "hunter2x",
    "postgres://hub:a-long%40password@db.example.org/hub",
    "a-long%40password",
    "a-long@password",
    "correct horse battery",
    "12345678",
    "first-of-list",
    "very-deep-value",
    "MIIEvQIBADANBgkqhkiG9w0BAQEF",
    "AASCBKcwggSjAgEAAoIBAQC7VJTU",
]


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("write", [yaml.safe_dump, json.dumps], ids=["YAML", "JSON"])
def test_of_a_document_each_leaf_is_secret(write: object, leaf: str) -> None:
    redactor = knowing(**{"values.yaml": write(DOCUMENT)})  # type: ignore[operator]
    assert redactor.redact(f"helm says: {leaf} is wrong") == f"helm says: {HIDDEN} is wrong"
    in_base64 = base64.b64encode(f"x{leaf}y".encode()).decode()
    assert redactor.redact(in_base64) != in_base64


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("postgres://u:longpassword@h/db", "longpassword"),
        ("postgres://u:p@ss:w0rd/x@h/db", "p@ss:w0rd/x"),
        ("mysql+pymysql://u:k%C3%BCche99@h", "küche99"),
        ("amqps://:only-a-password@h", "only-a-password"),
        ("Server=h;User Id=u;Password=conn-string-pw;", "conn-string-pw"),
        ("host=h password='libpq secret' user=u", "libpq secret"),
        ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=QWNjb3VudEtleVZhbHVl==", "QWNjb3VudEtleVZhbHVl"),
        ("https://a.blob.core.windows.net/c?sv=2022&sig=c2lnbmF0dXJlb2ZzYXM%3D", "c2lnbmF0dXJlb2ZzYXM="),
        ("Bearer opaque-token-4711", "opaque-token-4711"),
        ("Basic dXNlcjpiYXNpYy1wYXNzd29yZA==", "basic-password"),
        ('{"auths": {"acr.example.org": {"auth": "cHVsbDpyZWdpc3RyeS1wYXNzd29yZA=="}}}', "registry-password"),
        ("DB_USER=hub\nexport DB_PASSWORD='in an env file'\n", "in an env file"),
        ("[db]\npasswd = ini-style-secret\n", "ini-style-secret"),
        ("password: 20240101\nport: 1\n", "20240101"),
        ("first-key-first-key;second-key-second", "second-key-second"),
        ("  padded-with-blanks \n", "padded-with-blanks"),
        ("a: &anchor anchored-secret-1\nb: *anchor\n", "anchored-secret-1"),
        ("line one of it\nline two of it\n", "line two of it"),
        ("two words\nand more", "two words and more"),
        ('a: "quoted \\" value"\n', 'quoted \\" value'),
        ("x" * 700 + "the-end-of-a-long-value", "x" * 40 + "the-end-of-a-long-value"[:0]),
    ],
)
def test_the_password_inside_a_value_is_a_secret_of_its_own(value: str, secret: str) -> None:
    assert secret not in knowing(value=value).redact(f"cannot connect: {secret} refused")


def test_a_long_value_does_not_survive_whole_or_cut() -> None:
    value = "".join(f"{n:04x}" for n in range(2000))
    redactor = knowing(token=value)
    assert redactor.redact(f"<{value}>") == f"<{HIDDEN}>"
    assert value[:25] not in redactor.redact(f"begins with {value[:300]}… and so on")
    assert value[BLOCK : 2 * BLOCK] not in redactor.redact(value[BLOCK : 2 * BLOCK])


def test_a_secret_at_the_limit_of_a_text_is_not_cut_but_hidden() -> None:
    redactor = knowing(password="the-secret-at-the-limit")
    for shift in range(-30, 3):
        text = "x" * (LONGEST_TEXT + shift) + "the-secret-at-the-limit" + "y" * 500
        shown = redactor.redact(text)
        assert len(shown) <= LONGEST_TEXT + 1 + len(HIDDEN) and not any(part in shown for part in ("the-s", "limit"))
    assert redactor.sanitize("words the-secret-at-the-limit", 12) == "words ***"


def test_tokens_and_signatures_are_hidden_without_being_known_and_identifiers_stay() -> None:
    redactor = knowing(clientSecret="s3cr3t-value", clientId="11111111-1111", tenantId="22222222-2222", username="hub-user")
    text = redactor.redact(
        "a s3cr3t-value 11111111-1111 22222222-2222 hub-user https://x/y?api-version=1&s=SIG&t=5 Authorization: Bearer abc.def "
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
    )
    for secret in ("s3cr3t", "SIG", "abc.def", "eyJhbGci"):
        assert secret not in text
    assert "11111111-1111 22222222-2222 hub-user" in text and "api-version=1" in text


def test_of_a_kubeconfig_only_the_credentials_are_secret() -> None:
    kubeconfig = {
        "current-context": "prd-aks-jhub-context",
        "contexts": [{"name": "prd-aks-jhub-context", "context": {"cluster": "prd-aks-jhub", "user": "clusterUser_prd"}}],
        "clusters": [{"name": "prd-aks-jhub", "cluster": {"server": "https://prd-aks-jhub.example.org:443"}}],
        "users": [{"name": "clusterUser_prd", "user": {"client-key-data": "a2V5LWRhdGE=" * 8, "token": "f00dfeedf00dfeed"}}],
    }
    redactor = knowing(value=yaml.safe_dump(kubeconfig))
    text = redactor.redact(f"https://prd-aks-jhub.example.org:443 clusterUser_prd {kubeconfig['users'][0]['user']}")
    assert "https://prd-aks-jhub.example.org:443 clusterUser_prd" in text
    assert "f00dfeed" not in text and "a2V5LWRhdGE=a2V5" not in text


def test_of_an_operation_only_the_signature_is_secret() -> None:
    operation = {
        "kind": "create managed cluster x",
        "url": "https://management.azure.com/operations/1?t=638&c=CERTIFICATE-OF-IT&s=SIGNATURE-OF-IT",
        "started": "2026-01-01T00:00:00+00:00",
        "expected": 300.0,
        "key": "Cluster",
    }
    redactor = knowing(Cluster=json.dumps(operation))
    assert redactor.redact("create managed cluster x") == "create managed cluster x"
    assert redactor.redact("CERTIFICATE-OF-IT SIGNATURE-OF-IT") == f"{HIDDEN} {HIDDEN}"


def test_a_certificate_and_a_public_key_are_no_secrets_and_their_private_key_is() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkq\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
    redactor = knowing(**{"tls.crt": certificate, "tls.key": key, "ssh": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@example.org"})
    assert "MIIDdzCCAl" in redactor.redact(certificate) and "AAAAC3" in redactor.redact("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5")
    assert "MIIEvQIBADAN" not in redactor.redact(key) and "-----BEGIN PRIVATE KEY-----" in redactor.redact(f"no: {key[:40]}")


def test_names_and_kinds_in_a_document_stay_readable() -> None:
    values = "image: {name: quay.io/jupyterhub/k8s-hub, tag: 4.4.0-0.dev}\nproxy: {service: {type: LoadBalancer}}\n"
    text = "the image quay.io/jupyterhub/k8s-hub:4.4.0-0.dev of a LoadBalancer"
    assert knowing(values=values).redact(text) == text


def test_the_password_of_a_url_is_hidden_without_being_known() -> None:
    redactor = SecretRedactor()
    assert (
        redactor.redact("hub.db.url is postgres://hub:found-in-a-release@db/hub")
        == f"hub.db.url is postgres://hub:{HIDDEN}@db/hub"
    )
    assert redactor.redact("see https://hub.example.org:8443/a@b") == "see https://hub.example.org:8443/a@b"
