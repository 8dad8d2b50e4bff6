"""Releases that need each other, on a real API server: what waits for what, and the order in which they go."""

import pytest
from notebook_platform.engine import Ready, Waiting

from tests.integration.releases.harness import ReleaseHarness, helm_runs

pytestmark = pytest.mark.asyncio(loop_scope="package")


def needing(harness: ReleaseHarness, name: str, *needs: str) -> None:
    """Add a release that needs these releases, in a namespace of its own."""
    chart = {"name": "little", "version": "1.0.0"}
    harness.wants.append({"name": name, "namespace": f"{harness.namespace}-{name}", "chart": chart, "needs": list(needs)})


async def test_a_release_waits_while_the_installation_of_one_that_it_needs_waits_for_approval(harness: ReleaseHarness) -> None:
    harness.set(storage={"class": "managed-csi"})
    await harness.ready()
    await harness.cluster.core.delete_collection_namespaced_secret(harness.namespace, label_selector="owner=helm")
    harness.set(storage={"class": "managed-csi"}, note="b")
    needing(harness, "user", "little")
    await harness.reason("ApprovalNeeded")
    assert isinstance(harness.results["ReleaseUser"].outcome, Waiting) and harness.condition("Stalled").reason == "ApprovalNeeded"
    harness.approved = frozenset({"1.0.0"})
    await harness.until(lambda outcome: isinstance(outcome, Ready), "ReleaseUser")


async def test_releases_go_before_those_that_they_need(harness: ReleaseHarness) -> None:
    """By name they would go the other way round. What waits for an approval holds up what it needs, and nothing else."""
    needing(harness, "user", "little")
    needing(harness, "writer", "user")
    needing(harness, "apart")
    harness.asks = True
    harness.wants[2]["values"] = {"storage": {"class": "managed-csi"}}
    await harness.ready("ReleaseWriter")
    await harness.ready("ReleaseApart")
    harness.wants = []
    await harness.soon(lambda: left(harness, "little", "user", "writer"))
    asked = await harness.reason("ApprovalNeeded", "RetiredReleases")
    assert "release writer in namespace" in asked.message and await left(harness, "little", "user", "writer")
    await harness.approve("RetiredReleases")
    gone: list[str] = []

    async def ended() -> bool:
        before = {name for _, name in harness.ledger.releases()}
        await harness.once()
        gone.extend(sorted(before - {name for _, name in harness.ledger.releases()}))
        return len(gone) == 3

    await harness.soon(ended)
    assert gone == ["writer", "user", "little"]


async def test_a_need_that_the_spec_drops_or_gets_is_recorded_once_and_starts_no_helm(harness: ReleaseHarness) -> None:
    needing(harness, "user", "little")
    await harness.ready("ReleaseUser")
    place, runs = (f"{harness.namespace}-user", "user"), helm_runs()
    for needs in ([], ["little"]):
        harness.wants[1]["needs"] = needs
        await harness.ready("ReleaseUser")
        assert harness.ledger.releases()[place].needs == tuple((harness.namespace, name) for name in needs)
    await harness.once()
    assert not harness.results["ReleaseUser"].changes and helm_runs() == runs


async def left(harness: ReleaseHarness, *names: str) -> bool:
    """Reconcile, and return whether the ledger has exactly these releases."""
    await harness.once()
    return sorted(name for _, name in harness.ledger.releases()) == sorted(names)
