"""The only client for addresses that authors of resources and tenants of a workload cluster choose.

A request goes to public addresses only (`public_addresses`), follows no redirect, keeps no cookie, uses no proxy of the environment,
asks for no compression, and ends after a time and after so many bytes. A secret is sent through TLS only, or to an address that is
not public and that the operator's configuration allows.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from notebook_platform.hubs.net.public_addresses import (
    SYSTEM,
    AddressNotAllowed,
    NameUnknown,
    PublicOnlyResolver,
    is_name,
    is_number,
    is_public,
)

SECONDS = 5.0
MOST_HEADERS = 64
LONGEST_HEADER = 8190

BLOCKED_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)
"""Ports from 1024 on at which no web server is asked (https://fetch.spec.whatwg.org/#port-blocking). Below, only 80 and 443 are."""


class NoAnswer(OSError):
    """There was no answer in time, or no readable one. The text is a word for the cause."""


class AnswerTooLarge(NoAnswer):
    """An answer exceeds its limit of bytes."""


@dataclass(frozen=True)
class Answer:
    """An answer. `headers` are case-insensitive; `body` is empty where it was not requested."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def may_carry_secrets(url: str, *, allow_private: bool) -> bool:
    """Return whether a secret may be sent to the URL: through TLS, or to a private address that is allowed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_number(host) and not is_public(host):
        return allow_private
    return parts.scheme == "https"


class SafeHttp:
    """A session; use it as an asynchronous context.

    `tls` is for a CA that the system does not know, `names` finds addresses in place of the system, `seconds` is for each request.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        tls: ssl.SSLContext | None = None,
        names: AbstractResolver = SYSTEM,
        seconds: float = SECONDS,
    ) -> None:
        self._allow_private = allow_private
        self._tls = tls
        self._names = names
        self._seconds = seconds
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "SafeHttp":
        connector = aiohttp.TCPConnector(
            resolver=PublicOnlyResolver(allow_private=self._allow_private, names=self._names),
            ssl=self._tls or True,
            use_dns_cache=False,
            socket_factory=self._socket,
        )
        self._http = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_headers=MOST_HEADERS,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._http is not None:
            await self._http.close()

    async def get(
        self, url: str, *, most: int, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        """GET a URL and at most `most` bytes of its body; 0: the body is not read.

        Raises AddressNotAllowed, NameUnknown, AnswerTooLarge, NoAnswer.
        """
        assert self._http is not None
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        self._check(url, secret=any(name.lower() == "authorization" for name in sent))
        try:
            async with self._http.get(url, headers=sent, params=params, allow_redirects=False) as answer:
                return Answer(answer.status, answer.headers, await _body(answer, most) if most else b"")
        except (AddressNotAllowed, NameUnknown, NoAnswer):
            raise
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _cause(error) or NoAnswer(type(error).__name__) from None

    def _check(self, url: str, *, secret: bool) -> None:
        """Raise AddressNotAllowed for a URL that is not allowed even without resolving it."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise AddressNotAllowed("no URL") from None
        host = parts.hostname or ""
        if not _well_formed(url, parts, host) or not _may_be_asked_at(port):
            raise AddressNotAllowed(f"{parts.scheme}, port {port}")
        if is_number(host) and not self._allow_private and not is_public(host):
            raise AddressNotAllowed(host)
        if secret and not may_carry_secrets(url, allow_private=self._allow_private):
            raise AddressNotAllowed(f"a secret by {parts.scheme}")

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Check the very address that is about to be connected to, and open its socket."""
        family, kind, protocol, _, (host, *_) = address
        if not self._allow_private and not is_public(str(host)):
            raise AddressNotAllowed(str(host))
        return socket.socket(family, kind, protocol)


def _well_formed(url: str, parts: SplitResult, host: str) -> bool:
    plain = url.isprintable() and " " not in url and "\\" not in url
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        return False
    named = is_name(host) or (is_number(host) and "%" not in host)
    return plain and named and parts.scheme in ("http", "https") and "@" not in parts.netloc


def _may_be_asked_at(port: int) -> bool:
    return port in (80, 443) or (port >= 1024 and port not in BLOCKED_PORTS)


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise NoAnswer("Content-Encoding")
    body = bytearray()
    async for chunk in answer.content.iter_chunked(16384):
        body += chunk
        if len(body) > most:
            raise AnswerTooLarge(f"more than {most} bytes")
    return bytes(body)


def _cause(error: BaseException) -> OSError | None:
    """Return what the resolver or the socket refused, from inside the client's own exceptions."""
    for inner in (getattr(error, "os_error", None), error.__cause__):
        if isinstance(inner, AddressNotAllowed):
            return AddressNotAllowed(*inner.args)
        if isinstance(inner, NameUnknown):
            return NameUnknown(*inner.args)
    return None
