"""Send requests to Azure and to Entra ID: one TLS context, no cookies, a limit of bytes for each response, no write sent twice."""

import ssl
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport

from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.bounded.http import SESSION_OPTIONS, proxy_of
from notebook_platform.fencing import READS, FencedConnector

CONNECT_SECONDS, READ_SECONDS = 10, 60

KEPT_SECONDS = 60.0
"""Seconds for which an unused connection is kept. All platforms share those to Resource Manager, which ends its own after minutes."""


class WriteUnanswered(aiohttp.ClientConnectionError):
    """The connection ended before a write was answered: Azure may have executed it."""


async def send_write_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request, a write at most once. Raises WriteUnanswered.

    aiohttp sends a PUT or DELETE again when a kept connection ends without an answer. Azure may have executed the first one, and the second
    would pass by the rate limit. The step observes the resource instead.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method in READS:
            raise
        raise WriteUnanswered(str(error)) from error


class BoundedTransport(AioHttpTransport):  # type: ignore[misc]
    """The SDK's transport over a session that is created with the first request.

    The SDK's own session, given a CA file, would build a new TLS context, and so a new connection, for every request.
    """

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
        self.session: aiohttp.ClientSession | None
        self._ca_file = cloud.ca_file
        self._proxies: dict[str, str | None] = {}

    async def open(self) -> None:
        """Create the session. Raises ValueError after `close`."""
        if not self.session and not self._has_been_opened:
            trusted = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            self.session = aiohttp.ClientSession(
                connector=FencedConnector(ssl=trusted, keepalive_timeout=KEPT_SECONDS),
                auto_decompress=True,  # piece by piece, so that the limit of an answer holds for what it unpacks to
                trust_env=False,  # `send` finds the proxy once: aiohttp would parse the environment and .netrc in a thread each time
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(send_write_once,),
                **SESSION_OPTIONS,
            )
        await super().open()

    async def send(self, request: Any, **options: Any) -> Any:
        """Send one request, through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for its host."""
        parts = urlsplit(request.url)
        if parts.netloc not in self._proxies:
            self._proxies[parts.netloc] = proxy_of(parts.scheme, parts.hostname or "")
        return await super().send(request, proxy=self._proxies[parts.netloc], **options)
