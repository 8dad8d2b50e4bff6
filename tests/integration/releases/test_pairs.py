"""Two features meet on one release: approvals, the maintenance window, driftPolicy, adoption, remediation, a release that leaves the spec."""

from dataclasses import replace

import pytest
from kubernetes.aio import client
from notebook_platform.engine import Deferred, Failed, Ready
from notebook_platform.engine.reconcile import Policy

from tests.integration.releases.hands import NEVER_ENDS, being_upgraded_by_hand, their_helm_ends, there_before_and_taken_over
from tests.integration.releases.harness import ReleaseHarness, by_hand, rewritten

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

    async def corrected() -> bool:  # the Deployment's controller may write at the same moment
        await harness.once()
        assert harness.condition("ReleaseLittleReady").reason == "ValuesRefused"
        return bool((await harness.deployment()).spec.replicas == 1)

    await harness.soon(corrected)


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
    harness.hub = {"namespace": harness.namespace, "release": "former", "chart": chart, "auth": sign_in}
    await harness.ready("JupyterHub")
    harness.hub["release"] = "other"
    waits = await harness.until(lambda outcome: isinstance(outcome, Failed), "JupyterHub", CLOSED)
    assert waits.retry_in and waits.reason == "NamespaceTaken" and "waits until release former" in waits.message, waits
    kept = await harness.until(lambda outcome: getattr(outcome, "retry_in", 1) is None, "JupyterHub")
    command = f"annotate persistentvolumeclaim hub-db-dir -n {harness.namespace} --overwrite meta.helm.sh/release-name"
    assert "Release former no longer exists" in kept.remedy and command in kept.remedy, kept
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


async def test_an_edit_that_is_taken_back_while_helm_applies_it_is_no_drift(harness: ReleaseHarness) -> None:
    """With Warn the objects of the edit would stay; the values are those of a ConfigMap, so that the spec does not change."""
    core, name = harness.cluster.core, harness.namespace
    await core.create_namespaced_config_map("default", {"metadata": {"name": name}, "data": {"values.yaml": "note: a"}})
    harness.wants[0]["valuesFrom"] = [{"kind": "ConfigMap", "name": name}]
    harness.warns = True
    await harness.ready()
    edit = {"data": {"values.yaml": f"{{note: b, replicas: 2, after: '{NEVER_ENDS}'}}"}}
    await core.patch_namespaced_config_map(name, "default", edit, _content_type=MERGE)
    await harness.until(lambda outcome: "Job little-after" in getattr(outcome, "message", ""))
    assert (await harness.deployment()).spec.replicas == 2
    await core.patch_namespaced_config_map(name, "default", {"data": {"values.yaml": "note: a"}}, _content_type=MERGE)
    await harness.until(lambda outcome: isinstance(outcome, Ready))
    assert (await harness.deployment()).spec.replicas == 1 and harness.condition("DriftDetected").status == "False"


async def test_a_suspended_platform_lets_helm_finish_what_has_begun(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/hook:1", note="b")
    await harness.once()
    harness.suspended = True
    harness.set(note="c")
    await harness.until(lambda outcome: isinstance(outcome, Ready))
    assert await harness.records() == [(1, "deployed")]
    harness.suspended = False
    assert (await harness.ready()).revision == 2


async def test_while_a_correction_waits_for_the_window_the_failure_before_it_is_reported(harness: ReleaseHarness) -> None:
    await harness.ready()
    harness.set(broken=True)
    await harness.reason("HelmFailed")
    harness.set(note="b")
    await harness.until(lambda outcome: "is deferred until" in getattr(outcome, "message", ""), policy=CLOSED)
    condition = harness.condition("ReleaseLittleReady")
    assert condition.reason == "HelmFailed" and "NOT_A_NAME" in condition.message, condition
    await harness.ready()


async def test_the_retry_after_a_rollback_waits_for_the_window(harness: ReleaseHarness) -> None:
    harness.wants[0]["remediation"]["strategy"] = "Rollback"
    await harness.ready()
    harness.set(broken=True)
    await harness.until(lambda outcome: isinstance(outcome, Failed))
    await harness.until(lambda outcome: isinstance(outcome, Deferred), policy=CLOSED)
    assert await harness.records() == [(1, "superseded"), (2, "failed"), (3, "deployed")]


@pytest.mark.parametrize("ignored", [False, True])
async def test_a_failure_counts_no_more_once_the_edit_was_taken_back(harness: ReleaseHarness, ignored: bool) -> None:
    """As the remedy says: the operator retries when the spec changes. `ignored`: beside a difference that spec.driftIgnore names."""
    policy = Policy(ignored=lambda step, path: path == "Deployment/little.spec.replicas")
    harness.wants[0]["remediation"] |= {"retries": 0, "strategy": "Rollback"}
    await harness.ready()
    harness.set(broken=True)
    stalled = await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert "retries when spec.releases[little]" in stalled.remedy
    harness.set()
    await scale(harness, 2 if ignored else 1)
    await harness.until(lambda outcome: isinstance(outcome, Ready), policy=policy)
    assert (await harness.deployment()).spec.replicas == (2 if ignored else 1)
    harness.set(broken=True)
    await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert [status for _, status in await harness.records()] == ["superseded", "failed", "superseded", "failed", "deployed"]


async def test_a_release_without_a_place_in_the_spec_waits_for_a_helm_of_another_client_and_holds_up_no_other(
    harness: ReleaseHarness,
) -> None:
    other = {"name": "other", "namespace": f"{harness.namespace}-2", "chart": {"name": "little", "version": "1.0.0"}}
    harness.wants.append(other)
    await harness.ready("ReleaseOther")
    await being_upgraded_by_hand(harness)
    harness.wants = []
    await harness.soon(lambda: left(harness, "little"))
    waits = await harness.reason("ReleaseLocked", "RetiredReleases")
    assert "pending-upgrade" in waits.message and waits.requeue_after > 1
    assert (await harness.records())[-1] == (2, "pending-upgrade")
    await their_helm_ends(harness)
    await rewritten(harness, lambda document: document["info"].update(last_deployed="2026-01-01T00:00:00Z"))
    assert "delete secret sh.helm.release.v1.little.v2" in (await harness.reason("ReleaseLocked", "RetiredReleases")).remedy
    await harness.cluster.core.delete_namespaced_secret("sh.helm.release.v1.little.v2", harness.namespace)
    await harness.soon(lambda: left(harness))


async def test_a_release_on_which_another_helm_failed_is_taken_over_and_upgraded(harness: ReleaseHarness) -> None:
    """What another Helm tried counts as no try of the operator's."""
    harness.wants[0]["remediation"]["retries"] = 0
    harness.adoption = "IfUnowned"
    await harness.cluster.core.create_namespace({"metadata": {"name": harness.namespace}})
    chart, words = str(harness.cluster.charts / "little-1.0.0.tgz"), ["--wait", "--timeout", "1s"]
    harness.set(image=NEVER_ENDS)
    await (await by_hand(harness, "install", "little", chart, "--set", f"image={NEVER_ENDS}", *words)).wait()
    assert await harness.records() == [(1, "failed")]
    await harness.until(lambda outcome: getattr(outcome, "reason", "") == "ImagePullFailed")
    assert (await harness.records())[-1] == (2, "deployed")


async def test_an_uninstallation_that_fails_each_time_holds_up_no_other(harness: ReleaseHarness) -> None:
    harness.helm = harness.cluster.helm(timeout=3)
    harness.set(farewell=NEVER_ENDS)
    harness.wants.append(
        {"name": "other", "namespace": f"{harness.namespace}-2", "chart": {"name": "little", "version": "1.0.0"}}
    )
    await harness.ready()
    await harness.ready("ReleaseOther")
    harness.wants = []
    await harness.until(lambda outcome: isinstance(outcome, Failed), "RetiredReleases")
    await harness.soon(lambda: left(harness, "little"))


async def test_with_warn_an_edit_that_stops_helm_and_waits_for_the_window_leaves_no_drift(harness: ReleaseHarness) -> None:
    """What the stopped Helm has changed is undone; what is edited by hand afterwards is not."""
    harness.warns, closed = True, replace(CLOSED, correct_drift=False)
    await harness.ready()
    harness.set(replicas=2, after=NEVER_ENDS)
    await harness.until(lambda outcome: "Job little-after" in getattr(outcome, "message", ""))
    harness.set(note="c")
    await harness.until(lambda outcome: isinstance(outcome, Deferred), policy=closed)

    async def undone() -> bool:  # the Deployment's controller may write at the same moment
        await harness.once(closed)
        assert harness.condition("DriftDetected").status == "False"
        return bool((await harness.deployment()).spec.replicas == 1)

    await harness.soon(undone)
    await harness.once(closed)
    await scale(harness, 3)
    await harness.until(lambda outcome: harness.results["ReleaseLittle"].drift, policy=closed)
    assert (await harness.deployment()).spec.replicas == 3


async def left(harness: ReleaseHarness, *names: str) -> bool:
    """Reconcile, and return whether the ledger has exactly these releases."""
    await harness.once()
    return [name for _, name in harness.ledger.releases()] == list(names)


async def test_an_uninstallation_that_never_began_gives_no_leave_for_a_later_one(harness: ReleaseHarness) -> None:
    """Helm died before it wrote anything, and the release is in the spec again: the next uninstallation needs its own approval."""
    harness.asks = True
    harness.set(storage={"class": "managed-csi"})
    await harness.ready()
    await harness.ledger.change((harness.namespace, "little"), lambda owned: owned.having(removing=True))
    await harness.until(lambda outcome: isinstance(outcome, Ready))
    owned = await harness.owned()
    assert owned is not None and not owned.removing and await harness.records() == [(1, "deployed")]
    harness.wants = []
    await harness.reason("ApprovalNeeded", "RetiredReleases")
    assert await harness.records() == [(1, "deployed")]


async def test_an_unhealthy_release_whose_upgrade_needs_approval_is_stalled_at_once(harness: ReleaseHarness) -> None:
    """Its own time to recover is long; the approval needs a user now."""
    harness.wants[0]["remediation"] |= {"stalledAfter": "2h"}
    harness.set(storage={"class": "managed-csi"}, image=NEVER_ENDS)
    await harness.reason("ImagePullFailed")
    assert harness.condition("Stalled").status == "False"
    harness.set(image=NEVER_ENDS)
    await harness.until(lambda outcome: "requires approval" in getattr(outcome, "message", ""))
    condition, stalled = harness.condition("ReleaseLittleReady"), harness.condition("Stalled")
    assert condition.reason == "ImagePullFailed" and "claim little is no longer part" in condition.message
    assert stalled.status == "True" and "notebookplatform.io/approve=data-" in stalled.message, stalled
