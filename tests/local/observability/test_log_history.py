"""The log of a reconciler at work: a platform that does not change logs nothing, a failure once, an operation and a Helm
action twice."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from notebook_platform.clients import SharedClients
from notebook_platform.config import OperatorConfig
from notebook_platform.engine import Operation
from notebook_platform.engine.graph import Graph
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.record_proxy import Access
from notebook_platform.helm.runner import Helm
from notebook_platform.kube.operation_record import OperationScope
from notebook_platform.kube.operations import OperationStore
from notebook_platform.kube.redaction import HIDDEN
from notebook_platform.kube.secrets import Platform, SecretStore
from notebook_platform.reconciler import PlatformReconciler
from pyhelm3.errors import Error

from sandbox.azure.world import CLIENT_SECRET
from tests.local.reconciler.cluster import Management
from tests.local.reconciler.test_no_silence import management, whole_spec
from tests.unit.kube.plain_http import plain_client
from tests.unit.observability.test_logs import Disk, Lines, lines

__all__ = ["lines"]


class Clients(SharedClients):
    """Builds the real graph, which reads the Secrets, and reconciles the disk instead of it."""

    def __init__(self, config: OperatorConfig, disk: Disk) -> None:
        super().__init__(config)
        self.disk, self.reconciles = disk, 0

    async def graph(self, *arguments: Any, **options: Any) -> Graph:
        await super().graph(*arguments, **options)
        self.reconciles += 1
        return Graph([self.disk])


@asynccontextmanager
async def kept(directory: Path, disk: Disk) -> AsyncIterator[tuple[Management, Clients]]:
    """Run a reconciler for a platform, once a second."""
    config = OperatorConfig(work_dir=directory, chart_repository="https://charts.example.org", least_interval=1)
    clients = Clients(config, disk)
    async with management(whole_spec(interval="1s")) as cluster:
        task = asyncio.create_task(PlatformReconciler(copy.deepcopy(cluster.platform), cluster.api, clients).run())
        yield cluster, clients
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await clients.close()


async def test_a_platform_that_does_not_change_logs_nothing_more(lines: Lines, tmp_path: Path) -> None:
    async with kept(tmp_path, Disk()) as (cluster, clients):
        await cluster.until("it is ready", lambda: (cluster.condition("Ready") or {}).get("status") == "True", 60)
        settled = clients.reconciles + 2
        await cluster.until("its Events are sent", lambda: clients.reconciles >= settled, 60)
        story = list(lines.found)
        await cluster.until("three more reconciles", lambda: clients.reconciles >= settled + 3, 60)
    assert lines.found == story
    assert story[0]["message"] == "applying 1 change: properties.size" and story[-1]["message"].startswith("Ready: ")
    assert {line["platform"] for line in story} == {"platforms/lab"} and all(line["correlation_id"] for line in story)


async def test_a_failure_is_one_warning_without_the_platforms_secrets(lines: Lines, tmp_path: Path) -> None:
    disk = Disk()
    disk.refused = f"the size is refused for {CLIENT_SECRET}"
    async with kept(tmp_path, disk) as (cluster, clients):
        await cluster.until("four reconciles", lambda: clients.reconciles >= 4, 60)
    warnings = [line["message"] for line in lines.found if line["level"] == "warning"]
    assert warnings == [f"Refused: Disk: the size is refused for {HIDDEN}. Correct it."]
    assert CLIENT_SECRET not in json.dumps(lines.found)


async def test_an_operation_in_azure_is_logged_when_it_starts_and_when_it_ends(lines: Lines) -> None:
    scope = OperationScope(resource_manager="https://management.azure.com", subscription_id="s")
    started = datetime.now(UTC) - timedelta(seconds=90)
    operation = Operation(kind="create managed cluster lab", url="https://x/1?sig=s", started=started, expected=300)
    async with Management() as cluster:
        store = OperationStore(SecretStore(cluster.api, Platform(namespace="platforms", name="lab", uid="uid-1")))
        await store.load(scope)
        await store.save("Cluster", operation)
        await store.save("Cluster", replace(operation, percent=50))
        assert [line["message"] for line in lines.found] == ["operation started: create managed cluster lab"]
        await store.prune([])
        await store.prune([])
    start, end = lines.found
    assert end["message"] == f"operation ended: create managed cluster lab, after {end['seconds']:.0f} s"
    assert start["operation"] == end["operation"] == operation.kind and start["step"] == end["step"] == "Cluster"
    assert end["seconds"] >= 90
    assert "sig" not in json.dumps(lines.found)


async def test_a_helm_action_is_logged_when_it_starts_and_when_it_ends(lines: Lines, tmp_path: Path) -> None:
    helm = Helm(executable="true", work_dir=tmp_path, charts=ChartSource(directory=None, repository=""), timeout=30)
    access = Access(api=plain_client(), ledger=None, place=("jhub", "hub"))  # type: ignore[arg-type]

    async def succeeds(_: object) -> None:
        await asyncio.sleep(0)

    async def fails(_: object) -> None:
        raise Error(1, b"", b"Error: the hook failed")

    for verb, work in (("install", succeeds), ("upgrade", fails)):
        helm.start("key", verb, access, work)
        run = helm.run_of("key")
        assert run is not None
        await run.task
        helm.run_of("key")
    await helm.close()
    await access.api.close()
    assert [(line["level"], line["action"], line["release"]) for line in lines.found] == [
        ("info", "install", "jhub/hub"),
        ("info", "install", "jhub/hub"),
        ("info", "upgrade", "jhub/hub"),
        ("warning", "upgrade", "jhub/hub"),
    ]
    assert lines.found[0]["message"] == "helm install started: release hub in namespace jhub"
    assert lines.found[1]["message"].startswith("helm install of release hub in namespace jhub succeeded (after ")
    assert "failed: the hook failed (after " in lines.found[3]["message"]
