"""Build the client of a workload cluster's API. Its responses are untrusted: each has a limit of bytes, of JSON elements and of
time.

Tenants of the cluster can create objects there and serve their own APIs behind it, so a response can be endless, compressed
or nested without limit, or a redirect to an address inside the operator's network.
"""

import asyncio
import json
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client import rest

from notebook_platform.bounded.http import AnswerTooLarge
from notebook_platform.workload.kubeconfig import ClusterAccess
from notebook_platform.workload.tls import tls_context

TIMEOUT_SECONDS = 20.0
"""Seconds for a request without a timeout of its own, from the connection to the last byte."""
LONGEST_SECONDS = 120.0

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
    """aiohttp's session with what the generated client does not pass on: no redirects, no compression, limits."""

    def __init__(self, session: aiohttp.ClientSession, unauthorized: Callable[[], None]) -> None:
        self._session = session
        self._unauthorized = unauthorized

    async def request(self, **arguments: Any) -> _Answer:
        """Send one request and read its response. Raises aiohttp.ClientError, TimeoutError."""
        headers = {**arguments.pop("headers"), "Accept-Encoding": "identity"}
        try:
            response = await self._session.request(**arguments, headers=headers, allow_redirects=False)
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

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Rest(rest.RESTClientObject):  # type: ignore[misc]
    """The generated client's transport with a TLS context from inline data, and a timeout for each request."""

    def __init__(self, configuration: client.Configuration, context: ssl.SSLContext, unauthorized: Callable[[], None]) -> None:
        super().__init__(configuration)
        self.ssl_context = context
        self._unauthorized = unauthorized

    def _create_pool_manager(self) -> _Session:
        return _Session(super()._create_pool_manager(), self._unauthorized)

    async def request(self, *arguments: Any, _request_timeout: Any = None, **named: Any) -> rest.RESTResponse:
        """Send one request; `_request_timeout` is in seconds and limited."""
        seconds = _request_timeout if isinstance(_request_timeout, int | float) else TIMEOUT_SECONDS
        timeout = aiohttp.ClientTimeout(total=min(float(seconds), LONGEST_SECONDS))
        return await super().request(*arguments, _request_timeout=timeout, **named)


async def connect(access: ClusterAccess, unauthorized: Callable[[], None] = lambda: None) -> client.ApiClient:
    """Build a client; write no file.

    `unauthorized` is called when the server refuses the credential or presents another certificate. Raises ssl.SSLError or
    ValueError for unusable certificates.
    """
    context = await asyncio.to_thread(tls_context, access)
    configuration = client.Configuration(host=access.server.rstrip("/"))
    configuration.retries = None
    configuration.client_session_kwargs = {"auto_decompress": False}
    configuration.ca_cert_data = access.ca_data or None
    if access.token:
        configuration.api_key = {"BearerToken": f"Bearer {access.token}"}
    api = client.ApiClient(configuration)
    api.rest_client = _Rest(configuration, context, unauthorized)
    return api


def build_models() -> None:
    """Build the generated client's largest models, which it otherwise builds when it reads the first one: half a second for
    Pods."""
    for item in (client.V1Pod, client.V1Node, client.V1Secret, client.V1PersistentVolumeClaim, client.V1Deployment):
        item.model_rebuild()
