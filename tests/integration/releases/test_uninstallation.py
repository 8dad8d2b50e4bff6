"""An uninstallation that fails each time: it is reported, calls a user, and holds up no deletion of the cluster."""

from typing import Any

import pytest
from notebook_platform import outputs
from notebook_platform.engine import Check, Failed, Inputs, Observed, Ready
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.teardown import teardown

from tests.integration.releases.hands import NEVER_ENDS
from tests.integration.releases.harness import ReleaseHarness, helm_runs

pytestmark = pytest.mark.asyncio(loop_scope="package")


class OwnCluster(Check[Any]):
    """The cluster, which is deleted after what runs in it."""

    name = "Cluster"
    provides = outputs.Cluster

    def desired(self, inputs: Inputs) -> None:
        return None

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Any]:
        return Observed(found="a cluster")


@pytest.fixture
def failing(harness: ReleaseHarness) -> ReleaseHarness:
    """Return a release with a hook that never ends when it is uninstalled."""
    harness.helm = harness.cluster.helm(timeout=2)
    harness.set(farewell=NEVER_ENDS)
    return harness


@pytest.mark.parametrize("retired", [False, True])
async def test_a_deletion_reports_an_uninstallation_that_fails_and_does_not_repeat_it(
    failing: ReleaseHarness, retired: bool
) -> None:
    """The cluster's deletion deletes the release too, so it does not wait for another failure."""
    await failing.ready()
    step = "ReleaseLittle"
    if retired:
        failing.wants, step = [], "RetiredReleases"
    runs = helm_runs()

    async def failed() -> bool:
        outcome = (await teardown(failing.graph(deleting=True), {}))[step].outcome
        return isinstance(outcome, Failed) and "timed out" in outcome.message

    await failing.soon(failed)
    assert await failed()
    graph = failing.graph(deleting=True)
    results = await teardown(Graph([*graph.steps.values(), OwnCluster()]), {})
    assert isinstance(results[step].outcome, Ready) and helm_runs() - runs == 1


async def test_a_release_that_cannot_be_uninstalled_calls_a_user_after_some_failures(failing: ReleaseHarness) -> None:
    await failing.ready()
    failing.wants = []
    await failing.until(lambda outcome: isinstance(outcome, Failed), "RetiredReleases")
    assert failing.condition("Stalled").status == "False"
    await failing.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None, "RetiredReleases")
    stalled = failing.condition("Stalled")
    assert stalled.status == "True" and "retries at every interval" in stalled.message, stalled
