"""Values thousands of levels deep, or half a million values, which the API server accepts: no platform of another author is delayed."""

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import kopf
import pytest
import yaml
from notebook_platform.bounded.nesting import cut
from notebook_platform.clients import SharedClients
from notebook_platform.config import OperatorConfig
from notebook_platform.controller import Controller, registry, settings
from notebook_platform.kube.fenced import fenced
from notebook_platform.leases.shards import shards

from sandbox.kubernetes.api import api_client
from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted
from sandbox.operator_process import ROOT
from tests.api_server import ApiServer, Refused
from tests.integration.conftest import runbook

PLATFORMS = "/apis/notebookplatform.io/v1alpha1/namespaces/default/notebookplatforms"
DEEP = (300, 980, 9000)
"""Levels: more than are accepted, about as many as Python decodes, and many more."""

ODD = {**{f"deep-{depth}": '{"a":' * depth + "{}" + "}" * depth for depth in DEEP}, "large": '{"a":[' + "[]," * 250_000 + "[]]}"}
"""Values by the name of their platform."""


async def create(user: ApiServer, name: str, values: str = "{}") -> None:
    """Create a platform without an identity that it may use, so that it keeps nothing in Azure."""
    document = runbook(name)
    del document["spec"]["azure"]["credentials"]
    document["metadata"]["namespace"] = "default"
    document["spec"]["jupyterhub"]["values"] = "VALUES"
    text = json.dumps(document).replace('"VALUES"', values)
    headers = {**user.http.headers, "Content-Type": "application/json"}
    answer = await asyncio.to_thread(user.http.request, "POST", f"{user.url}{PLATFORMS}", body=text, headers=headers)
    assert answer.status == 201, answer.data


async def served(user: ApiServer) -> None:
    """Install the CustomResourceDefinition and wait until it is served."""
    for path in sorted((ROOT / "crds").glob("notebookplatforms.*")):
        definition = yaml.safe_load(await asyncio.to_thread(path.read_text))
        await asyncio.to_thread(user.request, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    async with asyncio.timeout(30):
        while True:
            try:
                if await asyncio.to_thread(user.read, PLATFORMS) is not None:
                    return
            except Refused:
                pass
            await asyncio.sleep(0.1)


@asynccontextmanager
async def operator(plane: ControlPlane, directory: Path) -> AsyncIterator[None]:
    """Watch and reconcile all platforms until the block ends. Raises what ended kopf before."""
    api, stop = fenced(await api_client(plane.kubeconfig())), asyncio.Event()
    clients, shard = SharedClients(OperatorConfig(work_dir=directory)), shards(1)[0]
    controller = Controller(api, clients, shard, contextvars.copy_context())
    work = kopf.operator(
        registry=registry(controller), settings=settings(shard, patterns=False), clusterwide=True, standalone=True, stop_flag=stop
    )
    async with asyncio.TaskGroup() as running:
        running.create_task(work)
        yield
        await controller.close()
        stop.set()
    await clients.close()
    await api.close()


async def test_a_deep_or_large_platform_says_so_and_the_rest_are_reconciled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = ControlPlane(tmp_path / "plane", find(), Wanted(name="deep", nodes=False))
    await plane.start()
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig_path))
    user = ApiServer.of(plane.kubeconfig_path)
    try:
        await served(user)
        for name, values in ODD.items():
            await create(user, f"listed-{name}", values)
        await create(user, "listed")
        async with operator(plane, tmp_path / "work"):
            await until(lambda: reason(user, "listed", "CredentialsReady") == "IdentityNotAllowed")
            for name, values in ODD.items():
                await create(user, f"watched-{name}", values)
            await create(user, "watched")
            await until(lambda: reason(user, "watched", "CredentialsReady") == "IdentityNotAllowed")
            for name in (f"{how}-{name}" for how in ("listed", "watched") for name in ODD):
                await until(lambda name=name: reason(user, name, "Ready") == "ValuesTooLarge")
                assert reason(user, name, "Stalled") == "ValuesTooLarge"
    finally:
        await plane.stop()


def reason(user: ApiServer, name: str, type_: str) -> str | None:
    """Return the reason of a condition."""
    answer = user.http.request("GET", f"{user.url}{PLATFORMS}/{name}/status").data
    conditions = json.loads(cut(answer)).get("status", {}).get("conditions", [])
    return next((one["reason"] for one in conditions if one["type"] == type_), None)


async def until(check: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(check):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
