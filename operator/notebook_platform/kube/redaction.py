"""Keeps secret values out of whatever people read: every value the operator reads or makes is known here."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

SHORTEST = 6
"""Shorter values would blank out ordinary words; the operator makes none and no real secret is so short."""

SHORTEST_WORD = 10
"""The same for the words of a document (a kubeconfig, values.yaml): only its keys and addresses stay readable."""

PUBLIC_KEYS = frozenset({"tenantId", "clientId", "clusterId", "secretId", "expires", "username", "given", "giving"})
"""Keys of Secrets that hold identifiers, wanted in messages."""

HIDDEN = "***"

_PATTERNS = (
    re.compile(r"(?i)(authorization:\s*(?:bearer|basic)\s+)\S+"),
    re.compile(r"\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*"),
    re.compile(r"(?i)([?&](?:sig|s|c|h|t|code|client_secret|access_token)=)[^&\s\"']+"),
)


class KnownSecrets:
    """The secret values met so far in this process."""

    def __init__(self) -> None:
        self._met: set[str] = set()
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, data: Mapping[str, str]) -> None:
        """Remember the values of a Secret's data."""
        fresh_values = {value for key, value in data.items() if key not in PUBLIC_KEYS} - self._met
        self._met |= fresh_values  # a Secret is read in every pass; a kubeconfig in it is taken apart once
        found = {word for value in fresh_values for word in _words(value)}
        if fresh := found - self._values:
            self._values |= fresh
            ordered = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(value) for value in ordered))

    def clean(self, text: str) -> str:
        """The text without known secrets, bearer tokens and signatures."""
        for pattern in _PATTERNS:
            text = pattern.sub(lambda m: (m.group(1) if m.groups() else "") + HIDDEN, text)
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def _words(value: str) -> Iterator[str]:
    if (users := _users(value)) is not None:
        yield from (leaf for leaf in _leaves(users) if len(leaf) >= SHORTEST)
        return
    if len(value.split()) <= 1 or "\n" not in value.strip():
        if len(value.strip()) >= SHORTEST:
            yield value.strip()
        return
    for word in value.split():
        bare = word.strip("\"',[]{}")
        if len(bare) >= SHORTEST_WORD and not bare.endswith(":") and "://" not in bare:
            yield bare


def _users(value: str) -> Any:
    """The users of a kubeconfig: what else stands in it (names, addresses, the authority) is no secret. None: it is none."""
    if not ("current-context" in value and "users" in value):
        return None
    try:
        document = yaml.safe_load(value)
    except yaml.YAMLError:
        return None
    users = document.get("users") if isinstance(document, dict) else None
    return [user.get("user") for user in users if isinstance(user, dict)] if isinstance(users, list) else None


def _leaves(node: Any) -> Iterator[str]:
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _leaves(child)
    if isinstance(node, str):
        yield node.strip()


KNOWN = KnownSecrets()
"""One for the process: a secret of one platform must not appear in the log lines of another either."""
