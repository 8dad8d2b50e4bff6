"""A change of the spec that lands during a reconcile, or that the operator reads before the watch reports it, is never ignored."""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.step import Inputs, Observed
from notebook_platform.platform_context import PlatformContext
from notebook_platform.reconcile_run import ReconcileRun
from notebook_platform.reconciler import PlatformReconciler

from tests.local.reconciler.cluster import Management
from tests.local.reconciler.test_no_silence import Raising, RaisingClients, config, management, whole_spec

STEP = "Network"
WRONG, RIGHT = {"team": "wrong"}, {"team": "right"}


class Seeing(Raising):
    """A step with a trace, which notes the tags of the spec that it is observed for and refuses the wrong ones if a test asks for it."""

    cacheable = True

    def __init__(self, clients: "SeeingClients", real: Any, tags: dict[str, str]) -> None:
        super().__init__(real, "", None)
        self._clients, self._tags = clients, tags

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Any]:
        self._clients.seen.append(self._tags)
        if self._clients.unwanted == self._tags:
            raise StepError("NameTaken", "The name is taken.", "Set another name.", retry_in=3600)
        return Observed(found="found")


class SeeingClients(RaisingClients):
    """Clients whose graph has one step that notes what it sees."""

    def __init__(self, directory: Path) -> None:
        super().__init__(config(directory), STEP, "", None)
        self.seen: list[dict[str, str]] = []
        self.unwanted: dict[str, str] | None = None

    async def graph(self, *arguments: Any, **options: Any) -> Graph:
        real = await super().graph(*arguments, **options)
        spec: NotebookPlatformSpec = arguments[1]
        tags = dict(spec.azure.tags)
        return Graph([Seeing(self, step, tags) if name == STEP else step for name, step in real.steps.items()])


@asynccontextmanager
async def clients(directory: Path) -> AsyncIterator[SeeingClients]:
    found = SeeingClients(directory)
    yield found
    await found.close()


def edit(cluster: Management, tags: dict[str, str]) -> dict[str, Any]:
    """Change the tags of the spec in the management cluster; return the object."""
    cluster.platform["spec"]["azure"]["tags"] = tags
    cluster.platform["metadata"]["generation"] += 1
    return copy.deepcopy(cluster.platform)


async def test_an_edit_that_is_read_before_the_watch_reports_it_ends_the_backoff_of_the_spec_before(tmp_path: Path) -> None:
    """The operator reads the object because its finalizer was removed. When the watch reports the edit it is no news any more."""
    async with clients(tmp_path) as shared, management(whole_spec(interval="1s")) as cluster:
        shared.unwanted = WRONG
        reconciler = PlatformReconciler(edit(cluster, WRONG), cluster.api, shared)
        task = asyncio.create_task(reconciler.run())
        await cluster.until("it backs off", lambda: (c := cluster.condition("Ready")) and c["reason"] == "NameTaken")
        cluster.platform["metadata"]["finalizers"] = []
        reconciler.update(copy.deepcopy(cluster.platform))
        edited, asked = edit(cluster, RIGHT), cluster.calls.count("GET notebookplatforms")
        await cluster.until("it is read again", lambda: cluster.calls.count("GET notebookplatforms") > asked)
        reconciler.update(edited)
        await cluster.until("the edit is seen", lambda: RIGHT in shared.seen)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_step_that_is_settled_for_one_spec_is_observed_for_the_next(tmp_path: Path) -> None:
    async with clients(tmp_path) as shared, management(whole_spec()) as cluster:
        context = PlatformContext.of(
            PlatformReconciler(edit(cluster, WRONG), cluster.api, shared).platform, cluster.platform, cluster.api, shared
        )

        async def reconcile() -> None:
            body = copy.deepcopy(cluster.platform)
            context.state.pack()  # without the recent results, which hold for a minute
            await ReconcileRun(context, body, NotebookPlatformSpec.model_validate(body["spec"]), lambda status: status).apply()

        for _ in range(3):
            await reconcile()
        settled = len(shared.seen)
        await reconcile()
        assert len(shared.seen) == settled, "its trace holds"
        edit(cluster, RIGHT)
        await reconcile()
        assert shared.seen[settled:] == [RIGHT]
