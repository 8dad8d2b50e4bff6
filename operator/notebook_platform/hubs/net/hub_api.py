"""Client of a hub's REST API (https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html), as the operator's own
service.

The token is sent through TLS, or to an address that is not public and that the operator may ask: never in the clear over the
Internet.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp.abc import AbstractResolver

from notebook_platform.bounded.documents import Budget, read_json
from notebook_platform.hubs.net.public_addresses import SYSTEM
from notebook_platform.hubs.net.safe_http import SafeHttp

T = TypeVar("T")

SECONDS, TIMEOUT = 5.0, 30.0
"""For one answer, and for all pages together."""

MOST_BYTES = 4 * 1024 * 1024
BUDGET = Budget(bytes=MOST_BYTES, nodes=200_000, depth=20)
PAGES = 200
PAGE = 200
PAGINATION = "application/jupyterhub-pagination+json"


@dataclass(frozen=True)
class Server:
    """One user's server. `pending` is the hub's action on it (spawn, stop); `ready`: it is usable."""

    user: str
    name: str
    ready: bool
    pending: str | None


@dataclass(frozen=True, kw_only=True)
class HubApi:
    """The API of one hub. `url` is its address without a slash at its end.

    `allow_private`: whether the address may be a private one; `timeout`: seconds for all pages of one question. `resolver` finds
    addresses in place of the system, `tls` is for a CA that the system does not know.
    """

    url: str
    token: str = field(repr=False)
    allow_private: bool = False
    resolver: AbstractResolver = SYSTEM
    tls: ssl.SSLContext | None = None
    timeout: float = TIMEOUT

    async def servers(self) -> tuple[Server, ...] | None:
        """Return the servers that run, start or stop; None when the hub does not answer in time, refuses the token, or may not be
        asked."""
        found = await self._collect(in_page, "active")
        return None if found is None else tuple(found)

    async def users(self) -> frozenset[str] | None:
        """Return the names of all users that the hub knows; None as for `servers`."""
        found = await self._collect(names_in_page, None)
        return None if found is None else frozenset(found)

    async def _collect(self, read: Callable[[Any], Iterator[T]], state: str | None) -> list[T] | None:
        """Return what `read` finds in all pages of users; `state` selects users as the hub's API does."""
        headers = {"Authorization": f"token {self.token}", "Accept": PAGINATION}
        found: list[T] = []
        try:
            async with (
                asyncio.timeout(self.timeout),
                SafeHttp(allow_private=self.allow_private, tls=self.tls, names=self.resolver, seconds=SECONDS) as http,
            ):
                place: int | None = 0
                for _ in range(PAGES):
                    page = await _page(http, f"{self.url}/hub/api/users", headers, place, state)
                    found += read(page)
                    place = following(page)
                    if place is None:
                        return found
        except (TimeoutError, OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return None


async def _page(http: SafeHttp, url: str, headers: Mapping[str, str], offset: int | None, state: str | None) -> Any:
    asked = {"offset": str(offset), "limit": str(PAGE)} | ({"state": state} if state else {})
    answer = await http.get(url, most=MOST_BYTES, headers=headers, params=asked)
    if answer.status != 200:
        raise ValueError(f"it answers {answer.status}")
    return await read_json(answer.body, BUDGET)


def in_page(page: Any) -> Iterator[Server]:
    """Return the servers in an answer. Hubs before 2 have no pages and answer with a list. Pure."""
    for user in _users_in(page):
        for name, server in (user.get("servers") or {}).items():
            yield Server(str(user["name"]), name, bool(server.get("ready")), server.get("pending"))


def names_in_page(page: Any) -> Iterator[str]:
    """Return the names of the users in an answer. Pure."""
    for user in _users_in(page):
        yield str(user["name"])


def _users_in(page: Any) -> Any:
    return page["items"] if isinstance(page, Mapping) else page


def following(page: Any) -> int | None:
    """Return the offset of the next page; None: this is the last one. Pure."""
    after = page["_pagination"]["next"] if isinstance(page, Mapping) else None
    return int(after["offset"]) if after else None
