"""Provide the HTTP session that kopf lists and watches with.

A namespace is *refused* when the operator's configuration names it and the ServiceAccount has no rights there: the API server
answers 403. kopf retries such a request for 54 seconds, logs an error for each attempt, and then ends the whole operator. This
session delays the requests of a refused namespace only: one log line names the missing RoleBinding, the other namespaces are
served, and the rights are used as soon as they are granted. The same holds for a 404, which is the answer while the
CustomResourceDefinition is not installed.

The same holds for 429 and 5xx, as when the API server cannot decrypt one Secret of a namespace. An error that ends a watch is read as an
expired one, after a wait: kopf would end the operator.

A list that takes longer than five minutes, because the process was frozen, answers 410 for its next page: it is listed again.

For Secrets and ConfigMaps it requests the metadata only. RBAC has no verb for that, so the rights are the same, but the
contents of Secrets that no platform names never reach the operator's memory.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import aiohttp
import kopf
from aiohttp.connector import Connection

from notebook_platform.bounded import nesting
from notebook_platform.kube.metadata_only import METADATA_OF_LIST, METADATA_OF_ONE

log = logging.getLogger(__name__)

PLACE = re.compile(
    r"/(?:namespaces/(?P<namespace>[^/]+)/)?(?P<resource>notebookplatforms|secrets|configmaps|namespaces|customresourcedefinitions)$"
)
"""How the API server's paths end that list or watch the resources that the operator serves, or by which it finds them."""

METADATA_ONLY = frozenset({"secrets", "configmaps"})

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
"""Seconds between two attempts in a refused namespace; the longest is shorter than kopf's request timeout."""

FOUND_BY = frozenset({"namespaces", "customresourcedefinitions"})
REFUSALS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

REMEDY = (
    "Create a RoleBinding to the ClusterRole notebook-platform-namespace there (deploy/kustomize/components/namespace); "
    "it takes effect within {longest:.0f} seconds."
)
REMEDY_EVERYWHERE = "Apply deploy/kustomize/overlays/whole-cluster (chart: rbac.scope: Cluster), or list namespaces in the operator's configuration."


def _without_managers(decoded: dict[str, Any]) -> dict[str, Any]:
    """Return a decoded object without managedFields: half of the memory that a list of ten thousand platforms takes while it is read."""
    decoded.pop("managedFields", None)
    return decoded


ERROR = re.compile(rb'\s*\{\s*"type":\s*"ERROR"')
DECODER = json.JSONDecoder(object_hook=_without_managers)


class CutLines:
    """The content of a watch, of which kopf decodes each line, without what is too deep or too large (`bounded/nesting.py`)."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield whole lines."""
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if ERROR.match(line):
                    line = await _expired(line)
                yield nesting.read_line(line) + b"\n"
        yield rest  # of a watch that is cut off


async def _expired(line: bytes) -> bytes:
    """Return the event of a watch that has expired for one that reports an error, after a wait."""
    event = json.loads(line)
    if (code := event["object"].get("code")) == HTTPStatus.GONE:
        return line
    log.warning("the API server ends a watch with the error %s; the operator lists and watches again", code)
    await asyncio.sleep(LONGEST_WAIT)
    return json.dumps({**event, "object": {**event["object"], "code": HTTPStatus.GONE}}).encode()


class Answer(aiohttp.ClientResponse):
    """A response of the API server. A list of metadata without objects has `items: null`, which kopf cannot handle."""

    async def start(self, connection: Connection) -> "Answer":
        """Read the header; the lines of a watch are cut."""
        await super().start(connection)
        if "watch" in self.url.query:
            self.content = cast(aiohttp.StreamReader, CutLines(self.content))
        return self

    async def json(self, **how: Any) -> Any:
        """Read the body without managedFields; `items` is always a list if the body has it."""
        body = await super().json(**{"loads": partial(nesting.read_page, decoder=DECODER), **how})
        if isinstance(body, dict) and "items" in body:
            body["items"] = body["items"] or []
        return body


class RefusedNamespaces:
    """Middleware of aiohttp: delays requests to namespaces that refuse the operator, and records which ones do."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], float] = {}

    async def __call__(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send one request of kopf.

        Raises ClientPayloadError after a wait when the namespace refuses the request, and at once when a page of a list has expired: kopf
        then lists or watches again without a log line.
        """
        place = PLACE.search(request.url.path)
        if place is None:
            return await handler(request)
        namespace, resource = place["namespace"] or "", place["resource"]
        if resource in METADATA_ONLY:
            request.headers["Accept"] = METADATA_OF_ONE if "watch" in request.url.query else METADATA_OF_LIST
        response = await handler(request)
        while _transient(response.status) and resource in FOUND_BY and "watch" not in request.url.query:
            response.release()  # an error of the first list ends the operator, so it is retried as long as kopf waits for an answer
            await asyncio.sleep(self._refuse(namespace, resource, response.status))
            response = await handler(request)
        if response.status == HTTPStatus.GONE:
            response.release()
            raise aiohttp.ClientPayloadError(
                "the rest of the list has expired"
            )  # kopf would end the operator; now it lists again
        if not _transient(response.status) and (response.status not in REFUSALS or resource in FOUND_BY):
            self._grant(namespace, resource)
            return response
        response.release()
        await asyncio.sleep(self._refuse(namespace, resource, response.status))
        raise aiohttp.ClientPayloadError(f"the API server answered {response.status}")

    def _refuse(self, namespace: str, resource: str, status: int) -> float:
        """Record a refusal. Returns the seconds to wait."""
        known = any(name == namespace for name, _ in self._refused)
        before = self._refused.get((namespace, resource), FIRST_WAIT / 2)
        wait = self._refused[namespace, resource] = min(before * 2, LONGEST_WAIT)
        if not known:
            log.warning("%s", _sentence(namespace, resource, status))
        return wait

    def _grant(self, namespace: str, resource: str) -> None:
        if self._refused.pop((namespace, resource), None) is None:
            return
        if not any(name == namespace for name, _ in self._refused):
            log.info("namespace %s: the operator now has its rights there, and the API server answers", namespace or "(all)")


def _sentence(namespace: str, resource: str, status: int) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return f"the API server does not serve {resource}: install the CustomResourceDefinition (crds/)"
    if status != HTTPStatus.FORBIDDEN:
        return (
            f"namespace {namespace or '(all)'}: the API server answers {status} to a list or watch of {resource}, so changes are not noticed "
            "there; the operator retries"
        )
    if not namespace:
        return f"the operator may not list {resource} in the whole cluster, and no namespaces are configured. {REMEDY_EVERYWHERE}"
    remedy = REMEDY.format(longest=LONGEST_WAIT)
    return f"namespace {namespace}: the operator may not list {resource} there, so its platforms are not served. {remedy}"


def _transient(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


class WatchSessions:
    """Creates the session of a login."""

    def __init__(self) -> None:
        self._refused = RefusedNamespaces()
        self._last: tuple[kopf.ConnectionInfo, kopf.AiohttpSession] | None = None

    def of(self, login: kopf.ConnectionInfo) -> kopf.AiohttpSession:
        """Return the session of a login; kopf closes it.

        The same login gives the same session, so that kopf recognizes a token that the API server has refused before.
        """
        if self._last is None or self._last[0] != login:
            self._last = login, self._made(login)
        return self._last[1]

    def _made(self, login: kopf.ConnectionInfo) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(
            server=login.server,
            priority=login.priority,
            default_namespace=login.default_namespace,
            expiration=login.expiration,
            aiohttp_session=aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=login.as_ssl_context()),
                headers=login.as_http_headers(),
                proxy=login.proxy_url,
                middlewares=(self._refused,),
                response_class=Answer,
            ),
        )
