"""Two features meet on one release: approvals, the maintenance window, driftPolicy, adoption, remediation, a release that leaves the spec."""

import pytest
from kubernetes.aio import client
from notebook_platform.engine import Deferred, Failed, Ready
from notebook_platform.engine.reconcile import Policy

from tests.integration.releases.hands import there_before_and_taken_over
from tests.integration.releases.harness import ReleaseHarness

pytestmark = pytest.mark.asyncio(loop_scope="package")
MERGE = "application/merge-patch+json"
CLOSED = Policy(window_gate="the maintenance window opens")


async def scale(harness: ReleaseHarness, replicas: int) -> None:
    """Edit the Deployment by hand."""
    apps, patch = client.AppsV1Api(harness.cluster.target.api), {"spec": {"replicas": replicas}}
    await apps.patch_namespaced_deployment("little", harness.namespace, patch, _content_type=MERGE)


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


async def test_a_release_that_gets_another_name_waits_for_the_uninstallation_under_the_old_one(harness: ReleaseHarness) -> None:
    """Its chart gives its objects the same names. The last of them is deleted late, as the Service of a load balancer is."""
    await harness.ready()
    core, namespace = harness.cluster.core, harness.namespace
    finalizers = {"metadata": {"finalizers": ["example.org/cleanup"]}}
    await core.patch_namespaced_service("little", namespace, finalizers, _content_type=MERGE)
    harness.wants[0]["name"] = "other"
    waits = await harness.until(lambda outcome: isinstance(outcome, Failed), "ReleaseOther", CLOSED)
    assert waits.retry_in and f"waits until release little in namespace {namespace}" in waits.message, waits
    assert harness.condition("RetiredReleasesReady").reason == "DisruptionDeferred"
    left = await harness.until(lambda outcome: "what that release has left" in getattr(outcome, "remedy", ""), "ReleaseOther")
    assert left.retry_in and left.tries and "annotate service little -n" in left.last_remedy
    await core.patch_namespaced_service("little", namespace, {"metadata": {"finalizers": None}}, _content_type=MERGE)
    await harness.ready("ReleaseOther")
    assert (await core.read_namespace(namespace)).status.phase == "Active"
    harness.wants = []
    await harness.soon(lambda: gone(harness))


async def gone(harness: ReleaseHarness) -> bool:
    """Reconcile, and return whether the namespace is being deleted, or is gone."""
    await harness.once()
    found = await harness.cluster.core.list_namespace(field_selector=f"metadata.name={harness.namespace}")
    return all(one.status.phase == "Terminating" for one in found.items)


async def test_a_hub_that_gets_another_name_waits_for_the_uninstallation_under_the_old_one(harness: ReleaseHarness) -> None:
    harness.wants = []
    chart, sign_in = {"version": "4.4.0"}, {"dummy": {"insecure": True, "allowAll": True}}
    harness.hub = {"namespace": harness.namespace, "chart": chart, "auth": sign_in}
    await harness.ready("JupyterHub")
    harness.hub["release"] = "other"
    waits = await harness.until(lambda outcome: isinstance(outcome, Failed), "JupyterHub", CLOSED)
    assert waits.retry_in and waits.reason == "NamespaceTaken" and "waits until release jhub" in waits.message, waits
    kept = await harness.until(lambda outcome: getattr(outcome, "retry_in", 1) is None, "JupyterHub")
    command = f"annotate persistentvolumeclaim hub-db-dir -n {harness.namespace} --overwrite meta.helm.sh/release-name"
    assert "Release jhub no longer exists" in kept.remedy and command in kept.remedy, kept
    given = {"metadata": {"annotations": {"meta.helm.sh/release-name": "other"}}}
    core = harness.cluster.core
    await core.patch_namespaced_persistent_volume_claim("hub-db-dir", harness.namespace, given, _content_type=MERGE)
    await harness.ready("JupyterHub")


async def test_a_release_whose_namespace_is_being_deleted_says_so_and_is_installed_afterwards(harness: ReleaseHarness) -> None:
    core, held = harness.cluster.core, {"metadata": {"name": "held", "finalizers": ["example.org/cleanup"]}}
    await core.create_namespace({"metadata": {"name": harness.namespace}})
    await core.create_namespaced_config_map(harness.namespace, held)
    await core.delete_namespace(harness.namespace)
    waits = await harness.until(lambda outcome: isinstance(outcome, Failed))
    assert waits.reason == "Deleting" and f"namespace {harness.namespace} is being deleted" in waits.message, waits
    await core.patch_namespaced_config_map("held", harness.namespace, {"metadata": {"finalizers": None}}, _content_type=MERGE)
    await harness.ready()
