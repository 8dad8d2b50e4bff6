"""Discovery of the kinds that an API server serves."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from kubernetes.aio import client
from notebook_platform.helm.object_client import Live

CONFIG_MAPS = {"name": "configmaps", "singularName": "", "namespaced": True, "kind": "ConfigMap", "verbs": ["get"]}
JOBS = {"name": "jobs", "singularName": "", "namespaced": True, "kind": "Job", "verbs": ["get"]}
BATCH = {"groupVersion": "batch/v1", "version": "v1"}
ANSWERS = {
    "/version": {"major": "1", "minor": "35"},
    "/apis": {"kind": "APIGroupList", "groups": [{"name": "batch", "versions": [BATCH], "preferredVersion": BATCH}]},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [CONFIG_MAPS]},
    "/apis/batch/v1": {"kind": "APIResourceList", "groupVersion": "batch/v1", "resources": [JOBS]},
}


def entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


@asynccontextmanager
async def server() -> AsyncIterator[tuple[client.ApiClient, list[str]]]:
    """Serve the discovery of a small API; yield a client and the paths that are requested."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        await asyncio.sleep(0.01)
        return web.json_response(ANSWERS[request.path])

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api = client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}"))
    try:
        yield api, asked
    finally:
        await api.close()
        await runner.cleanup()


async def test_discovery_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write of all that is known holds the event loop up, at each release and reconcile."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with server() as (api, _):
        objects = Live(api, "hub")
        placed = await objects.place({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}})
        assert placed is not None and placed[1] == {"namespace": "hub", "name": "one"}
        assert await objects.place({"apiVersion": "v1", "kind": "Unheard", "metadata": {"name": "one"}}) is None
        assert entries(tmp_path) == []


async def test_objects_that_are_compared_side_by_side_ask_for_their_group_once() -> None:
    async with server() as (api, asked):
        objects = Live(api, "hub")
        manifests = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": str(number)}} for number in range(8)]
        assert None not in await asyncio.gather(*map(objects.place, manifests))
        assert asked.count("/api/v1") == 1


async def test_of_a_group_only_the_version_of_the_object_is_requested() -> None:
    """`v1` names the core group, and a version of nearly each other group."""
    async with server() as (api, asked):
        objects = Live(api, "hub")
        assert await objects.place({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}) is not None
        assert [path for path in asked if path.startswith("/api")] == ["/apis", "/api/v1"]
        assert await objects.place({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "one"}}) is not None
        assert [path for path in asked if path.startswith("/api")] == ["/apis", "/api/v1", "/apis/batch/v1"]
