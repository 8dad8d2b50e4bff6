"""Proxy between Helm and the workload cluster's API: Helm reads only our records, and writes none that the ledger does not
have.

Helm takes the last revision's record from the cluster: it deletes what that names and the next does not, runs its hooks, and rolls back to
it. Whoever may write Secrets in the namespace could exchange the record between a check of the operator's and helm's own read. So helm
is given an address on loopback instead of the cluster's: each record that passes to helm is compared with the ledger first, and
the digest of each that helm writes is in the ledger before the record is in the cluster, also when the operator is killed in between.
Anything else passes unchanged. Helm never holds the cluster's credentials; its kubeconfig has an address with a random path in it,
which is refused once the run is over.
"""

import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import web
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from yarl import URL

from notebook_platform.bounded.documents import DocumentRefused, read_json
from notebook_platform.bounded.http import proxy_of
from notebook_platform.engine.outcome import StepError
from notebook_platform.fencing import FENCE, Fence, FencedConnector, LeaseLost
from notebook_platform.helm.ledger import OwnedRelease, Place, ReleaseLedger
from notebook_platform.helm.lock_holder import current_holder
from notebook_platform.helm.record_answers import SECRET, Rejected, read_body, relayed, status_response
from notebook_platform.helm.record_cache import decoded_from
from notebook_platform.helm.release import PREFIX, RecordUnreadable, revision_of
from notebook_platform.helm.storage import packed_release
from notebook_platform.workload.client import tls_of

SECRETS = re.compile(r"^/api/v1/namespaces/([^/]+)/secrets(?:/([^/]+))?$")
MOST_BODY = 16 * 2**20
NOT_PASSED_UP = frozenset(
    {"host", "authorization", "accept-encoding", "connection", "transfer-encoding", "content-length", "te", "upgrade"}
)
NOT_PASSED_DOWN = frozenset({"connection", "transfer-encoding", "content-length", "content-encoding", "keep-alive"})


@dataclass(frozen=True, kw_only=True)
class Access:
    """A cluster and one release in it, as a Helm process may use them."""

    api: client.ApiClient = field(repr=False)
    ledger: ReleaseLedger = field(repr=False)
    place: Place


@dataclass(frozen=True)
class _Run:
    access: Access
    session: aiohttp.ClientSession
    fence: Fence | None


class RecordProxy:
    """One server on loopback for all Helm processes; it starts with the first one."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._paths: dict[tuple[str, str], str] = {}
        self._runner: web.AppRunner | None = None
        self._url = ""

    @asynccontextmanager
    async def kubeconfig(self, key: str, access: Access) -> AsyncIterator[str]:
        """Yield a kubeconfig that leads through the proxy to the cluster, for as long as the block lasts. `key` identifies the
        release."""
        await self._start()
        # helm caches what a server offers by its address: a release keeps its own
        path = self._paths.setdefault((key, access.api.configuration.host), secrets.token_urlsafe(24))
        async with _session(access.api) as session:
            self._runs[path] = _Run(access, session, FENCE.get())
            try:
                yield json.dumps(_kubeconfig(f"{self._url}/{path}"))
            finally:
                del self._runs[path]

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _start(self) -> None:
        if self._runner is not None:
            return
        app = web.Application(client_max_size=MOST_BODY)
        app.router.add_route("*", "/{run}/{path:.*}", self._answer)
        self._runner = runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        run = self._runs.get(request.match_info["run"])
        if run is None:
            return web.Response(status=404)
        FENCE.set(run.fence)  # this task is the server's, which serves all shards
        tail = request.raw_path.split("/", 2)[2]
        try:
            return await _Exchange(run, request, f"/{tail}").answer()
        except Rejected as error:
            return status_response(error.status, error.reason, str(error))
        except LeaseLost as error:
            return status_response(409, "Conflict", str(error))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return status_response(502, "ServiceUnavailable", f"the cluster's API did not answer ({type(error).__name__})")


def _kubeconfig(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": ""}}],
        "current-context": "proxy",
    }


@asynccontextmanager
async def _session(api: client.ApiClient) -> AsyncIterator[aiohttp.ClientSession]:
    """Open connections for Helm alone: its watches do not use up the operator's."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30)
    connector, address = FencedConnector(ssl=await tls_of(api) or True), urlsplit(api.configuration.host)
    proxy = proxy_of(address.scheme, address.hostname or "")
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, proxy=proxy, read_bufsize=2**21) as session:
        yield session


class _Exchange:
    """One request of Helm."""

    def __init__(self, run: _Run, request: web.Request, target: str) -> None:
        self._run, self._request, self._target = run, request, target
        self._access = run.access

    async def answer(self) -> web.StreamResponse:
        """Answer a request for records here, and pass any other on."""
        path, _, _ = self._target.partition("?")
        match = SECRETS.match(path)
        if match is None or unquote(match[1]) != self._access.place[0]:
            return await self._passed()
        name, method = unquote(match[2] or ""), self._request.method
        if method == "POST" and not name:
            return await self._written(new=True)
        if name.startswith(PREFIX):
            return await self._one(name)
        if method == "GET" and "owner=helm" in self._request.query.get("labelSelector", "").split(","):
            return await self._list()
        return await self._passed()

    async def _one(self, name: str) -> web.StreamResponse:
        if self._request.method == "GET":
            found = await self._verified(name)
            return web.json_response(found) if found else status_response(404, "NotFound", f'secrets "{name}" not found')
        if self._request.method == "PUT":
            return await self._written(new=False)
        if self._request.method == "DELETE" and revision_of(name, self._access.place[1]) is not None:
            return await self._passed()
        raise Rejected(403, "Forbidden", f"{name} is a record of Helm's: a chart cannot write it")

    async def _list(self) -> web.StreamResponse:
        """Return our revisions one by one instead of the cluster's list, which may hold anything."""
        namespace, release = self._access.place
        owned = self._access.ledger.release((namespace, release))
        names = [f"{PREFIX}{release}.v{revision}" for revision in sorted(owned.revisions)] if owned else []
        found = [one for name in names if (one := await self._verified(name))]
        selector = self._request.query.get("labelSelector", "")
        items = [one for one in found if _selected(selector.split(","), one["metadata"].get("labels") or {})]
        return web.json_response({"kind": "SecretList", "apiVersion": "v1", "metadata": {"resourceVersion": ""}, "items": items})

    async def _verified(self, name: str) -> dict[str, Any] | None:
        """Return the Secret of a record if it is as our Helm wrote it."""
        namespace, release = self._access.place
        owned, revision = self._access.ledger.release((namespace, release)), revision_of(name, release)
        if owned is None or revision is None:
            return None
        url = f"/api/v1/namespaces/{namespace}/secrets/{name}"
        headers = {"Accept": "application/json", **await self._authorization()}
        async with self._run.session.get(self._upstream(url), headers=headers, allow_redirects=False) as answer:
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise Rejected(answer.status, "Unknown", f"the cluster's API answered {answer.status} for Secret {name}")
            body = await read_body(answer)
        try:
            document = await read_json(body, SECRET)
            found = await decoded_from(packed_release(document) or "", name, namespace)
        except (DocumentRefused, RecordUnreadable):
            return None
        return document if owned.wrote(revision, found.digest) else None

    async def _written(self, *, new: bool) -> web.StreamResponse:
        """Write a Secret for Helm. A record's digest is in the ledger before the record is in the cluster."""
        body = await self._request.read()
        document = await self._as_json(body)
        metadata = document.get("metadata") if isinstance(document, dict) else None
        name = str(metadata.get("name") or "") if isinstance(metadata, dict) else ""
        if not name.startswith(PREFIX):
            return await self._passed(body)
        namespace, release = self._access.place
        revision = revision_of(name, release)
        if revision is None or document.get("type") != "helm.sh/release.v1":
            raise Rejected(403, "Forbidden", f"{name} is a record of Helm's: a chart cannot write it")
        try:
            found = await decoded_from(packed_release(document) or "", name, namespace)
        except RecordUnreadable as error:
            raise Rejected(413, "RequestEntityTooLarge", f"the record of this release is refused: {error}") from None
        change = partial(_with_record, revision=revision, digest=found.digest, new=new, holder=current_holder())
        try:
            await self._access.ledger.change(self._access.place, change)
        except (ApiException, StepError, aiohttp.ClientError, TimeoutError, OSError) as error:
            message = f"the operator could not write the record's digest down ({type(error).__name__})"
            raise Rejected(503, "ServiceUnavailable", message) from None
        return await self._passed(body)

    async def _as_json(self, body: bytes) -> Any:
        """Return the Secret of a request. Helm's client sends Protocol Buffers, which a dry run of the API server converts."""
        if "json" not in self._request.content_type:
            target = f"{self._target}{'&' if '?' in self._target else '?'}dryRun=All"
            headers = {"Content-Type": self._request.content_type, "Accept": "application/json", **await self._authorization()}
            url, method = self._upstream(target), self._request.method
            async with self._run.session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                body = await read_body(answer)
                if answer.status >= 400:
                    raise await relayed(answer.status, body)
        try:
            return await read_json(body, SECRET)
        except DocumentRefused as error:
            raise Rejected(413, "RequestEntityTooLarge", f"the Secret is refused: {error}") from None

    async def _passed(self, body: bytes | None = None) -> web.StreamResponse:
        """Pass the request to the cluster, and return its answer, both unchanged."""
        request = self._request
        data = body if body is not None else await request.read() if request.can_read_body else None
        headers = {key: value for key, value in request.headers.items() if key.lower() not in NOT_PASSED_UP}
        headers |= await self._authorization()
        url = self._upstream(self._target)
        async with self._run.session.request(request.method, url, headers=headers, data=data, allow_redirects=False) as answer:
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in NOT_PASSED_DOWN}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    def _upstream(self, target: str) -> URL:
        return URL(f"{self._access.api.configuration.host.rstrip('/')}{target}", encoded=True)

    async def _authorization(self) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        await self._access.api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        return headers


def _with_record(owned: OwnedRelease, *, revision: int, digest: str, new: bool, holder: str) -> OwnedRelease:
    return owned.with_record(revision, digest, new=new).having(holder=holder)


def _selected(requirements: Iterable[str], labels: Mapping[str, str]) -> bool:
    """Return whether labels meet equality requirements, as `a=b,c=d`."""
    pairs = [requirement.partition("=") for requirement in requirements if requirement]
    return all(labels.get(key) == value.removeprefix("=") for key, _, value in pairs)
