"""Asks a hub at its own door whether it is well. The address came out of the cluster, so it is checked before it is asked."""

import asyncio
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

SECONDS = 4


async def probe(url: str, *, allow_private: bool) -> str | None:
    """GET <url>/hub/health. None: it answered 200; else why not. An address that must not be asked counts as well."""
    parts = urlsplit(url)
    if not allow_private and not await _is_public(parts.hostname or ""):
        return None
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{url}/hub/health", allow_redirects=False) as answer,
        ):
            return None if answer.status == 200 else f"{url}/hub/health answers {answer.status}"
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        return f"{url}/hub/health does not answer ({type(error).__name__})"


async def _is_public(host: str) -> bool:
    """Whether the name leads to public addresses only; private ones may not be reachable and are nobody's to probe."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ip_address(entry[4][0]).is_global for entry in found)
