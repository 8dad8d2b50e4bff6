"""kopf lists in pages and watches. No answer of the API server to either ends the operator."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from aiohttp import web
from notebook_platform.controller import registry, settings
from notebook_platform.leases.shards import shards

NAMES = [f"p{number}" for number in range(7)]
PAGE = 3
VERBS = ["get", "list", "watch", "patch"]
PLATFORMS = {"name": "notebookplatforms", "singularName": "notebookplatform", "kind": "NotebookPlatform"}
CORE = [
    {"name": "secrets", "kind": "Secret"},
    {"name": "configmaps", "kind": "ConfigMap"},
    {"name": "namespaces", "kind": "Namespace", "namespaced": False},
]
DEFINITIONS = {"name": "customresourcedefinitions", "kind": "CustomResourceDefinition", "namespaced": False}
GROUP, VERSION = "notebookplatform.io", "v1alpha1"


def resources(*found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "resources": [{"singularName": "", "namespaced": True, "verbs": VERBS, **one} for one in found],
    }


def groups() -> dict[str, Any]:
    found = []
    for group, name in ((GROUP, VERSION), ("apiextensions.k8s.io", "v1")):
        version = {"groupVersion": f"{group}/{name}", "version": name}
        found.append({"name": group, "versions": [version], "preferredVersion": version})
    return {"kind": "APIGroupList", "groups": found}


class PagedApi:
    """An API of a management cluster that lists platforms in pages of PAGE. The second page expires once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.limits: set[str] = set()
        self.broken: dict[str, int] = {}
        """The status of the answers, by resource; of watches under `watch`, after which they end."""
        self._fixed = {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": groups(),
            "/api/v1": resources(*CORE),
            f"/apis/{GROUP}/{VERSION}": resources(PLATFORMS),
            "/apis/apiextensions.k8s.io/v1": resources(DEFINITIONS),
        }

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.path in self._fixed:
            return web.json_response(self._fixed[request.path])
        if "watch" in request.query and (code := self.broken.pop("watch", 0)):
            error = {"kind": "Status", "code": code, "message": "the value of a Secret cannot be decrypted"}
            return web.Response(text=json.dumps({"type": "ERROR", "object": error}) + "\n", content_type="application/json")
        if "watch" in request.query:
            await asyncio.sleep(60)
        if code := self.broken.get(request.path.rpartition("/")[2], 0):
            self.asked.append(f"{code}")
            headers = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}
            return web.json_response({"kind": "Status", "code": code}, status=code, headers=headers)
        if request.path == "/api/v1/namespaces":
            item = {"metadata": {"name": "lab", "uid": "lab", "resourceVersion": "1"}}
            return web.json_response({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": [item]})
        if not request.path.endswith("/notebookplatforms"):
            return web.json_response({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})
        return self._page(request.query)

    def _page(self, query: Mapping[str, str]) -> web.Response:
        start = query.get("continue", "0")
        self.asked.append(start)
        self.limits.add(query["limit"])
        if start == str(PAGE) and self.asked.count(start) == 1:
            return web.json_response({"kind": "Status", "code": 410, "reason": "Expired"}, status=410)
        end = int(start) + PAGE
        metadata = {"resourceVersion": "9", "continue": str(end) if end < len(NAMES) else ""}
        items = [{"metadata": {"name": name, "namespace": "lab", "uid": name}} for name in NAMES[int(start) : end]]
        return web.json_response(
            {"kind": "NotebookPlatformList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": metadata, "items": items}
        )


@pytest.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PagedApi]:
    served, app = PagedApi(), web.Application()
    app.router.add_get("/{path:.*}", served.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [{"name": "lab", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}],
        "users": [{"name": "lab", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    yield served
    await runner.cleanup()


class Seen:
    """Receives the events of a controller."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.all_seen = asyncio.Event()

    def object_changed(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        self.names.append(body["metadata"]["name"])
        if set(self.names) == set(NAMES):
            self.all_seen.set()


@asynccontextmanager
async def watching(seen: Seen, chosen: kopf.OperatorSettings) -> AsyncIterator["asyncio.Task[None]"]:
    """Run kopf until the block ends. Raises what ended it before."""
    stop = asyncio.Event()
    running = asyncio.create_task(
        kopf.operator(registry=registry(seen), settings=chosen, namespaces=["la*"], standalone=True, stop_flag=stop)  # type: ignore[arg-type]
    )
    yield running
    stop.set()
    await running


async def test_all_platforms_are_seen_although_a_page_expires(api: PagedApi) -> None:
    seen, chosen = Seen(), settings(shards(1)[0], patterns=True)
    async with watching(seen, chosen) as running:
        async with asyncio.timeout(30):
            await seen.all_seen.wait()
        assert not running.done()
    assert api.asked[:3] == ["0", "3", "0"] and api.asked[3:5] == ["3", "6"]
    assert api.limits == {str(chosen.watching.chunk_size)}


async def test_errors_of_the_api_server_end_no_watch(api: PagedApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)  # commands that ran in this process leave another one
    seen, chosen = Seen(), settings(shards(1)[0], patterns=True)
    chosen.networking.error_backoffs = ()  # kopf's own retries take 54 seconds
    api.broken = {"secrets": 500, "configmaps": 429, "watch": 504, "namespaces": 503, "customresourcedefinitions": 502}
    async with watching(seen, chosen) as running, asyncio.timeout(30):
        while api.asked.count("503") < 3 or api.asked.count("502") < 3:
            assert not running.done()
            await asyncio.sleep(0.05)
        del api.broken["namespaces"], api.broken["customresourcedefinitions"]
        await seen.all_seen.wait()
        while api.asked.count("500") < 3 or api.asked.count("429") < 3 or "ends a watch with the error 504" not in caplog.text:
            assert not running.done()
            await asyncio.sleep(0.05)
        api.broken.clear()
        await asyncio.sleep(1)
        assert not running.done()
    assert "namespace lab: the API server answers" in caplog.text
