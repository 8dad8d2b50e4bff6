"""All requests to addresses from users pass one helper: public addresses only, the address that was checked, within limits."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
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
from notebook_platform.hubs.net.safe_http import NoAnswer, SafeHttp

PUBLIC = "20.190.128.1"
AUTHORITY = trustme.CA()


class Server:
    """A server on loopback that counts requests and answers as a test sets it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return await self.answer(request) if self.answer else web.Response(text="{}")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


class Rebinding(AbstractResolver):
    """A name whose addresses change with each query, as its owner's name server may answer."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.questions = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        addresses = self.answers[min(self.questions, len(self.answers) - 1)]
        self.questions += 1
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST)
            for one in addresses
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


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


@pytest.mark.parametrize("port", [1, 21, 22, 23, 25, 53, 110, 143, 389, 445, 587, 993, 2049, 6000, 6667, 10080])
async def test_ports_of_other_protocols_are_refused(port: int) -> None:
    async with SafeHttp(allow_private=True) as http:
        with pytest.raises(AddressNotAllowed):
            await http.get(f"http://127.0.0.1:{port}/", most=10)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://20.190.128.1/", "gopher://20.190.128.1/", "http://h:99999/", "//h/"]
)
async def test_other_schemes_are_refused(url: str) -> None:
    async with SafeHttp(allow_private=True) as http:
        with pytest.raises(AddressNotAllowed):
            await http.get(url, most=10)


async def test_a_secret_is_not_sent_in_the_clear() -> None:
    async with SafeHttp(allow_private=True) as http:
        with pytest.raises(AddressNotAllowed):
            await http.get("http://hub.example.org/", most=10, headers={"authorization": "token x"})


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
def test_names_are_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "a..b", "-a", "a-", "a" * 64, "a/b", "a:1", "1", "1.2.3.4", "0x1", "ü", "a\n", "a%"])
def test_all_else_is_not(name: str) -> None:
    assert not is_name(name)


async def test_redirects_are_not_followed_and_compressed_answers_not_read(server: Server) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{server.port}/second"})

    async def bomb(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"})

    async with SafeHttp(allow_private=True) as http:
        server.answer = elsewhere
        assert (await http.get(f"http://127.0.0.1:{server.port}/first", most=10)).status == 302
        server.answer = bomb
        with pytest.raises(NoAnswer):
            await http.get(f"http://127.0.0.1:{server.port}/bomb", most=1 << 21)
    assert server.asked == ["/first", "/bomb"]


async def test_cookies_and_proxies_of_the_environment_play_no_part(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("Cookie", "none"), headers={"Set-Cookie": "a=b"})

    server.answer = answer
    async with SafeHttp(allow_private=True) as http:
        bodies = [(await http.get(f"http://127.0.0.1:{server.port}/", most=99)).body for _ in range(2)]
    assert bodies == [b"none", b"none"]


async def served(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> asyncio.Server:
    return await asyncio.start_server(talk, "127.0.0.1", 0)


HOSTILE = {
    "silence": [b""],
    "a body without end": [b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536],
    "a header without end": [b"HTTP/1.1 200 OK\r\nA: ", b"x" * 65536],
    "headers without end": [b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000],
    "interim answers without end": [b"HTTP/1.1 100 Continue\r\n\r\n" * 100],
    "drops": [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"],
    "chunks": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"],
    "no HTTP": [b"SSH-2.0-OpenSSH_9.6\r\n"],
}


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(20)
async def test_a_hostile_server_takes_no_more_than_its_time(words: list[bytes]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(words[0])
            for _ in range(400):
                writer.write(words[-1])
                await asyncio.wait_for(writer.drain(), 5)
                await asyncio.sleep(0.005)
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()

    server = await served(talk)
    port = server.sockets[0].getsockname()[1]
    began = asyncio.get_running_loop().time()
    async with SafeHttp(allow_private=True, seconds=1) as http:
        with pytest.raises(NoAnswer):
            await http.get(f"http://127.0.0.1:{port}/", most=10_000)
    assert asyncio.get_running_loop().time() - began < 10
    server.close()


@pytest.mark.timeout(20)
async def test_a_handshake_that_does_not_end_is_left() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB that never comes
        await reader.read(1)
        writer.close()

    server = await served(talk)
    context = ssl.create_default_context()
    async with SafeHttp(allow_private=True, tls=context, seconds=1) as http:
        with pytest.raises(NoAnswer):
            await http.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", most=10)
    server.close()


async def test_who_asks_for_a_name_that_is_being_asked_for_shares_the_answer() -> None:
    resolver = SystemResolver()
    found = await asyncio.gather(*(resolver.resolve("localhost") for _ in range(50)))
    assert {one["host"] for answer in found for one in answer} <= {"127.0.0.1", "::1"}
    assert resolver._asking == {}
    with pytest.raises(AddressNotAllowed):
        await PublicOnlyResolver(allow_private=False).resolve("localhost")
    assert await addresses_of("no-such-name.invalid") == [] and await addresses_of("a b") == []
