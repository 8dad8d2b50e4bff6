"""Irreversible effects on users' data of another chart version or other values. Pure.

https://z2jh.jupyter.org/en/stable/administrator/upgrading/index.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.helm.plan import Concern
from notebook_platform.hubs.chart.versions import generation, is_ahead, migrates, rules_are_alternatives
from notebook_platform.hubs.naming import ESCAPE, SAFE, ReleaseSnapshot, scheme_of
from notebook_platform.hubs.secrets import missing_secrets
from notebook_platform.hubs.sign_in import NARROWING, rules_in
from notebook_platform.hubs.users.user_counts import UserCounts, named
from notebook_platform.paths import at
from notebook_platform.versions import parse

NAMED_ALIKE = re.compile(r"[a-z0-9]+")
"""Users whose name gives the same names of pods and volumes in either scheme."""

IN_MEMORY = "sqlite-memory"
LOST: Mapping[str, str] = {
    "proxyToken": "the proxy's token changes, and running servers cannot be reached until the hub has found them again",
    "cookieSecret": "the cookie secret changes, and all users are logged out",
    "cryptKey": "the keys of the encrypted sign-in state change, and state encrypted with the old ones cannot be read",
}


def concerns(before: ReleaseSnapshot, after: ReleaseSnapshot, users: UserCounts) -> Iterator[Concern]:
    """Yield the concerns of another chart version, and those that need an approval of their own. `after` is the release as it
    would be, `users` the users who have homes."""
    yield from (Concern(clause=clause) for clause in _database(before, after))
    schemes = f"slug_scheme {scheme_of(before)} {scheme_of(after)}"
    yield from (Concern(clause=clause, key=schemes) for clause in _names(before, after, users))
    yield from _named_servers(before, after, users)
    yield from _sign_in(before, after)
    yield from (Concern(clause=LOST[key], key=f"lost {key}") for key in missing_secrets(before.values, after.values))


def goes_back(before: ReleaseSnapshot, after: ReleaseSnapshot) -> bool:
    """Return whether the hub of `after` would find a database that only a newer hub can read."""
    kept = at(before.values, "hub", "db", "type") != IN_MEMORY
    return kept and migrates(before.version, after.version) and parse(before.version) > parse(after.version)


def empties_database(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[Concern]:
    """Yield the concern of a hub without accounts that goes back to an older JupyterHub."""
    if goes_back(before, after):
        yield Concern(
            clause=f"{_hub(after.version)} cannot read the database of {_hub(before.version)} and would not start: delete the claim "
            "hub-db-dir, which holds no accounts, once the new hub's pod waits for it"
        )


def _database(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[str]:
    if not migrates(before.version, after.version) or at(before.values, "hub", "db", "type") == IN_MEMORY:
        return
    old, new = _hub(before.version), _hub(after.version)
    if parse(before.version) < parse(after.version):
        yield (
            f"{new} {'may change' if is_ahead(after.version) else 'changes'} the hub's database into a form that {old} cannot read, so "
            "that only a copy can restore it (an SQLite file is copied beside itself, and its volume is snapshotted first "
            "where the cluster can; back up any other database yourself)"
        )
    else:
        yield f"{new} cannot read the database of {old}: restore it first from the copy made before the upgrade"


def _sign_in(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[Concern]:
    """Yield who may sign in, or no longer, because a newer authenticator reads the same rules in another way."""
    if rules_are_alternatives(before.version) or not rules_are_alternatives(after.version):
        return
    had, has = rules_in(before), rules_in(after)
    others = [rule for rule in NARROWING if rule != "allowed_users" and had.get(rule) and has.get(rule)]
    old, new = before.version, after.version
    if had.get("allowed_users") and others:
        yield Concern(
            clause=f"chart {new} admits users who match allowed_users or {others[0]}, where {old} admitted only those who match both",
            key=f"sign-in allowed_users {others[0]}",
        )
    unnamed = set(map(str, had.get("allowed_users") or ())) > set(map(str, had.get("admin_users") or ()))
    if unnamed and not (has.get("allow_existing_users") or has.get("allow_all")):
        yield Concern(clause=f"existing users whom no rule names can no longer sign in with chart {new} (allow_existing_users)")


def _named_servers(before: ReleaseSnapshot, after: ReleaseSnapshot, users: UserCounts) -> Iterator[Concern]:
    """Yield the named servers that no user can start any more, with their homes."""
    owners = sorted({user for user, server, _ in users.homes if server})
    if owners and allows_named(before.values) and not allows_named(after.values):
        yield Concern(
            clause=f"named servers are turned off, and the homes of those of {named(owners)} can no longer be opened",
            key="named servers off",
        )


def allows_named(values: Mapping[str, Any]) -> bool:
    """Return whether users may have named servers by a hub's values."""
    trait = at(values, "hub", "config", "JupyterHub", "allow_named_servers")
    return bool(at(values, "hub", "allowNamedServers") if trait is None else trait)


def _hub(version: str) -> str:
    return f"the JupyterHub of chart {version}" if is_ahead(version) else f"JupyterHub {generation(version).hub}"


def _names(before: ReleaseSnapshot, after: ReleaseSnapshot, users: UserCounts) -> Iterator[str]:
    was, will_be = scheme_of(before), scheme_of(after)
    if was == will_be or {was, will_be} != {SAFE, ESCAPE}:
        return
    moved = sorted({user for user, server, _ in users.homes if server or not NAMED_ALIKE.fullmatch(user)})
    if moved:
        homes = "home volume is" if len(moved) == 1 else "home volumes are"
        running = f"; {users.servers} servers are running; stop them first" if users.servers else ""
        yield (
            f"slug_scheme goes from {was} to {will_be}, and the {homes} no longer found of {named(moved)}, who would begin with "
            f"an empty one{running}"
        )
    path = at(after.values, "singleuser", "storage", "static", "subPath")
    if isinstance(path, str) and "{username}" in path:
        yield f"slug_scheme goes from {was} to {will_be}, and homes below {path} are expected under other names"
