"""Changes after which a hub does not recognise its users: another database, another sign-in, other names. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.users.changes import DataChange, canonical, change, differing
from notebook_platform.paths import at

NAME_TRAITS = (
    "allowed_idps",
    "auth0_domain",
    "auth0_subdomain",
    "github_url",
    "gitlab_url",
    "hosted_domain",
    "identity_provider",
    "strip_domain",
    "strip_idp_domain",
    "tenant_id",
    "username_map",
    "username_template",
)
"""What else of an authenticator makes or changes users' names (https://oauthenticator.readthedocs.io/en/latest/reference/)."""

USERNAME_CLAIMS: Mapping[str, str] = {"genericoauthenticator": "username", "githuboauthenticator": "login"}
"""What charts take when no claim is given."""

CLASSES: Mapping[str, str] = {
    "generic-oauth": "genericoauthenticator",
    "azuread": "azureadoauthenticator",
    "github": "githuboauthenticator",
    "google": "googleoauthenticator",
    "gitlab": "gitlaboauthenticator",
    "cilogon": "cilogonoauthenticator",
    "globus": "globusoauthenticator",
    "auth0": "auth0oauthenticator",
    "bitbucket": "bitbucketoauthenticator",
    "dummy": "dummyauthenticator",
}
"""Short names of authenticators (https://jupyterhub.readthedocs.io/en/stable/reference/authenticators.html)."""

PORTS: Mapping[str, int] = {"postgres": 5432, "mysql": 3306, "https": 443, "http": 80}
CLAIM_OF_DATABASE = ("subPath", "selector", "storageClassName")

CODE = re.compile(r"(?i)volume|pvc|storage|db_url|authenticator|username|slug|namespace|subpath|mount")
"""Words of code that may decide where data lie or how users are called."""


def identity_changes(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    """Yield the changes between two releases of a hub after which it no longer knows its users, or knows them by other names."""
    yield from _database(before, after)
    yield from _names(before, after)
    yield from _code(before, after)


def _database(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    (was, had), (will_be, has) = _database_of(before), _database_of(after)
    if was == "sqlite-memory":
        return
    if had != has:
        effect = "the hub no longer knows its users, their servers and their tokens"
        yield DataChange(path="hub.db", before=was, after=will_be, effect=effect, mark=f"{had} {has}")
    elif was == "sqlite-pvc":
        effect = "the hub no longer finds the volume of its database"
        for path in (*(f"hub.db.pvc.{name}" for name in CLAIM_OF_DATABASE), "fullnameOverride", "nameOverride"):
            yield from differing(before, after, path, effect)


def _database_of(release: ReleaseSnapshot) -> tuple[str, str]:
    """Return the kind of a hub's database, and what identifies it; the URL may be a secret and is not shown."""
    url = canonical(at(release.values, "hub", "config", "JupyterHub", "db_url"))
    kind = canonical(at(release.values, "hub", "db", "type")) or "sqlite-pvc"
    if not url and kind in ("sqlite-pvc", "sqlite-memory"):
        return kind, kind
    address = without_login(url or canonical(at(release.values, "hub", "db", "url")))
    return address.partition(":")[0] or kind, address or kind


def without_login(url: str) -> str:
    """Return a URL without user, password and parameters: `postgres://db.example.org/hub`. Empty for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    scheme = {"postgresql": "postgres", "mariadb": "mysql"}.get(base := parts.scheme.partition("+")[0], base)
    shown_port = f":{port}" if port and port != PORTS.get(scheme) else ""
    return f"{scheme}://{host}{shown_port}{parts.path}" if scheme else ""


def _names(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    effect = "users get other names, and therefore empty homes"
    was, will_be = _authenticator(before), _authenticator(after)
    if was != will_be:
        yield change("hub.config.JupyterHub.authenticator_class", was, will_be, effect)
        return
    had, has = _naming(before, was), _naming(after, will_be)
    for trait in sorted({*had, *has}):
        if had.get(trait, "") != has.get(trait, ""):
            yield change(f"hub.config.{trait}", had.get(trait, ""), has.get(trait, ""), effect)


def _authenticator(release: ReleaseSnapshot) -> str:
    name = canonical(at(release.values, "hub", "config", "JupyterHub", "authenticator_class")) or "dummy"
    return CLASSES.get(name, name.rpartition(".")[2].lower())


def _naming(release: ReleaseSnapshot, authenticator: str) -> dict[str, str]:
    """Yield the settings that make users' names, of the chosen authenticator and of all."""
    config = at(release.values, "hub", "config")
    found: dict[str, str] = {}
    for section, traits in config.items() if isinstance(config, Mapping) else ():
        if not isinstance(traits, Mapping) or section.lower() not in (authenticator, "authenticator", "oauthenticator"):
            continue
        for trait in NAME_TRAITS:
            found[f"{section}.{trait}"] = canonical(traits.get(trait))
        if section.lower() == authenticator:
            claim = canonical(traits.get("username_claim")) or canonical(traits.get("username_key"))
            found[f"{section}.username_claim"] = claim or USERNAME_CLAIMS.get(authenticator, "")
            found[f"{section}.userdata_url"] = without_login(canonical(traits.get("userdata_url")))
    return found


def _code(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    """Return a mark for code, which is not shown because it may hold secrets."""
    for place in ("extraConfig", "extraFiles"):
        had, has = _texts(before, place), _texts(after, place)
        for name in sorted({*had, *has}):
            was, will_be = had.get(name, ""), has.get(name, "")
            if was != will_be and CODE.search(f"{was}\n{will_be}"):
                effect = "the operator cannot determine what this code does with volumes, names or the database"
                path = f"hub.{place}.{name}" if name else f"hub.{place}"
                mark = json.dumps([was, will_be])
                yield DataChange(path=path, before=_sizes(was), after=_sizes(will_be), effect=effect, mark=mark)


def _texts(release: ReleaseSnapshot, place: str) -> dict[str, str]:
    found = at(release.values, "hub", place)
    if isinstance(found, Mapping):
        return {str(name): canonical(code) for name, code in found.items()}
    return {"": canonical(found)} if found else {}


def _sizes(code: str) -> str:
    return f"{len(code.splitlines())} lines" if code else ""
