"""All requests to addresses from users pass one helper: schemes and ports, no redirects, within limits of bytes and time."""

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from notebook_platform.hubs.net.public_addresses import (
    AddressNotAllowed,
)
from notebook_platform.hubs.net.safe_http import NoAnswer, SafeHttp

from tests.local.hubs.http_server import Server


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
