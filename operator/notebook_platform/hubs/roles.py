"""Check the roles of a hub's values (`hub.loadRoles`): the hub does not start with a role that names what does not exist. Pure.

https://jupyterhub.readthedocs.io/en/stable/rbac/roles.html
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notebook_platform.hubs.case import Case, Violation
from notebook_platform.hubs.chart.traits import hub_classes
from notebook_platform.hubs.chart.versions import is_ahead
from notebook_platform.versions import Version

ROLES_BEGIN: Version = (2, 0)
CULLER = "jupyterhub-idle-culler"
"""Service of the chart itself, while cull.enabled."""

OF_THE_BINDER = "binder"
"""Service that the binderhub chart gives to its hub."""

ADMIN = "admin"
FREE_ENTRY: Version = (4, 0)
"""Charts from here on create the users that a role names, whatever the allow rules say."""


def check_roles(case: Case) -> Iterator[Violation]:
    """Yield what keeps the hub from starting: services and scopes that do not exist, and users who may not sign in."""
    roles = case.at("hub.loadRoles")
    if case.version < ROLES_BEGIN or is_ahead(case.spec.chart.version) or not isinstance(roles, Mapping):
        return
    for name, role in roles.items():
        if not isinstance(role, Mapping):
            continue
        where = f"{case.from_(f'hub.loadRoles.{name}')}: the role {name!r}"
        yield from _services(case, where, _texts(role.get("services")))
        yield from _scopes(case, where, str(name), role)
        yield from _users(case, where, _texts(role.get("users")))


def _services(case: Case, where: str, named: Sequence[str]) -> Iterator[Violation]:
    if not _mentions(case, "services"):
        defined = _defined(case)
        for service in (one for one in named if one not in defined):
            yield (
                f"{where} names the service {service!r}, which is not defined: the hub would not start",
                "Define it under services, or remove it from the role.",
            )


def _defined(case: Case) -> frozenset[str]:
    services = case.at("hub.services")
    listed = case.config("JupyterHub").get("services")
    more = [one.get("name") for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    culler = [CULLER] if case.at("cull.enabled") is not False else []
    return frozenset([*(services if isinstance(services, Mapping) else ()), *map(str, more), *culler, OF_THE_BINDER])


def _scopes(case: Case, where: str, name: str, role: Mapping[str, Any]) -> Iterator[Violation]:
    known, scopes = hub_classes(case.chosen.name).scopes, _texts(role.get("scopes"))
    if name == ADMIN and (scopes or role.get("description")):
        yield (
            f"{where} has scopes or a description, which JupyterHub does not allow to change: the hub would not start",
            "Remove them.",
        )
    for scope in scopes:
        plain = scope.partition("!")[0]
        if known and plain not in known and not plain.startswith("custom:"):
            yield (
                f"{where} names the scope {plain!r}, which this JupyterHub does not have: the hub would not start",
                "Use a scope of https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html.",
            )


def _users(case: Case, where: str, named: Sequence[str]) -> Iterator[Violation]:
    """Yield users who are not among the allowed. OAuthenticator 16 (chart 3) no longer asks for that; other authenticators of chart 3
    do."""
    known = hub_classes(case.chosen.name)
    chosen = known.class_of(case.authenticator or "")
    asks = case.version < FREE_ENTRY and chosen is not None
    if not asks or (case.chosen.needs_allow_rule != "none" and "OAuthenticator" in known.lineage(chosen or "")):
        return
    allowed = {name.lower() for name in _texts(case.trait("allowed_users"))}
    admins = {name.lower() for name in _texts(case.trait("admin_users"))}
    for user in (one for one in named if allowed and one.lower() not in allowed | admins):
        yield (
            f"{where} names the user {user!r}, who may not sign in: the hub of chart {case.spec.chart.version} would not start",
            "Add the user to allowedUsers, or remove the user from the role.",
        )


def _mentions(case: Case, word: str) -> bool:
    """Return whether code in the values, or a Secret that is not read here, may set more."""
    code = [case.at("hub.extraConfig"), case.at("hub.extraFiles")]
    return bool(case.at("hub.existingSecret")) or any(word in str(text) for text in code if text)


def _texts(value: Any) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
