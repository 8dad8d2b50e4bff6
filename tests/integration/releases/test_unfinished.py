"""What runs is not what the spec or Helm's last revision says: an older revision, or one whose spec cannot be applied."""

import pytest
from kubernetes.aio import client
from notebook_platform.helm.deprecated_apis import removed_apis_in_use
from notebook_platform.helm.release import packed, unpacked

from tests.integration.releases.harness import ReleaseHarness, rewritten

pytestmark = pytest.mark.asyncio(loop_scope="package")

BUDGET = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: little}\n"


async def test_an_upgrade_of_kubernetes_waits_for_the_objects_of_the_revision_that_runs(harness: ReleaseHarness) -> None:
    """The next Helm would compare with that revision, and could not read what is no longer served."""
    await harness.ready()
    core, name = harness.cluster.core, "sh.helm.release.v1.little.v"
    first = await core.read_namespaced_secret(f"{name}1", harness.namespace)
    await rewritten(harness, lambda document: document.update(manifest=f"{document['manifest']}\n---\n{BUDGET}"))
    document = unpacked(first.data["release"]) | {"version": 2}
    document["info"]["status"] = "failed"
    labels = {**first.metadata.labels, "status": "failed", "version": "2"}
    body = {"metadata": {"name": f"{name}2", "labels": labels}, "type": first.type, "data": {"release": packed(document)}}
    await core.create_namespaced_secret(harness.namespace, body)
    clause = await removed_apis_in_use(harness.cluster.target.api, "1.24.1", "1.25.0")
    assert clause is not None and f"release little in namespace {harness.namespace}" in clause
    assert "PodDisruptionBudget (policy/v1beta1)" in clause


async def test_a_missing_secret_does_not_hide_that_the_installed_release_is_unhealthy(harness: ReleaseHarness) -> None:
    core, name = harness.cluster.core, f"{harness.namespace}-values"
    body = {"metadata": {"name": name}, "stringData": {"values.yaml": "{note: b}"}}
    await core.create_namespaced_secret("default", body)
    harness.wants[0]["valuesFrom"] = [{"kind": "Secret", "name": name}]
    await harness.ready()
    await core.delete_namespaced_secret(name, "default")
    missing = await harness.reason("SecretNotFound")
    assert "unhealthy" not in missing.message
    apps, patch = (
        client.AppsV1Api(harness.cluster.target.api),
        {"spec": {"template": {"spec": {"nodeSelector": {"disk": "none"}}}}},
    )
    await apps.patch_namespaced_deployment("little", harness.namespace, patch, _content_type="application/merge-patch+json")
    unhealthy = await harness.until(lambda outcome: "The installed revision is unhealthy" in getattr(outcome, "message", ""))
    assert unhealthy.reason == "SecretNotFound" and "little" in unhealthy.message.partition("unhealthy: ")[2]
