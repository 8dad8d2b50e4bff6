"""Shards on real API servers, with the feature gate ShardedListAndWatch and without: each platform reaches the shard that has it."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from kubernetes.aio import client
from notebook_platform.api import GROUP, PLURAL, VERSION
from notebook_platform.controller import registry, settings
from notebook_platform.leases.shards import Shard, shards

from sandbox.kubernetes.api import api_client
from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted
from sandbox.operator_process import ROOT
from tests.integration.conftest import runbook

GATE = "ShardedListAndWatch"
COUNT = 3


class Received:
    """Keeps the uids of the platforms that the API server sends for a shard."""

    def __init__(self, shard: Shard) -> None:
        self.shard, self.uids = shard, set[str]()

    def object_changed(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        self.uids.add(body["metadata"]["uid"])

    def listed(self, kind: str, namespace: str, name: str, version: str) -> None:
        """A Secret or ConfigMap is of no shard."""

    def referred(self, kind: str, namespace: str, name: str) -> None:
        """A Secret or ConfigMap is of no shard."""

    @property
    def own(self) -> set[str]:
        """Return those of the shard by the operator's rule."""
        return {uid for uid in self.uids if self.shard.includes(uid)}


async def watch(received: Received, stop: asyncio.Event) -> None:
    """List and watch the platforms of a shard with the operator's settings."""
    await kopf.operator(
        registry=registry(received),  # type: ignore[arg-type]
        settings=settings(received.shard, patterns=False),
        clusterwide=True,
        standalone=True,
        stop_flag=stop,
    )


async def create(api: client.ApiClient, count: int) -> set[str]:
    """Create platforms. Returns their uids."""
    found = set[str]()
    for _ in range(count):
        body = runbook(f"sharded-{uuid.uuid4().hex[:8]}")
        body["metadata"]["namespace"] = "default"
        made = await client.CustomObjectsApi(api).create_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, body)
        found.add(made["metadata"]["uid"])
    return found


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("gates", [(GATE,), ()], ids=["by the API server", "by the operator"])
async def test_each_platform_reaches_the_shard_that_has_it(
    gates: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = ControlPlane(tmp_path / "plane", find(), Wanted(name="sharded", nodes=False, feature_gates=gates))
    await plane.start()
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig_path))
    api, stop = await api_client(plane.kubeconfig()), asyncio.Event()
    try:
        for path in sorted((ROOT / "crds").glob("notebookplatforms.*")):
            body = yaml.safe_load(await asyncio.to_thread(path.read_text))
            await client.ApiextensionsV1Api(api).create_custom_resource_definition(body)
        await until_served(api)
        platforms = await create(api, 12)
        received = [Received(shard) for shard in shards(COUNT)]
        async with asyncio.TaskGroup() as running:
            for one in received:
                running.create_task(watch(one, stop))
            await until(lambda: set().union(*(one.own for one in received)) == platforms)
            platforms |= await create(api, 12)
            await until(lambda: set().union(*(one.own for one in received)) == platforms)
            if not gates:
                await until(lambda: all(one.uids == platforms for one in received))
            stop.set()
        assert sum(len(one.own) for one in received) == len(platforms), "no platform is in two shards"
        if gates:
            assert all(one.uids == one.own for one in received), "the API server sends a shard its own platforms only"
    finally:
        stop.set()
        await api.close()
        await plane.stop()


async def until_served(api: client.ApiClient) -> None:
    """Wait until the API server serves platforms."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.CustomObjectsApi(api).list_namespaced_custom_object(GROUP, VERSION, "default", PLURAL)
            except client.ApiException:
                await asyncio.sleep(0.1)
            else:
                return
