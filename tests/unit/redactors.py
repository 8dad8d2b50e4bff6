"""Secrets in each encoding, and a redactor that knows them."""

import base64
import json
import string
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st
from notebook_platform.kube.redaction import (
    SecretRedactor,
)
from notebook_platform.kube.substrings import SubstringIndex

SECRET = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="*"), min_size=6)
WORD = st.text(string.ascii_letters + string.digits + "-_", min_size=6, max_size=40)
AROUND = st.text(max_size=200)

FORMS = {
    "plain": lambda secret: secret,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON as UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "Python": lambda secret: repr(secret)[1:-1],
    "URL": lambda secret: quote(secret, safe=""),
    "path of a URL": lambda secret: quote(secret),
    "form": quote_plus,
    "shell": lambda secret: secret.replace("'", "'\"'\"'"),
    "YAML in quotes": lambda secret: secret.replace("'", "''"),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode().rstrip("="),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
}


def knowing(**data: str) -> SecretRedactor:
    redactor = SecretRedactor(SubstringIndex())
    redactor.add(data)
    return redactor
