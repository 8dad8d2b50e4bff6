"""Find the secret parts of a Secret: its leaves, and the forms in which a leaf may appear in a message. Pure.

A leaf is a value that is of use to its reader: the whole of a plain value, each string of a document (a kubeconfig,
values.yaml, a Docker configuration), each line of a text, the password in a URL or a connection string.
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_yaml
from notebook_platform.bounded.text import printable
from notebook_platform.kube.substrings import BLOCK, GRAM

SHORTEST = GRAM
"""Shorter values would blank ordinary words. The operator generates none, and no real secret is so short."""

LONGEST_ENCODED = BLOCK
"""Longer leaves are hidden in their plain form only: a message does not hold base64 of base64, or a percent-encoded key file."""

MOST_URLS = 50
"""For one text."""

LONGEST_AUTHORITY = 1024

LONGEST_LIST = 4096
"""A longer text is not a list of secrets on one line."""

PUBLIC_KEYS = frozenset(
    {"tenantId", "clientId", "clusterId", "secretId", "expires", "username", "given", "giving", "roleAssignments"}
)
"""Keys of Secrets that hold identifiers, which messages should show."""

PUBLIC_MEMBERS = PUBLIC_KEYS | {"apiVersion", "kind", "name", "namespace", "pullPolicy", "storageClassName", "tag", "type"}
"""Members of documents that name an object or choose from a list."""

BUDGET = Budget(bytes=1 << 20, nodes=20_000, depth=50)

_SECRET_NAME = re.compile(r"(?i)[\w.-]*(?:passw(?:or)?d|pwd|passphrase|secret|token|key|sig|signature|credentials?|auth)")
_ASSIGNED = re.compile(r"(?<![\w.-])([\w.-]{1,64})[\"']?[ \t]*[=:][ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^\s;,&\"']+)")
_LINE = re.compile(r"""\s*(?:-\s+)?(?:export\s+)?[\w.-]+\s*[=:]\s*(?:[&!]\S+\s+)?(\S.*)""")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token)\s+(\S+)")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")
_PUBLIC_LINE = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----|(?:ssh-|ecdsa-|sk-)[\w.@-]+ AAAA\S+( .*)?")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")
"""No form of escaping changes these characters."""

_STANDARD, _URL_SAFE = str.maketrans("-_", "+/"), str.maketrans("+/", "-_")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")


def leaves(value: str) -> Iterator[str]:
    """Yield the leaves of one value of a Secret, each at least SHORTEST long; some more than once."""
    document = _document(value)
    if document is not None:
        yield from (leaf for leaf in _of_document(document) if len(leaf) >= SHORTEST)
    if document is None or ("\n" not in value.strip() and isinstance(document, dict) and len(document) == 1):
        yield from (
            leaf for leaf in _of_text(value) if len(leaf) >= SHORTEST
        )  # `a: b` may be a document, or a value with a colon


def _document(value: str) -> dict[str, Any] | list[Any] | None:
    """Return the mapping or list that a value holds as YAML or JSON; None: it is plain text."""
    if not ("\n" in value.strip() or ": " in value or value.lstrip()[:1] in ("{", "[")):
        return None
    try:
        found = parse_yaml(value, BUDGET)
    except DocumentRefused:
        return None
    return found if isinstance(found, dict | list) else None


def _of_document(document: dict[str, Any] | list[Any]) -> Iterator[str]:
    members = document if isinstance(document, dict) else {}
    if {"clusters", "users"} <= members.keys():  # a kubeconfig: names, addresses and the CA are not secret
        users = members["users"] if isinstance(members["users"], list) else []
        yield from _scalars([user.get("user") for user in users if isinstance(user, dict)])
    elif {"kind", "url", "started"} <= members.keys():  # an operation in Azure, as OperationStore records it
        yield from _of_text(str(members["url"]), whole=False)
    else:
        yield from _scalars(document)


def _scalars(document: Any) -> Iterator[str]:
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting += [child for name, child in node.items() if name not in PUBLIC_MEMBERS or isinstance(child, dict | list)]
        elif isinstance(node, list):
            waiting += node
        elif isinstance(node, str):
            yield from _of_text(node)
        elif isinstance(node, int | float) and not isinstance(node, bool):
            yield str(node)


def _of_text(text: str, *, whole: bool = True) -> Iterator[str]:
    """Yield the leaves of a text: itself (`whole`), its lines, assigned values, passwords of URLs, encoded values."""
    bare = _CERTIFICATE.sub("", text).strip()
    if _PUBLIC_LINE.fullmatch(bare):
        return
    if whole:
        yield bare
    lines = bare.splitlines()
    if len(lines) > 1:
        for line in lines:
            yield from _of_line(line.strip())
    yield from (given.strip("\"'") for name, given in _ASSIGNED.findall(bare) if _SECRET_NAME.fullmatch(name))
    yield from _of_urls(bare)
    if scheme := _SCHEME.fullmatch(bare):
        yield scheme.group(1)
        yield from _decoded(scheme.group(1))
    if len(bare) <= LONGEST_LIST and (";" in bare or "," in bare):
        yield from (piece.strip() for piece in re.split("[;,]", bare) if len(piece.strip()) > 2 * SHORTEST)
    yield from _decoded(bare)


def _of_line(line: str) -> Iterator[str]:
    if _PUBLIC_LINE.fullmatch(line):
        return
    yield line
    if assigned := _LINE.fullmatch(line):
        yield assigned.group(1).strip("\"'")


def _of_urls(text: str) -> Iterator[str]:
    """Yield the passwords in URLs, plain and percent-decoded, and the query parameters with secret names."""
    for piece in text.split("://", MOST_URLS)[1:]:
        authority, at, _ = piece[:LONGEST_AUTHORITY].partition(" ")[0].rpartition("@")
        password = authority.partition(":")[2]
        if at and password:  # a password may hold an `@` that is not percent-encoded
            yield from (password, unquote(password), password.partition("@")[0], unquote(password.partition("@")[0]))
    if "://" in text and " " not in text:
        try:
            query = parse_qsl(urlsplit(text).query, max_num_fields=50)
        except ValueError:
            return
        yield from (value for name, value in query if name in ("s", "c", "h", "code") or _SECRET_NAME.fullmatch(name))


def _decoded(text: str) -> Iterator[str]:
    """Yield the text that a short text is the base64 of, if it is one: above all `user:password` of a registry."""
    if len(text) > LONGEST_ENCODED or not _BASE64.fullmatch(text):
        return
    try:
        plain = base64.b64decode(text.translate(_STANDARD).rstrip("=") + "===").decode()
    except (binascii.Error, ValueError):
        return
    if plain.isprintable():
        yield plain
        yield plain.partition(":")[2]


def forms(leaf: str) -> set[str]:
    """Return all forms of a leaf to search for: itself, in one line, escaped for JSON, Python, URLs and shells, in base64."""
    found = {leaf, leaf.rstrip("=")}
    if not _PLAIN.fullmatch(leaf):
        found |= {" ".join(leaf.split()), printable(leaf)}
        if len(leaf) <= LONGEST_ENCODED:
            found.update(_escaped(leaf))
    if len(leaf) <= LONGEST_ENCODED:
        octets = leaf.encode(errors="surrogatepass")
        found.update(*(_encoded(octets, lead) for lead in range(3)))
    return {form for form in found if len(form) >= SHORTEST}


def _escaped(leaf: str) -> Iterator[str]:
    yield from (json.dumps(leaf)[1:-1], json.dumps(leaf, ensure_ascii=False)[1:-1], repr(leaf)[1:-1])
    yield from (leaf.replace("'", "'\"'\"'"), leaf.replace("'", "'\\''"), leaf.replace("'", "''"))
    yield html.escape(leaf, quote=False)
    yield html.escape(leaf)
    octets = leaf.encode(errors="surrogatepass")
    for escaped in (quote(octets, safe=""), quote(octets), quote_plus(octets)):
        yield escaped
        yield re.sub("%[0-9A-F]{2}", lambda code: code.group().lower(), escaped)


def _encoded(octets: bytes, lead: int) -> tuple[str, ...]:
    """Return the base64 characters that depend on the octets alone, when `lead` octets (modulo 3) precede them."""
    text = base64.b64encode(bytes(lead) + octets).decode()
    core = text[(lead * 8 + 5) // 6 : (lead + len(octets)) * 8 // 6]
    return (core, core.translate(_URL_SAFE)) if "+" in core or "/" in core else (core,)
