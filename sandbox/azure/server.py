"""The simulator's HTTPS server: signs callers in, throttles, meets faults, routes, and writes the journal."""

import json
import re
import socket
import ssl
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import trustme
from aiohttp import web

from sandbox.azure.agentpools import AgentPools
from sandbox.azure.aks_actions import ClusterActions
from sandbox.azure.authorization import Authorization
from sandbox.azure.backend import ClusterBackend
from sandbox.azure.collection import DataCollection
from sandbox.azure.compute import Compute
from sandbox.azure.containerservice import ContainerService
from sandbox.azure.control import PREFIX, Control
from sandbox.azure.core.addresses import check_address
from sandbox.azure.core.catalog import Catalog
from sandbox.azure.core.clock import Clock, stamp
from sandbox.azure.core.errors import ArmError, NoAnswer
from sandbox.azure.core.journal import Journal
from sandbox.azure.core.losses import KeptAnswers, lose
from sandbox.azure.core.odd_answers import distorted
from sandbox.azure.core.operations import DOCUMENT, RESULT
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.entra import Entra
from sandbox.azure.graph import Graph
from sandbox.azure.identity import Identities
from sandbox.azure.locks import Locks
from sandbox.azure.maintenance import Maintenance
from sandbox.azure.monitor import Monitor
from sandbox.azure.network import Network
from sandbox.azure.prometheus import Prometheus
from sandbox.azure.registry import Registries
from sandbox.azure.resources import Resources
from sandbox.azure.tags import Tags, check_tags
from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, World

OPEN = ("/metadata/endpoints", "/.well-known/", "/oauth2/", "/discovery/")
GROUPS = re.compile(r"^/subscriptions/[^/]+/resourcegroups$", re.IGNORECASE)
"""The list that takes the size of its pages from the caller."""
GENERIC = re.compile(r"^/subscriptions/[^/]+(/resourcegroups/[^/]+)?/resources$", re.IGNORECASE)
"""The lists of resources of any type."""
MOST_GROUPS = 1000
WRITES_REFUSED = ("Disabled", "Expired", "Deleted")
ACCEPTED, NOT_EXECUTED = 202, 499
"""The status in the journal of a request that was lost before it took effect."""


class AzureSimulator:
    """Start it, give its `url` and `ca_file` to any ARM client, close it."""

    def __init__(
        self,
        *,
        backend: ClusterBackend,
        state_dir: Path,
        speed: float = 1.0,
        catalog: str | Path | None = None,
        journal: Path | None = None,
        port: int = 0,
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.ca_file = state_dir / "ca.pem"
        self.url = ""
        self._port = port
        self.world = World(
            clock=Clock(speed),
            backend=backend,
            catalog=Catalog.load(catalog),
            journal=Journal(journal),
            base=lambda: self.url,
            state_dir=state_dir,
        )
        self._routes = Routes()
        self._kept = KeptAnswers()
        self._build()
        self._runner: web.AppRunner | None = None
        self._busy: set[web.RequestHandler] = set()
        """Connections whose requests are in progress."""

    def _build(self) -> None:
        world = self.world
        self._entra, graph = Entra(world), Graph(world)
        self._authorization, self._locks = Authorization(world), Locks(world)
        self._resources, self._monitor = Resources(world), Monitor(world)
        clusters, control = ContainerService(world, graph), Control(world, graph, self._entra, self.end_connections)
        parts = [
            control,
            Tags(world),
            self._entra,
            graph,
            self._authorization,
            self._locks,
            Network(world),
            Identities(world, graph),
            Registries(world),
            DataCollection(world),
            Prometheus(world),
            Compute(world),
        ]
        for part in [
            *parts,
            clusters,
            ClusterActions(world, clusters),
            AgentPools(world, clusters),
            Maintenance(world, clusters),
            self._monitor,
            self._resources,
        ]:
            part.routes(self._routes)  # type: ignore[attr-defined]
        operator = graph.create_application({"displayName": "notebook-platform-operator"}, app_id=CLIENT_ID)
        principal = graph.create_principal(operator)
        world.born[principal["id"]] = world.clock.now().replace(year=2020)
        control.set_secret(operator["id"], CLIENT_SECRET)

    async def start(self) -> None:
        """Listen on loopback. Raises OSError if the port is taken."""
        authority, certificate = _certificate()
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self.url = f"https://localhost:{listener.getsockname()[1]}"
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, ssl_context=context).start()
        self._monitor.start()

    async def close(self) -> None:
        """End everything, the simulated clusters too."""
        await self._monitor.close()
        await self._resources.close()
        await self.world.operations.close()
        if self._runner:
            await self._runner.cleanup()
        await self.world.backend.close()
        self.world.journal.close()

    def end_connections(self) -> None:
        """Close the connections that clients keep; one with a request in progress after its answer."""
        for connection in self._runner.server.connections if self._runner and self._runner.server else ():
            if connection in self._busy:
                connection.close()
            elif connection.transport:
                connection.transport.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._busy.add(request.protocol)
        try:
            return await self._serve(request)
        finally:
            self._busy.discard(request.protocol)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        call = await _call(request)
        if call.path.startswith(PREFIX):
            return _response(await self._routed(call))
        extra: dict[str, str] = {}
        try:
            check_address(request.method, request.raw_path)
            extra = await self._admit(call)
            answer = await self._routed(call)
        except ArmError as refused:
            answer = Answer(refused.answer(), refused.status, refused.headers)
        except NoAnswer as lost:
            self._write_down(call, request, NOT_EXECUTED, lost.how)
            return await lose(request, lost.how)
        answer.headers = {**extra, **answer.headers, "x-ms-request-id": request.headers.get("x-ms-client-request-id", "")}
        response = self._kept.older(call, _response(answer)) if self.world.faults.keep_answers else _response(answer)
        if call.odd:
            response = distorted(response, call.odd, f"{self.url}{request.raw_path}")
        begins = DOCUMENT in answer.headers or (response.status == ACCEPTED and RESULT in answer.headers)
        self._write_down(call, request, response.status, call.lost, begins=begins)
        return await lose(request, call.lost, response) if call.lost else response

    async def _admit(self, call: Call) -> dict[str, str]:
        """Everything that is checked before a handler runs, in Azure's order. Returns headers for the answer."""
        if any(part in call.path for part in OPEN):
            await self.world.faults.meet(call)
            return {}
        claims = self._entra.caller(call)
        call.caller = claims["appid"]
        await self.world.faults.meet(call)
        if call.expired:
            self._entra.revoke_all()
            self._entra.caller(call)
        if call.path.startswith("/v1.0/"):
            return {}
        headers = self.world.throttle.take(call.caller, call.method)
        self._check_subscription(call, claims["tid"])
        if not self._entra.is_operator(claims):
            self._authorization.allow(call, claims["oid"])
        self._locks.meet(call)
        check_tags((call.body.get("tags") if isinstance(call.body, dict) else None) or {})
        if call.method in ("PUT", "PATCH") and "/providers/" in call.path.lower():
            self.world.require_provider(call.path.lower().rsplit("/providers/", 1)[1].split("/")[0])
        return headers

    def _check_subscription(self, call: Call, tenant: str) -> None:
        parts = call.path.split("/")
        if len(parts) < 3 or parts[1].lower() != "subscriptions":
            return
        state = self.world.subscriptions.get(parts[2].lower())
        if state is None:
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{parts[2]}' could not be found.")
        theirs = self.world.tenants.get(parts[2].lower())
        if theirs != tenant:
            message = f"The access token is from the wrong issuer. It must match the tenant '{theirs}' associated with this subscription."
            raise ArmError(401, "InvalidAuthenticationTokenTenant", message)
        if state in WRITES_REFUSED and call.method not in ("GET", "HEAD"):
            message = f"The subscription '{parts[2]}' is disabled and therefore marked as read only. You cannot perform any write actions."
            raise ArmError(409, "ReadOnlyDisabledSubscription", message)

    async def _routed(self, call: Call) -> Answer:
        handler = self._routes.find(call)
        if handler is None:
            raise ArmError(404, "InvalidResourceType", f"The simulator knows nothing at {call.method} {call.path}.")
        answer = await handler(call)
        return self._paged(call, answer)

    def _paged(self, call: Call, answer: Answer) -> Answer:
        """Lists come in pages. A nextLink says that there may be more: after a full page, and after the first one of what Resource
        Manager lists itself; the page that it leads to can be empty."""
        asked = call.query.get("$top") if GROUPS.search(call.path) else None
        size = min(int(asked), MOST_GROUPS) if asked else self.world.page_size
        value = answer.body.get("value") if isinstance(answer.body, dict) and call.method == "GET" else None
        if not isinstance(value, list) or call.path.startswith(PREFIX):
            return answer
        start = int(call.query.get("$skiptoken", "0"))
        page: dict[str, Any] = {**answer.body, "value": value[start : start + size]}
        if len(page["value"]) == size or (page["value"] and start == 0 and GENERIC.search(call.path)):
            query = urlencode({**call.query, "$skiptoken": start + len(page["value"])}, safe="$")
            page["nextLink"] = f"{self.url}{quote(call.path)}?{query}"
        return Answer(page, answer.status, answer.headers)

    def _write_down(self, call: Call, request: web.Request, status: int, lost: str = "", *, begins: bool = False) -> None:
        entry = {
            "time": stamp(self.world.clock.now()),
            "method": call.method,
            "path": call.path,
            "api_version": call.query.get("api-version"),
            "status": status,
            "lost": lost,
            "begins_operation": begins,
            "caller": call.caller,
            "user_agent": request.headers.get("User-Agent", ""),
            "command": request.headers.get("CommandName"),
            "correlation_id": request.headers.get("x-ms-correlation-request-id"),
            "request_id": request.headers.get("x-ms-client-request-id"),
        }
        self.world.journal.write(entry, call.body)


@cache
def _certificate() -> tuple[trustme.CA, trustme.LeafCert]:
    """Return an authority and the server's certificate; they are made once for a process, in which tests start hundreds of simulators."""
    authority = trustme.CA()
    return authority, authority.issue_cert("localhost", "127.0.0.1")


async def _call(request: web.Request) -> Call:
    raw = await request.read()
    body: Any = None
    if raw and "form" in request.content_type:
        body = dict(await request.post())
    elif raw:
        body = json.loads(raw)
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = re.sub("/+", "/", request.path).rstrip("/") or "/"  # some clients leave an empty segment: `providers/X//type`
    return Call(request.method, path, dict(request.query), body, headers)


def _response(answer: Answer) -> web.Response:
    headers = {name: value for name, value in answer.headers.items() if value}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    return web.json_response(answer.body, status=answer.status, headers=headers)
