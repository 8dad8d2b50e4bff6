"""One change of a hub's values that hides users' data, and what is needed to find such changes. Pure."""

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from notebook_platform.helm.values import path_of
from notebook_platform.hubs.naming import CHOICE_BEGINS, ESCAPE, ReleaseSnapshot, scheme_of
from notebook_platform.kube.redaction import sanitize
from notebook_platform.paths import at
from notebook_platform.versions import parse

HUB_KEYS = (("hub", "config", "ConfigurableHTTPProxy", "auth_token"), ("proxy", "secretToken"))
"""Where a hub's values hold a random secret that lasts."""

STRUCTURE = re.compile(r'\{"|\[[{"\[]')
CLAIM = re.compile(r'"(?:claimName|pvcName)": "([^"]*)"')
"""Of what `canonical` makes."""

LONGEST = 80


@dataclass(frozen=True, kw_only=True)
class DataChange:
    """One change that hides users' data. `path` names the value, `before` and `after` are its printable forms; `mark`
    distinguishes changes that print alike and is never shown; `effect` is what users notice."""

    path: str
    before: str
    after: str
    effect: str
    mark: str = ""

    @property
    def clause(self) -> str:
        """Return the change and its effect."""
        if self.before == self.after:
            return f"{self.path} changes ({_shown(self.before)}), and {self.effect}"
        return f"{self.path} goes from {_shown(self.before)} to {_shown(self.after)}, and {self.effect}"

    @property
    def key(self) -> str:
        """Return what identifies this change, and no other, for its approval."""
        return json.dumps([self.path, self.before, self.after, self.mark])


def with_keyed_hash(one: DataChange, *releases: ReleaseSnapshot) -> DataChange:
    """Return the change with its mark hashed by a secret of the hub. Values may hold secrets, and an unkeyed hash in a public
    token could be found by trying. Where no release holds the key, the printable forms are the only mark."""
    keys = (canonical(at(release.values, *path)) for release in releases for path in HUB_KEYS)
    key = next(filter(None, keys), "")
    return replace(one, mark=hmac.digest(key.encode(), one.mark.encode(), "sha256").hex() if key else "")


def _shown(value: str) -> str:
    return sanitize(value or "nothing", LONGEST)


def printable_form(value: str) -> str:
    """Return the printable form of a canonical value: a text, or the claims that it names."""
    if not STRUCTURE.match(value):
        return value
    claims = sorted(set(CLAIM.findall(value)))
    return f"claim {', '.join(claims)}" if claims else "other values"


def change(path: str, before: str, after: str, effect: str) -> DataChange:
    """Make a change of one value from both canonical forms."""
    return DataChange(
        path=path, before=printable_form(before), after=printable_form(after), effect=effect, mark=f"{before} {after}"
    )


def canonical(value: Any) -> str:
    """Return a value in its canonical form; empty for none."""
    if value is None or value == "" or value == {} or value == []:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def in_escaped_form(release: ReleaseSnapshot, text: str) -> str:
    """Convert a name template to the terms of charts before 4, whose `{username}` is the escaped name."""
    escaped = scheme_of(release) == ESCAPE and parse(release.version) >= CHOICE_BEGINS
    return text.replace("{escaped_username}", "{username}") if escaped else text


def differing(before: ReleaseSnapshot, after: ReleaseSnapshot, path: str, effect: str, usual: str = "") -> Iterator[DataChange]:
    """Return the change of the value at `path`, if there is one; `usual` is the chart's default."""
    keys = path_of(path)
    was, will_be = (in_escaped_form(one, canonical(at(one.values, *keys)) or usual) for one in (before, after))
    if was != will_be:
        yield change(path, was, will_be, effect)


def mappings_in(value: Any) -> list[Mapping[str, Any]]:
    """Yield the mappings in a list, or among the values of a mapping: newer charts accept either."""
    found = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [one for one in found if isinstance(one, Mapping)]
