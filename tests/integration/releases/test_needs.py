"""Releases that need each other, on a real API server: what waits for what, and the order in which they go."""

import pytest
from notebook_platform.engine import Ready, Waiting

from tests.integration.releases.harness import ReleaseHarness

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
