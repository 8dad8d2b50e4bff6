"""Two features meet on one release: approvals, the maintenance window, driftPolicy, adoption, remediation, a release that leaves the spec."""

import pytest
from kubernetes.aio import client
from notebook_platform.engine import Deferred, Failed, Ready
from notebook_platform.engine.reconcile import Policy

from tests.integration.releases.hands import there_before_and_taken_over
from tests.integration.releases.harness import ReleaseHarness

pytestmark = pytest.mark.asyncio(loop_scope="package")
CLOSED = Policy(window_gate="the maintenance window opens")


async def scale(harness: ReleaseHarness, replicas: int) -> None:
    """Edit the Deployment by hand."""
    apps, patch = client.AppsV1Api(harness.cluster.target.api), {"spec": {"replicas": replicas}}
    await apps.patch_namespaced_deployment("little", harness.namespace, patch, _content_type="application/merge-patch+json")


async def test_drift_of_an_adopted_release_starts_no_upgrade_that_waits_for_approval(harness: ReleaseHarness) -> None:
    harness.set(storage={"class": "managed-csi"})
    await there_before_and_taken_over(harness)
    await harness.ready()
    await scale(harness, 3)
    harness.set()
    for _ in range(2):
        await harness.reason("ApprovalNeeded")
    assert harness.condition("DriftDetected").reason == "Drifted" and await harness.records() == [(1, "deployed")]
    await harness.approve()
    await harness.ready()
    assert (await harness.deployment()).spec.replicas == 1


async def test_drift_that_is_corrected_beside_values_that_are_refused_leaves_the_refusal_in_the_condition(
    harness: ReleaseHarness,
) -> None:
    await harness.ready()
    harness.set(refuse=True)
    await harness.reason("ValuesRefused")
    await scale(harness, 3)

    async def corrected() -> bool:
        return bool((await harness.once())["ReleaseLittle"].applied)

    await harness.soon(corrected)
    assert harness.condition("ReleaseLittleReady").reason == "ValuesRefused"
    assert (await harness.deployment()).spec.replicas == 1


async def test_the_correction_of_a_first_installation_that_failed_waits_for_no_window(harness: ReleaseHarness) -> None:
    """Nothing has run yet, so no user is disrupted."""
    harness.set(broken=True)
    await harness.until(lambda outcome: isinstance(outcome, Failed), policy=CLOSED)
    harness.set()
    await harness.until(lambda outcome: isinstance(outcome, Ready), policy=CLOSED)
    harness.set(note="b")
    await harness.until(lambda outcome: isinstance(outcome, Deferred), policy=CLOSED)
