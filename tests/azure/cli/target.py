"""The API of a built cluster on loopback, as far as the commands read it: nodes, version, Helm's releases. Writes are refused."""

import base64
import gzip
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import trustme
from aiohttp import web

from sandbox.azure.backend import NoClusters, User

KIND = "apiVersion: v1\nkind: Config\ncurrent-context: c\n"


def release(
    name: str,
    chart: str,
    version: str,
    values: Mapping[str, Any],
    namespace: str = "jhub",
    *,
    revision: int = 1,
    status: str = "deployed",
) -> dict[str, Any]:
    """Return the Secret in which Helm stores a revision of a release."""
    document = {
        "name": name,
        "namespace": namespace,
        "version": revision,
        "info": {"status": status, "last_deployed": "2026-01-01T00:00:00Z"},
        "chart": {"metadata": {"name": chart, "version": version}},
        "config": dict(values),
        "manifest": "",
    }
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(document).encode()))).decode()
    labels = {"owner": "helm", "name": name, "version": str(revision), "status": status}
    metadata = {"name": f"sh.helm.release.v1.{name}.v{revision}", "namespace": namespace, "labels": labels}
    return {"metadata": metadata, "type": "helm.sh/release.v1", "data": {"release": packed}}


class BuiltCluster(NoClusters):
    """Every cluster of the simulated Azure has this API."""

    def __init__(self, nodes: int) -> None:
        self.nodes = nodes
        self.releases: Sequence[Mapping[str, Any]] = ()
        self.refused: list[str] = []
        self.token = "none"
        """The credential of its users; any other is answered with 401."""
        self._runner: web.AppRunner | None = None
        self._url = ""
        self._authority = trustme.CA()

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        app = web.Application(middlewares=[self._signed_in])
        app.router.add_get("/version/", self._version)
        app.router.add_get("/api/v1/nodes", self._nodes)
        app.router.add_get("/api/v1/secrets", self._secrets)
        app.router.add_get("/api/v1/namespaces/{namespace}/secrets/{name}", self._secret)
        app.router.add_route("*", "/{path:.*}", self._nothing)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert("127.0.0.1").configure_cert(context)
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self._url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop_listening(self) -> None:
        """Stop answering."""
        assert self._runner is not None
        await self._runner.cleanup()

    async def kubeconfig(self, cluster_id: str, user: User) -> str:
        """Return a kubeconfig for this server."""
        authority = base64.b64encode(self._authority.cert_pem.bytes()).decode()
        return (
            f"{KIND}clusters: [{{name: c, cluster: {{server: '{self._url}', certificate-authority-data: {authority}}}}}]\n"
            f"users: [{{name: {user}, user: {{token: {self.token}}}}}]\n"
            f"contexts: [{{name: c, context: {{cluster: c, user: {user}}}}}]\n"
        )

    @web.middleware
    async def _signed_in(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"kind": "Status", "code": 401}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _version(self, request: web.Request) -> web.Response:
        texts = ("gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
        return web.json_response({"major": "1", "minor": "35", **dict.fromkeys(texts, "x")})

    async def _nodes(self, request: web.Request) -> web.Response:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        items = [{"metadata": {"name": f"node{number}"}, "status": ready} for number in range(self.nodes)]
        return web.json_response({"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": items})

    async def _secrets(self, request: web.Request) -> web.Response:
        return web.json_response({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": list(self.releases)})

    async def _secret(self, request: web.Request) -> web.Response:
        wanted = (request.match_info["namespace"], request.match_info["name"])
        found = [one for one in self.releases if (one["metadata"]["namespace"], one["metadata"]["name"]) == wanted]
        return web.json_response(found[0]) if found else web.json_response({"kind": "Status", "code": 404}, status=404)

    async def _nothing(self, request: web.Request) -> web.Response:
        """Answer other lists as empty and other objects with 404; record and refuse writes."""
        if request.method != "GET":
            self.refused.append(f"{request.method} {request.path}")
            return web.json_response({"kind": "Status", "code": 403}, status=403)
        if request.path.rsplit("/", 1)[1] in ("configmaps", "secrets", "namespaces", "pods", "persistentvolumeclaims"):
            return web.json_response({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})
        return web.json_response({"kind": "Status", "code": 404}, status=404)
