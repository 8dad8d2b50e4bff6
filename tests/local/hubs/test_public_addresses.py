"""Only public addresses are asked, and the address that was checked is the one that is asked."""

import asyncio
import socket
from typing import Any

import pytest
from notebook_platform.hubs.binder.health import ask
from notebook_platform.hubs.net.hub_api import HubApi
from notebook_platform.hubs.net.probe import probe
from notebook_platform.hubs.net.public_addresses import (
    AddressNotAllowed,
    NameUnknown,
    PublicOnlyResolver,
    SystemResolver,
    addresses_of,
    is_name,
    is_public,
)
from notebook_platform.hubs.net.safe_http import SafeHttp

from tests.local.hubs.http_server import PUBLIC, Rebinding, Server

REBOUND = [
    (["127.0.0.1"], [PUBLIC]),
    (["::ffff:127.0.0.1"], [PUBLIC]),
    ([PUBLIC, "127.0.0.1"], ["127.0.0.1"]),
    (["127.0.0.1", PUBLIC], ["127.0.0.1"]),
]


@pytest.mark.parametrize("answers", REBOUND)
async def test_a_probe_of_a_rebound_name_does_not_reach_loopback(server: Server, answers: Any) -> None:
    names = Rebinding(*answers)
    found = await probe(f"http://hub.example.org:{server.port}", "/hub/health", allow_private=False, names=names)
    assert server.asked == [] and names.questions == 1
    assert found == () or found[0].reason == "Unreachable"


@pytest.mark.parametrize("answers", REBOUND)
async def test_a_binder_with_a_rebound_name_does_not_reach_loopback(server: Server, answers: Any) -> None:
    names = Rebinding(*answers)
    await ask("http://binder.example.org/", f"lb.example.org:{server.port}", allow_private=False, names=names)
    assert server.asked == [] and names.questions == 1


@pytest.mark.parametrize("answers", REBOUND)
async def test_a_token_does_not_follow_a_rebound_name(server: Server, answers: Any) -> None:
    names = Rebinding(*answers)
    url = f"https://hub.example.org:{server.port}"
    assert await HubApi(url=url, token="token", resolver=names, timeout=8).servers() is None
    assert server.asked == [] and names.questions == 1


async def test_a_name_is_resolved_once_and_what_it_leads_to_later_does_not_count() -> None:
    names = Rebinding([PUBLIC], ["127.0.0.1"])
    resolver = PublicOnlyResolver(allow_private=False, names=names)
    assert [one["host"] for one in await resolver.resolve("hub.example.org")] == [PUBLIC]
    with pytest.raises(AddressNotAllowed):
        await resolver.resolve("hub.example.org")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "::ffff:10.0.0.1"])
def test_no_socket_is_made_for_a_private_address_whoever_found_it(address: str) -> None:
    with pytest.raises(AddressNotAllowed):
        SafeHttp(allow_private=False)._socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 443)))


async def test_the_address_that_is_allowed_is_the_one_that_is_asked(server: Server) -> None:
    names = Rebinding(["127.0.0.1"], [PUBLIC])
    assert await probe(f"http://hub.example.org:{server.port}", "/hub/health", allow_private=True, names=names) == ()
    assert (server.asked, names.questions) == (["/hub/health"], 1)


FORBIDDEN = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0X7F.0.0.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "localhost",
    "localhost.",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[2606:4700::1111%25lo]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "user@127.0.0.1",
    "20.190.128.1@127.0.0.1",
    "127.0.0.1\\@20.190.128.1",
    "127.0.0.1#@20.190.128.1",
    "",
    "-a.example.org",
    "a b.example.org",
    "a\u202e.example.org",
]


@pytest.mark.parametrize("host", FORBIDDEN)
async def test_no_notation_of_a_private_address_is_asked(server: Server, host: str) -> None:
    async with SafeHttp(allow_private=False) as http:
        with pytest.raises((AddressNotAllowed, NameUnknown)):
            await http.get(f"http://{host}:{server.port}/", most=10)
    assert server.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("2603:1006:2000::1", True),
        ("::ffff:20.190.128.1", True),
        ("64:ff9b::14be:8001", True),
        ("2002:14be:8001::", True),
        ("240.0.0.1", False),
        ("198.18.0.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("2606:4700::1111%eth0", False),
        ("::14be:8001", False),
        ("4000::1", False),
        ("20.190.128.1 ", False),
        ("020.190.128.1", False),
    ],
)
def test_public_is_what_the_internet_routes(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "name", ["a", "hub.example.org", "hub.example.org.", "_x.example.org", "xn--mnchen-3ya.example", "a" * 63]
)
def test_a_host_name_is_recognized(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "a..b", "-a", "a-", "a" * 64, "a/b", "a:1", "1", "1.2.3.4", "0x1", "ü", "a\n", "a%"])
def test_a_malformed_host_name_is_refused(name: str) -> None:
    assert not is_name(name)


async def test_concurrent_lookups_of_one_name_share_one_query() -> None:
    resolver = SystemResolver()
    found = await asyncio.gather(*(resolver.resolve("localhost") for _ in range(50)))
    assert {one["host"] for answer in found for one in answer} <= {"127.0.0.1", "::1"}
    assert resolver._asking == {}
    with pytest.raises(AddressNotAllowed):
        await PublicOnlyResolver(allow_private=False).resolve("localhost")
    assert await addresses_of("no-such-name.invalid") == [] and await addresses_of("a b") == []
