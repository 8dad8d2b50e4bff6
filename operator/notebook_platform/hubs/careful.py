"""Asks with care at addresses that others chose: no address is asked that is not public, unless the operator's configuration allows it.

The address that was looked at is the one that is asked: a name cannot lead elsewhere in between.
"""

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

NAT64 = ip_network("64:ff9b::/96")
"""Addresses of IPv4 hosts in a network that has IPv6 only (RFC 6052)."""

WIRE_SERVER = IPv4Address("168.63.129.16")
"""Azure's own, seen from its machines only (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16)."""


class NotPublic(OSError):
    """A name leads to an address that must not be asked."""


async def body_of(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body of an answer; None when it is longer than `most` bytes."""
    body = bytearray()
    async for chunk in answer.content.iter_chunked(16384):
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def is_number(host: str) -> bool:
    """Whether a host is an address and no name, in any of the ways to write one (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    Such a host is not resolved."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")


def _inner(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address, and IPv4 addresses that it carries."""
    yield address
    if isinstance(address, IPv6Address):
        if address in NAT64:
            yield IPv4Address(int(address) & 0xFFFFFFFF)
        yield from (inner for inner in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if inner is not None)


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet at large. What is no address in its usual form is not."""
    try:
        found = list(_inner(ip_address(address.partition("%")[0])))
    except ValueError:
        return False
    mapped = isinstance(found[0], IPv6Address) and found[0].ipv4_mapped is not None
    return all(one.is_global and not one.is_multicast and one != WIRE_SERVER for one in (found[1:] if mapped else found))


class Careful(AbstractResolver):
    """Resolves names, and gives no address that must not be asked."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Raises NotPublic."""
        loop = asyncio.get_running_loop()
        entries = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = [str(entry[4][0]) for entry in entries]
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise NotPublic(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=entry[0],
                proto=entry[2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for entry, address in zip(entries, addresses, strict=True)
        ]

    async def close(self) -> None:
        """Nothing is kept."""
