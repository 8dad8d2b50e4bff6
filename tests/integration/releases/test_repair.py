"""An installed release stays as the spec wants it; a failure recovers or stops with a reason; Helm runs for no other cause."""

import asyncio
from datetime import UTC, datetime

import pytest
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.engine import Failed, Progressing, Ready, Unblocking
from notebook_platform.engine.reconcile import Policy
from notebook_platform.helm.compared import ComparedObjects
from notebook_platform.helm.drift import Comparison, drifted
from notebook_platform.helm.history import read_history
from notebook_platform.helm.release import packed, unpacked

from tests.integration.releases.harness import ReleaseHarness, helm_runs, interrupted

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_release_is_installed_once_and_then_left_alone(harness: ReleaseHarness) -> None:
    harness.set(note="é", resources={"limits": {"cpu": 0.1, "memory": "1Mi"}}, nodeSelector={}, big=2**60, none=None, half=0.5)
    running = await harness.ready()
    assert (running.name, running.chart, running.revision, running.state) == ("little", "little-1.0.0", 1, "deployed")
    before = helm_runs()
    for _ in range(3):
        (result,) = [r for name, r in (await harness.once()).items() if name == "ReleaseLittle"]
        assert result.changes == () and isinstance(result.outcome, Unblocking)
    assert helm_runs() == before and await harness.records() == [(1, "deployed")]


async def test_other_values_are_one_upgrade_and_nothing_is_left_after_the_deletion(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/hook:1")
    await harness.ready()
    harness.set(hook="example.org/hook:1", note="b")
    assert (await harness.ready()).revision == 2
    await harness.delete()
    gone = await harness.cluster.core.list_namespace(field_selector=f"metadata.name={harness.namespace}")
    assert all(n.status.phase == "Terminating" for n in gone.items)


async def test_concurrent_writes_of_other_managers_are_no_drift(harness: ReleaseHarness) -> None:
    """As the Deployment controller does, which writes an annotation of its own soon after each change."""
    await harness.ready()
    api, written = harness.cluster.target.api, 0
    found = await read_history(api, harness.namespace, "little", await harness.owned())
    assert found.newest is not None

    async def write() -> None:
        nonlocal written
        while True:
            patch = {"metadata": {"annotations": {"someone": str(written)}}}
            await client.AppsV1Api(api).patch_namespaced_deployment(
                "little", harness.namespace, patch, _content_type="application/merge-patch+json"
            )
            written += 1

    writing = asyncio.create_task(write())
    comparisons = [await drifted(api, found.newest, ComparedObjects()) for _ in range(10)]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert comparisons == [Comparison()] * 10 and written > 10


async def test_drift_is_reported_and_corrected_without_helm_and_additions_of_other_managers_stay(harness: ReleaseHarness) -> None:
    await harness.ready()
    apps = client.AppsV1Api(harness.cluster.target.api)
    container = {"name": "main", "image": "example.org/other:2"}
    patch = {"metadata": {"annotations": {"someone": "kept"}}, "spec": {"template": {"spec": {"containers": [container]}}}}
    await apps.patch_namespaced_deployment(
        "little", harness.namespace, patch, _content_type="application/strategic-merge-patch+json"
    )
    await harness.cluster.core.delete_namespaced_config_map("little", harness.namespace)
    before, drifted = helm_runs(), {"ConfigMap/little", "Deployment/little.spec.template.spec.containers"}

    async def reported() -> bool:  # not while the Deployment's controller writes its status
        result = (await harness.once())["ReleaseLittle"]
        return result.drift and {change.path for change in result.changes} == drifted

    await harness.soon(reported)
    await harness.ready()
    found = await harness.deployment()
    assert found.spec.template.spec.containers[0].image == "example.org/little:1"
    assert found.metadata.annotations["someone"] == "kept"
    made = await harness.cluster.core.read_namespaced_config_map("little", harness.namespace)
    assert made.metadata.annotations["meta.helm.sh/release-name"] == "little"
    assert helm_runs() == before and await harness.records() == [(1, "deployed")]
    harness.set(note="c")
    assert (await harness.ready()).revision == 2


async def test_drift_beside_an_unhealthy_release_is_reported_and_left_if_the_spec_asks_for_that(harness: ReleaseHarness) -> None:
    await harness.ready()
    apps, replicas = client.AppsV1Api(harness.cluster.target.api), {"spec": {"replicas": 2}}
    await apps.patch_namespaced_deployment("little", harness.namespace, replicas, _content_type="application/merge-patch+json")

    async def reported() -> bool:  # not while the Deployment's controller writes its status
        result = (await harness.once(Policy(correct_drift=False)))["ReleaseLittle"]
        return result.drift and not result.applied

    await harness.soon(reported)
    assert (await harness.deployment()).spec.replicas == 2

    async def corrected() -> bool:
        result = (await harness.once())["ReleaseLittle"]
        return result.drift and result.applied

    await harness.soon(corrected)
    assert (await harness.deployment()).spec.replicas == 1


async def test_drift_that_the_spec_ignores_is_not_corrected(harness: ReleaseHarness) -> None:
    await harness.ready()
    apps, replicas = client.AppsV1Api(harness.cluster.target.api), {"spec": {"replicas": 2}}
    await apps.patch_namespaced_deployment("little", harness.namespace, replicas, _content_type="application/merge-patch+json")
    await harness.until(lambda outcome: True)
    policy = Policy(ignored=lambda step, path: path == "Deployment/little.spec.replicas")
    await apps.patch_namespaced_deployment("little", harness.namespace, replicas, _content_type="application/merge-patch+json")
    assert (await harness.once(policy))["ReleaseLittle"].changes == ()
    assert (await harness.deployment()).spec.replicas == 2


async def test_a_drift_of_a_secret_never_shows_its_value(harness: ReleaseHarness) -> None:
    harness.set(note="very-secret-word")
    await harness.ready()
    patch = {"stringData": {"word": "another-secret-word"}}
    await harness.cluster.core.patch_namespaced_secret(
        "little", harness.namespace, patch, _content_type="application/merge-patch+json"
    )
    result = (await harness.once(Policy(correct_drift=False)))["ReleaseLittle"]
    assert [c.path for c in result.changes] == ["Secret/little.data.word"] and "(not shown)" in str(result.changes)


async def test_a_failed_install_is_tried_again_as_often_as_asked_and_then_stalls_with_helms_words(
    harness: ReleaseHarness,
) -> None:
    harness.set(broken=True)
    stalled = await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert "NOT_A_NAME" in stalled.message and "tried 2 times" in stalled.message and "spec.releases[little]" in stalled.message
    before = helm_runs()
    assert (await harness.once())["ReleaseLittle"].outcome == stalled and helm_runs() == before
    harness.set()
    await harness.ready()


async def test_a_failed_upgrade_is_rolled_back_and_the_good_revision_runs_meanwhile(harness: ReleaseHarness) -> None:
    harness.wants[0]["remediation"]["strategy"] = "Rollback"
    await harness.ready()
    harness.set(broken=True, note="worse")
    result = await harness.reason("RollingBack")
    assert "revision 1" in result.message and "NOT_A_NAME" in result.message
    stalled = await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert "tried 2 times" in stalled.message and "runs (little-1.0.0)" in stalled.message
    assert [status for _, status in await harness.records()] == ["superseded", "failed", "superseded", "failed", "deployed"]
    assert (await harness.cluster.core.read_namespaced_config_map("little", harness.namespace)).data == {"note": "a"}
    harness.set(note="better")
    assert (await harness.ready()).revision == 6


async def test_a_revision_that_helm_refused_to_write_and_another_user_wrote_is_not_ours(harness: ReleaseHarness) -> None:
    await harness.ready()
    harness.set(refuse=True)
    assert "these values are refused" in (await harness.reason("ValuesRefused")).message
    owned = await harness.owned()
    assert owned is not None and set(owned.revisions) == {1}
    first = await harness.cluster.core.read_namespaced_secret("sh.helm.release.v1.little.v1", harness.namespace)
    document = unpacked(first.data["release"])
    document["version"], document["info"]["status"] = 2, "pending-upgrade"
    document["info"]["last_deployed"] = datetime.now(UTC).isoformat()
    labels = {**first.metadata.labels, "status": "pending-upgrade", "version": "2"}
    metadata = {"name": "sh.helm.release.v1.little.v2", "labels": labels}
    second = {"metadata": metadata, "type": first.type, "data": {"release": packed(document)}}
    await harness.cluster.core.create_namespaced_secret(harness.namespace, second)
    harness.set(note="b")
    await harness.reason("ReleaseLocked")
    assert await harness.records() == [(1, "deployed"), (2, "pending-upgrade")]


async def test_an_interrupted_upgrade_is_finished_while_disruptions_are_deferred(harness: ReleaseHarness) -> None:
    await harness.ready()
    waits = Policy(window_gate="the window")
    harness.set(note="b")
    assert (await harness.once(waits))["ReleaseLittle"].outcome.reason == "DisruptionDeferred"
    await harness.ready()
    await interrupted(harness, "pending-upgrade")
    await harness.until(lambda outcome: isinstance(outcome, Ready), policy=waits)
    assert (await harness.records())[-1] == (2, "deployed")


async def test_a_helm_that_dies_with_its_operator_in_the_middle_of_a_hook_is_recovered_by_the_next_one(
    harness: ReleaseHarness,
) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    await harness.until(lambda outcome: "little-hook" in getattr(outcome, "message", ""))
    await harness.helm.close()
    harness.helm = harness.cluster.helm()
    harness.set()
    assert (await harness.ready()).state == "deployed"


async def test_while_a_hook_runs_other_releases_continue_and_its_progress_is_reported(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    other = {"name": "other", "namespace": f"{harness.namespace}-2", "chart": {"name": "little", "version": "1.0.0"}}
    harness.wants.append(other)
    await harness.ready("ReleaseOther")
    result = await harness.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    assert isinstance(result, Progressing) and result.reason == "Installing"
    await harness.delete()


async def test_a_correction_is_not_held_up_by_the_helm_that_waits_for_what_was_wrong(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    await harness.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    harness.set(hook="example.org/hook:1")
    assert (await harness.ready()).state == "deployed"


async def test_a_deletion_does_not_wait_for_the_helm_that_installs(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    await harness.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    await harness.delete()
    assert await harness.records() == []
    with pytest.raises(ApiException, match="not found"):
        await client.BatchV1Api(harness.cluster.target.api).read_namespaced_job("little-hook", harness.namespace)


async def test_values_come_from_secrets_too_and_a_missing_one_is_reported_with_its_field(harness: ReleaseHarness) -> None:
    harness.wants[0]["valuesFrom"] = [{"kind": "Secret", "name": harness.namespace}]
    outcome = await harness.reason("SecretNotFound")
    assert "spec.releases[little].valuesFrom[0]" in outcome.message
    secret = {"metadata": {"name": harness.namespace}, "stringData": {"values.yaml": "{note: from-a-secret, replicas: 2}"}}
    await harness.cluster.core.create_namespaced_secret("default", secret)
    harness.set(replicas=1)
    await harness.ready()
    assert (await harness.deployment()).spec.replicas == 1
    made = await harness.cluster.core.read_namespaced_config_map("little", harness.namespace)
    assert made.data == {"note": "from-a-secret"}


async def test_a_release_waits_for_those_it_needs_and_cycles_are_reported(harness: ReleaseHarness) -> None:
    harness.set(image="example.org/does-not-exist:1")
    other = {
        "name": "other",
        "namespace": harness.namespace,
        "chart": {"name": "little", "version": "1.0.0"},
        "needs": ["little"],
    }
    harness.wants.append(other)
    await harness.reason("ImagePullFailed")
    assert harness.results["ReleaseOther"].outcome.on == ("ReleaseLittle",)
    harness.wants[0]["needs"] = ["other"]
    outcome = await harness.reason("ReleasesNeedEachOther", "ReleaseOther")
    assert "little, other" in outcome.message and outcome.retry_in is None
