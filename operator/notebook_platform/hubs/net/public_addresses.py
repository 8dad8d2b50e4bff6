"""The addresses that may be requested for authors and tenants, and a resolver that returns no other ones.

An author of a resource or a tenant of a built cluster chooses names that the operator then asks: an issuer, a hub's host, a load
balancer's host name. Such a name may lead to the metadata service of the operator's node or to a neighbour in its network. Only
public addresses are asked, unless the operator's configuration allows others, and the address that was checked is the one that is
asked: a name is resolved once, so it cannot lead elsewhere in between (DNS rebinding).
"""

import asyncio
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

NAT64 = ip_network("64:ff9b::/96")
"""Addresses of IPv4 hosts in a network that has IPv6 only (RFC 6052)."""

GLOBAL_UNICAST = ip_network("2000::/3")
"""All of IPv6 that is routed on the Internet (https://www.iana.org/assignments/ipv6-address-space)."""

WIRE_SERVER = IPv4Address("168.63.129.16")
"""Azure's own, seen from its machines only (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16)."""

THREADS = 4
"""Names are resolved in threads of their own: a name server that never answers must hold up no other work."""

MOST_WAITING = 256
MOST_ADDRESSES = 8
"""Of one name; more are not tried."""

_NAME = re.compile(
    r"(?=.{1,253}\.?\Z)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)
_LOOKUPS = ThreadPoolExecutor(THREADS, thread_name_prefix="resolve")


class AddressNotAllowed(OSError):
    """A host is, or resolves to, an address that must not be requested."""


class NameUnknown(OSError):
    """A name does not resolve."""


def is_number(host: str) -> bool:
    """Return whether a host is an address and not a name, in any notation
    (https://url.spec.whatwg.org/#ends-in-a-number-checker). Such a host is not resolved."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last[:2].lower() == "0x"


def is_name(host: str) -> bool:
    """Return whether a host has the form of a DNS name."""
    return _NAME.fullmatch(host) is not None and not is_number(host)


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet at large. What is no address in its usual form, or has a zone, is not."""
    try:
        found = list(_inner(ip_address(address)))
    except ValueError:
        return False
    return all(map(_is_global, found))


def _inner(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The IPv4 addresses that an address carries, and itself where it is more than their envelope."""
    if not isinstance(address, IPv6Address):
        yield address
    elif address.scope_id is not None:
        raise ValueError("an address with a zone")
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in NAT64:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address
        yield from (inner for inner in (address.sixtofour, *(address.teredo or ())) if inner is not None)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    routed = address.is_global and not address.is_multicast and not address.is_reserved and address != WIRE_SERVER
    return routed and (isinstance(address, IPv4Address) or address in GLOBAL_UNICAST)


class SystemResolver(AbstractResolver):
    """Asks the system, in a few threads of its own; who asks for a name that is being asked for waits for the same answer."""

    def __init__(self) -> None:
        self._asking: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Raises NameUnknown."""
        if not is_name(host):
            raise NameUnknown(f"{len(host)} characters that are no name")
        loop = asyncio.get_running_loop()
        key = host, int(family)
        asking = self._asking.get(key)
        if asking is None or asking.get_loop() is not loop:
            if len(self._asking) >= MOST_WAITING:
                raise NameUnknown("too many names are being resolved")
            asking = loop.run_in_executor(_LOOKUPS, _lookup, host, family)
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._answered(key, done))
        try:
            entries = await asyncio.shield(asking)
        except (OSError, UnicodeError):
            raise NameUnknown(host) from None
        return [
            ResolveResult(
                hostname=host,
                host=str(entry[4][0]),
                port=port,
                family=entry[0],
                proto=entry[2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for entry in entries[:MOST_ADDRESSES]
        ]

    def _answered(self, key: tuple[str, int], done: "asyncio.Future[list[Any]]") -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            done.exception()

    async def close(self) -> None:
        """Do nothing: the resolver holds no resources."""


def _lookup(host: str, family: int) -> list[Any]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, family=family)


SYSTEM = SystemResolver()
"""One for the process."""


class PublicOnlyResolver(AbstractResolver):
    """Resolves names, and gives no address that must not be asked. `names` finds the addresses; left out: the system."""

    def __init__(self, *, allow_private: bool, names: AbstractResolver = SYSTEM) -> None:
        self._allow_private = allow_private
        self._names = names

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Raises AddressNotAllowed if one of the addresses must not be asked, NameUnknown if there is none."""
        found = await self._names.resolve(host, port, family)
        if not self._allow_private and not all(is_public(one["host"]) for one in found):
            raise AddressNotAllowed(host)
        if not found:
            raise NameUnknown(host)
        return found

    async def close(self) -> None:
        """Nothing is kept open."""


async def addresses_of(host: str, names: AbstractResolver = SYSTEM) -> list[str]:
    """Return where a name leads from here; empty: nowhere."""
    try:
        return [one["host"] for one in await names.resolve(host)]
    except OSError:
        return []
