"""A management cluster's API on loopback, as far as the reconciler uses it, with answers that a test can break."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from kubernetes.aio import client

from tests.unit.kube.plain_http import plain_client

PLATFORM = re.compile(r".*/notebookplatforms/[^/]+(/status)?$")


@dataclass(frozen=True)
class BrokenCall:
    """Calls that fail: a status, a body instead of the object, or (status 0) no answer at all."""

    method: str
    path: str
    status: int = 0
    body: str = "{}"

    def concerns(self, request: web.Request, text: str) -> bool:
        return request.method == self.method and re.search(self.path, request.path) is not None


class Management:
    """Objects by path. `calls` are the requests received, as `GET secrets`, and `on_call` is called with each; `broken` are those that fail."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.on_call: Callable[[str], None] = lambda call: None
        self.broken: BrokenCall | None = None
        self.largest_status = 1 << 20
        self._runner: web.AppRunner | None = None
        self.api: client.ApiClient
        for one in objects:
            self.put(one)

    def put(self, one: dict[str, Any]) -> None:
        kinds = {"Secret": "/api/v1/%s/secrets", "ConfigMap": "/api/v1/%s/configmaps"}
        default = "/apis/notebookplatform.io/v1alpha1/%s/notebookplatforms"
        place = kinds.get(one["kind"], default) % f"namespaces/{one['metadata']['namespace']}"
        one["metadata"].setdefault("resourceVersion", "1")
        self.objects[f"{place}/{one['metadata']['name']}"] = one

    @property
    def platform(self) -> dict[str, Any]:
        return next(one for path, one in self.objects.items() if PLATFORM.match(path))

    def condition(self, type_: str) -> dict[str, Any] | None:
        conditions = self.platform.get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == type_), None)

    async def until(self, what: str, check: Callable[[], Any], seconds: float = 15) -> Any:
        for _ in range(int(seconds / 0.01)):
            if found := check():
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"never came true: {what}; status: {json.dumps(self.platform.get('status'))}")

    async def __aenter__(self) -> "Management":
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.api = plain_client(f"http://127.0.0.1:{self._runner.addresses[0][1]}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.close()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        path = request.path.removesuffix("/status") if PLATFORM.match(request.path) else request.path
        kind = path.split("/")[-1 if request.method == "POST" else -2]
        self.calls.append(f"{request.method} {kind}")
        self.on_call(self.calls[-1])
        if self.broken and self.broken.concerns(request, text):
            if self.broken.status == 0:
                assert request.transport is not None
                request.transport.abort()
            return web.Response(status=self.broken.status or 500, text=self.broken.body, content_type="application/json")
        return self._answer(request, path, text)

    def _answer(self, request: web.Request, path: str, text: str) -> web.Response:
        if request.method == "POST":
            body = json.loads(text)
            name = body["metadata"].get("name") or f"made-{len(self.objects)}"
            namespace = path.split("/")[-2]
            stored = {**body, "metadata": {"namespace": namespace, **body["metadata"], "name": name, "resourceVersion": "1"}}
            self.objects[f"{path}/{name}"] = stored
            return web.json_response(stored, status=201)
        if path not in self.objects:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        found = self.objects[path]
        if request.method == "PATCH":
            if request.path.endswith("/status") and len(text) > self.largest_status:
                return web.json_response({"kind": "Status", "code": 422, "message": "too long"}, status=422)
            self._merge(found, json.loads(text))
        elif request.method == "PUT":
            self.objects[path] = found = json.loads(text)
        elif request.method == "DELETE":
            del self.objects[path]
        return web.json_response(found)

    def _merge(self, found: dict[str, Any], patch: dict[str, Any]) -> None:
        if finalizers := patch.get("metadata", {}).get("finalizers"):
            found["metadata"]["finalizers"] = finalizers
        for key, value in (patch.get("status") or {}).items():
            found.setdefault("status", {})[key] = value
