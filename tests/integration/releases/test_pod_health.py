"""Pods that cannot start or do not become ready are reported with their cause."""

from typing import Any

import pytest

from tests.integration.releases.harness import ReleaseHarness

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"taints": [{"key": "mine", "effect": "NoSchedule"}]}, "TaintNotTolerated", "does not tolerate the taint"),
        ({"unschedulable": True}, "Unschedulable", "cannot be scheduled"),
    ],
)
async def test_nodes_that_take_no_pods_are_reported(harness: ReleaseHarness, spec: dict, reason: str, words: str) -> None:
    core = harness.cluster.core
    nodes = [node.metadata.name for node in (await core.list_node()).items]
    for node in nodes:
        await core.patch_node(node, {"spec": spec}, _content_type="application/merge-patch+json")
    try:
        assert words in (await harness.reason(reason)).message
    finally:
        for node in nodes:
            await core.patch_node(node, {"spec": dict.fromkeys(spec)}, _content_type="application/merge-patch+json")
    await harness.ready()


async def test_a_container_that_never_becomes_ready_is_reported_with_its_probe(harness: ReleaseHarness) -> None:
    image = "example.org/does-not-exist:1"  # no other writer of the pod.s status
    harness.set(image=image)
    await harness.reason("ImagePullFailed")
    pod = await harness.pod()
    running = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    container = {"name": "main", "image": image, "imageID": "", "ready": False, "restartCount": 0, **running}
    patch = {"status": {"phase": "Running", "containerStatuses": [container]}}
    await harness.cluster.core.patch_namespaced_pod_status(
        pod.metadata.name, harness.namespace, patch, _content_type="application/merge-patch+json"
    )
    await harness.warn("Pod", pod.metadata.name, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500")
    message = (await harness.reason("ProbeFailing")).message
    assert "runs but is not ready" in message and "statuscode: 500" in message


def waiting(reason: str, message: str = "", /, **last: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"state": state, **({"lastState": {"terminated": last}} if last else {})}


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (
            waiting("CrashLoopBackOff", exitCode=1, reason="Error"),
            "CrashLooping",
            "keeps crashing (3 restarts, last with exit code 1)",
        ),
        (waiting("CrashLoopBackOff", exitCode=137, reason="OOMKilled"), "OutOfMemory", "exceeded its memory limit"),
        (
            waiting("CreateContainerConfigError", 'secret "x" not found'),
            "ContainerConfigError",
            'cannot be created (secret "x" not found)',
        ),
        (waiting("ImageInspectError"), "ContainerWaiting", "waits (ImageInspectError)"),
    ],
)
async def test_a_container_that_does_not_start_reports_the_cause(
    harness: ReleaseHarness, status: dict, reason: str, words: str
) -> None:
    image = "example.org/does-not-exist:1"  # no other writer of the pod.s status
    harness.set(image=image)
    await harness.reason("ImagePullFailed")
    container = {"name": "main", "image": image, "imageID": "", "ready": False, "restartCount": 3, **status}
    name = (await harness.pod()).metadata.name
    patch = {"status": {"containerStatuses": [container]}}
    await harness.cluster.core.patch_namespaced_pod_status(
        name, harness.namespace, patch, _content_type="application/merge-patch+json"
    )
    assert words in (await harness.reason(reason)).message


async def test_pods_that_a_quota_refuses_are_reported_with_the_api_servers_message(harness: ReleaseHarness) -> None:
    await harness.ready()
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}}
    await harness.cluster.core.create_namespaced_resource_quota(harness.namespace, quota)
    harness.set(note="b", replicas=2)
    assert "exceeded quota" in (await harness.reason("PodsRefused")).message
