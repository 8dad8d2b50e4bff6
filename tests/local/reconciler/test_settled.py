"""A reconcile that finds what the last one found writes nothing; whatever differs reaches the status."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Degraded, Outcome
from notebook_platform.kube.secrets import Platform
from notebook_platform.pace import Limits
from notebook_platform.reconciler import PlatformReconciler

from tests.local.reconciler.cluster import BrokenCall, Management
from tests.local.reconciler.test_no_silence import Raising, RaisingClients, management, whole_spec

STEP = "WorkloadCluster"
INTERVAL = 1.0
"""Seconds: the shortest that the configuration of these tests allows."""


class Watched(Raising):
    """A step that is observed in every reconcile, and whose health and output a test sets."""

    def __init__(self, clients: "WatchedClients", real: Any) -> None:
        super().__init__(real, "", None)
        self._clients = clients

    def check_health(self, found: Any) -> Outcome | None:
        self._clients.looks += 1
        return self._clients.health

    def output(self, found: Any) -> Any:
        return self._clients.output


class WatchedClients(RaisingClients):
    def __init__(self, directory: Path, rest_after: float = Limits().rest_after) -> None:
        budget = OperatorConfig(
            work_dir=directory,
            chart_repository="https://charts.example.org",
            least_interval=1,
            passes_per_minute=240,
            pass_burst=10,
        )
        super().__init__(budget, STEP, "", None)
        self.limits = replace(self.limits, rest_after=rest_after)
        self.health: Outcome | None = None
        self.output: object = "made"
        self.looks = 0
        self.forgotten: list[str] = []

    async def forget(self, platform: Platform) -> None:
        await super().forget(platform)
        self.forgotten.append(platform.uid)

    async def graph(self, *arguments: Any, **options: Any) -> Graph:
        real = await super().graph(*arguments, **options)
        return Graph([Watched(self, step) if name == STEP else step for name, step in real.steps.items()])

    async def looked(self, more: int) -> None:
        """Wait until the step was observed so many times more."""
        wanted = self.looks + more
        for _ in range(750):
            if self.looks >= wanted:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"observed {self.looks} times instead of {wanted}")


def _degraded(message: str) -> Degraded:
    return Degraded(reason=Reason.NODES_NOT_READY, message=message, requeue_after=INTERVAL, stall_after=900.0)


@asynccontextmanager
async def settled(directory: Path) -> AsyncIterator[tuple[Management, WatchedClients, PlatformReconciler]]:
    """Yield a platform whose steps are all ready, while it is reconciled every second."""
    clients = WatchedClients(directory)
    async with management(whole_spec(interval=f"{INTERVAL:g}s")) as cluster:
        reconciler = PlatformReconciler(copy.deepcopy(cluster.platform), cluster.api, clients)
        task = asyncio.create_task(reconciler.run())
        await cluster.until("it is Ready", lambda: (c := cluster.condition("Ready")) and c["status"] == "True")
        await clients.looked(2)
        yield cluster, clients, reconciler
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await clients.close()


async def test_a_settled_platform_sends_nothing_to_the_management_cluster(tmp_path: Path) -> None:
    async with settled(tmp_path) as (cluster, clients, _):
        cluster.calls.clear()
        await clients.looked(3)
        assert not [call for call in cluster.calls if not call.startswith("GET")]


async def test_health_that_changes_under_an_unchanged_spec_is_reported_in_both_directions(tmp_path: Path) -> None:
    def reports(status: str) -> Any:
        return lambda: (condition := cluster.condition("Ready")) and condition["status"] == status

    async with settled(tmp_path) as (cluster, clients, _):
        for _ in range(2):
            clients.health = _degraded("ready nodes: 0")
            condition = await cluster.until("it is reported", lambda: reports("False")() and cluster.condition("Ready"))
            assert condition["reason"] == "NodesNotReady"
            clients.health = None
            await cluster.until("its end is reported", reports("True"))


async def test_a_status_that_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    async with settled(tmp_path) as (cluster, clients, _):
        cluster.broken = BrokenCall("PATCH", "/status$", 500, "x")
        clients.health = _degraded("ready nodes: 0")
        await clients.looked(1)
        clients.health, cluster.broken = None, None
        await clients.looked(2)
        before = json.dumps(cluster.platform["status"])
        clients.health = _degraded("ready nodes: 1")
        await cluster.until("the next one is written", lambda: json.dumps(cluster.platform["status"]) != before)
        assert "ready nodes: 1" in cluster.condition("Ready")["message"]  # type: ignore[index]


async def test_the_throttle_of_a_settled_platform_is_taken_back_without_a_change(tmp_path: Path) -> None:
    async with settled(tmp_path) as (cluster, _, reconciler):
        while cluster.condition("Throttled") is None:
            cluster.platform["metadata"]["generation"] += 1
            reconciler.update(copy.deepcopy(cluster.platform))
            await asyncio.sleep(0.01)
        generation = cluster.platform["metadata"]["generation"]

        def rested() -> bool:
            ready = cluster.condition("Ready")
            return cluster.condition("Throttled") is None and ready is not None and ready["observedGeneration"] == generation

        await cluster.until("it is no longer throttled", rested, 60)


async def test_the_generation_that_was_observed_is_always_reported(tmp_path: Path) -> None:
    async with settled(tmp_path) as (cluster, _, reconciler):
        for generation in (2, 3):

            def observed(generation: int = generation) -> bool:
                return bool(cluster.platform["status"]["observedGeneration"] == generation)

            cluster.platform["metadata"]["generation"] = generation
            reconciler.update(copy.deepcopy(cluster.platform))
            await cluster.until("it is observed", observed)
