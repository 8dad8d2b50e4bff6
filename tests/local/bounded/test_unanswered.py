"""A request without an answer is explained by the host and what fails there, from real connections."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
import trustme
from azure.core.exceptions import ServiceRequestError
from notebook_platform.bounded.documents import parse_json
from notebook_platform.bounded.http import SESSION_OPTIONS
from notebook_platform.bounded.limits import DocumentRefused
from notebook_platform.bounded.unanswered import why

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    writer.close()


async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def failed(url: str) -> Exception:
    """Return the exception of a GET."""
    context = ssl.create_default_context()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.5)) as http:
        with pytest.raises((aiohttp.ClientError, TimeoutError)) as caught:
            async with http.get(url, ssl=context) as answer:
                await answer.read()
    return caught.value


@pytest.fixture
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """The port of a server that answers as the handler does."""
    handler, tls = request.param
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("port", "scheme", "clause"),
    [
        ((closes, False), "http", "the connection ended before the whole answer"),
        ((half, False), "http", "the connection ended before the whole answer"),
        ((silent, False), "http", "no answer came in time"),
        ((silent, True), "https", "the certificate of 127.0.0.1 is not accepted: unable to get local issuer certificate"),
        ((plain, False), "https", "127.0.0.1 does not speak TLS as expected"),
    ],
    indirect=["port"],
    ids=["closes", "half", "silent", "untrusted", "no TLS"],
)
async def test_a_server_that_does_not_answer_is_explained(port: int, scheme: str, clause: str) -> None:
    assert why(await failed(f"{scheme}://127.0.0.1:{port}/")) == clause


async def test_a_name_that_does_not_exist_and_a_closed_port_are_explained_also_inside_the_sdks_exceptions() -> None:
    unknown, refused = await failed("https://management.azure.invalid/"), await failed("https://127.0.0.1:9/")
    assert why(unknown) == "the name management.azure.invalid cannot be resolved"
    assert why(ServiceRequestError("failed", error=refused)) == "127.0.0.1:9 refuses connections"


def test_a_document_that_is_refused_is_explained_and_not_what_was_suppressed() -> None:
    with pytest.raises(DocumentRefused) as caught:
        parse_json("<html>")
    assert why(caught.value) == "the answer cannot be read: it is not valid JSON at line 1, column 1: Expecting value"
    quiet = ValueError("quiet")
    quiet.__context__, quiet.__suppress_context__ = StopIteration(), True
    assert why(quiet) == "no usable answer (ValueError)"


def test_a_chain_of_causes_without_end_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert why(one) == "no usable answer (ValueError)"


@pytest.mark.parametrize("port", [(half, False)], indirect=True)
async def test_half_a_body_leaves_no_connection_open(port: int) -> None:
    async with aiohttp.ClientSession(**SESSION_OPTIONS) as http:
        answer = await http.get(f"http://127.0.0.1:{port}/")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
        assert answer.closed and answer.connection is None
