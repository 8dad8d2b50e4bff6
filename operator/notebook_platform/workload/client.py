"""Build the client of a workload cluster's API. Its responses are untrusted: each has a limit of bytes, of JSON elements and of
time.

Tenants of the cluster can create objects there and serve their own APIs behind it, so a response can be endless, compressed
or nested without limit, or a redirect to an address inside the operator's network.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from copy import copy
from functools import cache
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client import rest

from notebook_platform.bounded.http import AnswerTooLarge
from notebook_platform.kube.fenced import USER_AGENT, FencedRest
from notebook_platform.workload.kubeconfig import ClusterAccess
from notebook_platform.workload.tls import tls_context

TIMEOUT_SECONDS = 20.0
"""Seconds for a request without a timeout of its own, from the connection to the last byte."""
LONGEST_SECONDS = 120.0

IDLE_SECONDS = 15.0
"""Seconds without a request after which the connections to a cluster are closed."""

MOST_BYTES = 32 * 1024 * 1024
MOST_CONTAINERS = 20_000
MOST_ELEMENTS = 500_000
"""For one response. An object has at most 1.5 MiB (etcd's limit); lists are paged (workload/paging.py). The generated client
builds its models on the event loop, at some 20 microseconds for a JSON object. A Pod or a Node has between 50 and 200 objects
and lists."""


class ForeignAnswer(aiohttp.ClientPayloadError):
    """A response is a redirect or has an encoding that was not requested."""


class _Answer:
    """A response that has been read to its end, with the members of aiohttp's that the generated and the dynamic client use."""

    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def json(self) -> Any:
        return json.loads(self._body)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    if 300 <= response.status < 400:
        raise ForeignAnswer("the answer is a redirect")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ForeignAnswer("the answer is compressed, which was not requested")
    too_large = AnswerTooLarge(f"the answer has more than {MOST_BYTES} bytes")
    if (response.content_length or 0) > MOST_BYTES:
        raise too_large
    found = bytearray()
    async for chunk in response.content.iter_any():
        found += chunk
        if len(found) > MOST_BYTES:
            raise too_large
    _check_elements(found)
    return bytes(found)


def _check_elements(body: bytes | bytearray) -> None:
    """Raise AnswerTooLarge for JSON with too many elements to decode without blocking the event loop.

    The count is an upper bound: brackets and commas in strings count too.
    """
    if body.count(b"{") + body.count(b"[") > MOST_CONTAINERS or body.count(b",") > MOST_ELEMENTS:
        raise AnswerTooLarge("the answer has more elements than is allowed")


class _Session:
    """aiohttp's session with what the generated client does not pass on: no redirects, no compression, limits.

    It is closed, with its connections and its TLS context, when no request has been sent for `idle` seconds, and created again for
    the next one: one connection takes 328 KB, and an operator of many settled clusters uses few of them at a time.
    """

    def __init__(
        self, make: Callable[[], Awaitable[aiohttp.ClientSession]], unauthorized: Callable[[], None], idle: float
    ) -> None:
        self._make = make
        self._unauthorized = unauthorized
        self._idle = idle
        self._session: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()
        self._requests = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def request(self, **arguments: Any) -> _Answer:
        """Send one request and read its response. Raises aiohttp.ClientError, TimeoutError."""
        headers = {**arguments.pop("headers"), "Accept-Encoding": "identity"}
        self._requests += 1
        try:
            return await self._request(**arguments, headers=headers, allow_redirects=False)
        finally:
            self._requests -= 1
            if self._timer:
                self._timer.cancel()
            if not self._requests:
                self._timer = asyncio.get_running_loop().call_later(self._idle, self.close_idle)

    async def _request(self, **arguments: Any) -> _Answer:
        async with self._lock:
            session = self._session = self._session or await self._make()
        try:
            response = await session.request(**arguments)
        except aiohttp.ClientSSLError:
            self._unauthorized()  # another cluster answers at this address, or its certificates were renewed
            raise
        try:
            if response.status == 401:
                self._unauthorized()
            return _Answer(response, await _bounded(response))
        except BaseException:
            response.close()  # the rest of the response is not read
            raise

    def close_idle(self) -> bool:
        """Close all connections unless a request is being sent; the next one opens new connections. Return whether none is being sent."""
        if not self._requests and self._session is not None:
            task = asyncio.create_task(self.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return not self._requests

    async def close(self) -> None:
        """Close all connections; another request opens new ones."""
        if self._timer:
            self._timer.cancel()
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _Rest(FencedRest):
    """The generated client's transport with a TLS context from inline data, and a timeout for each request."""

    _access: ClusterAccess
    _unauthorized: Callable[[], None]
    _idle: float
    _first: ssl.SSLContext | None = None
    """The context that `connect` has built, for the first connection."""

    def __init__(self, configuration: client.Configuration) -> None:
        super().__init__(configuration)
        self.ssl_context: ssl.SSLContext | None = None

    def for_cluster(
        self, configuration: client.Configuration, access: ClusterAccess, unauthorized: Callable[[], None], idle: float
    ) -> "_Rest":
        """Return a copy that connects to a cluster."""
        made = copy(self)
        made._use(configuration)
        made._access, made._unauthorized, made._idle = access, unauthorized, idle
        return made

    def _create_pool_manager(self) -> _Session:
        return _Session(self._connected, self._unauthorized, self._idle)

    async def context(self) -> ssl.SSLContext:
        """Build a TLS context for the cluster."""
        return await asyncio.to_thread(tls_context, self._access)

    def first(self, context: ssl.SSLContext) -> None:
        """Use a context for the first connection."""
        self._first = context

    async def _connected(self) -> aiohttp.ClientSession:
        first, self._first = self._first, None
        self.ssl_context = first or await self.context()
        try:
            session: aiohttp.ClientSession = super()._create_pool_manager()
        finally:
            self.ssl_context = None
        return session

    async def request(self, *arguments: Any, _request_timeout: Any = None, **named: Any) -> rest.RESTResponse:
        """Send one request; `_request_timeout` is in seconds and limited."""
        seconds = _request_timeout if isinstance(_request_timeout, int | float) else TIMEOUT_SECONDS
        timeout = aiohttp.ClientTimeout(total=min(float(seconds), LONGEST_SECONDS))
        return await super().request(*arguments, _request_timeout=timeout, **named)


async def connect(
    access: ClusterAccess, unauthorized: Callable[[], None] = lambda: None, *, idle: float = IDLE_SECONDS
) -> client.ApiClient:
    """Build a client; write no file.

    `unauthorized` is called when the server refuses the credential or presents another certificate. `idle`: the seconds without a
    request after which connections are closed. Raises ssl.SSLError or ValueError for unusable certificates.
    """
    context = await asyncio.to_thread(tls_context, access)
    api = build(access, unauthorized, idle=idle)
    api.rest_client.first(context)
    return api


def build(
    access: ClusterAccess, unauthorized: Callable[[], None] = lambda: None, *, idle: float = IDLE_SECONDS
) -> client.ApiClient:
    """Build a client as `connect` does, of certificates that were found usable before."""
    configuration = client.Configuration(host=access.server.rstrip("/"))
    configuration.retries = None
    configuration.client_session_kwargs = {"auto_decompress": False}
    if access.token:
        configuration.api_key = {"BearerToken": f"Bearer {access.token}"}
    api = copy(_without_cluster())
    api.configuration = configuration
    api.default_headers = dict(api.default_headers)
    api.rest_client = api.rest_client.for_cluster(configuration, access, unauthorized, idle)
    return api


@cache
def _without_cluster() -> client.ApiClient:
    """Return the client that every other client is a copy of: the generated constructors build two TLS contexts, which no client here uses."""
    configuration = client.Configuration(host="")
    api = client.ApiClient(configuration)
    api.user_agent = USER_AGENT
    api.rest_client = _Rest(configuration)
    return api


def close_idle(api: client.ApiClient) -> bool:
    """Close the connections of a client unless it sends a request now; the next request opens new ones. Return whether it sends none."""
    sessions = api.rest_client.pool_manager
    return not isinstance(sessions, _Session) or sessions.close_idle()


async def tls_of(api: client.ApiClient) -> ssl.SSLContext | None:
    """Return a TLS context for connections of the caller's own to the cluster of a client."""
    transport = api.rest_client
    return await transport.context() if isinstance(transport, _Rest) else transport.ssl_context


def build_models() -> None:
    """Import the generated client's largest modules and build its largest models, which the event loop would otherwise do when it uses
    them for the first time: two seconds."""
    assert client.CoreV1Api and client.CustomObjectsApi and client.AuthorizationV1Api  # an attribute is imported when it is read
    for item in (client.V1Pod, client.V1Node, client.V1Secret, client.V1PersistentVolumeClaim, client.V1Deployment):
        item.model_rebuild()
