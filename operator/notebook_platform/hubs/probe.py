"""Asks a hub or binder at its own door whether it is well. The address came out of the cluster, so it is checked before it is asked."""

import asyncio
import socket
from urllib.parse import urlsplit

import aiohttp

from notebook_platform.helm.troubles import Trouble
from notebook_platform.hubs import careful

SECONDS = 4


async def probe(url: str, path: str, *, allow_private: bool) -> tuple[Trouble, ...]:
    """GET `path` at `url`: nothing when it answers 200, else what it does instead. An address that must not be asked counts as well."""
    if not allow_private and not await is_public(urlsplit(url).hostname or ""):
        return ()
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{url}{path}", allow_redirects=False) as answer,
        ):
            if answer.status == 200 or answer.headers.get("Location", "").startswith("https://"):
                return ()  # a door that sends people on to https answers, too
            return (Trouble(3, "NotHealthy", f"{url}{path} answers {answer.status}"),)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        return (Trouble(3, "NotReachable", f"{url}{path} does not answer ({type(error).__name__})"),)


async def is_public(host: str) -> bool:
    """Whether the name leads to public addresses only; private ones may not be reachable and are nobody's to probe."""
    found = await addresses_of(host)
    return bool(found) and all(map(careful.is_public, found))


async def resolves(host: str) -> bool:
    """Whether the name leads anywhere from here."""
    return bool(await addresses_of(host))


async def addresses_of(host: str) -> list[str]:
    """Where a name leads from here; empty: nowhere."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(entry[4][0]) for entry in found]
