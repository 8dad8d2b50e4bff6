"""Whether a hub has users at all: a fresh one has no data to lose or hide, so it needs no approval."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from notebook_platform.hubs.net.hub_api import HubApi
from notebook_platform.hubs.users.active_servers import token_in
from notebook_platform.paths import at

CONFIGURED = ("admin_users", "allowed_users")
"""Traits of authenticators: the hub enters these users into its database when it starts, before they ever sign in."""


async def has_users(urls: Iterable[str | None], values: Mapping[str, Any], *, allow_private: bool) -> bool:
    """Return whether a hub with these values has users beside the configured ones; True as well when it does not answer.

    `urls` are its addresses, with no slash at the end.
    """
    if token := token_in(values):
        for url in filter(None, urls):
            if (known := await HubApi(url=url, token=token, allow_private=allow_private).users()) is not None:
                return not known <= configured(values)
    return True


def configured(values: Mapping[str, Any]) -> frozenset[str]:
    """Return the users that a hub's values name. Pure."""
    sections = at(values, "hub", "config")
    roles = at(values, "hub", "loadRoles")
    return frozenset(
        [
            *_listed(sections if isinstance(sections, Mapping) else {}, CONFIGURED),
            *_listed(roles if isinstance(roles, Mapping) else {}, ("users",)),
        ]
    )


def _listed(sections: Mapping[str, Any], members: Iterable[str]) -> Iterator[str]:
    for section in sections.values():
        for member in members if isinstance(section, Mapping) else ():
            names = section.get(member)
            yield from (str(name) for name in names) if isinstance(names, list | tuple | set) else ()
