"""Before a migration of the hub's database that cannot be undone, its volume is snapshotted where the cluster can."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.engine import Deferred

from tests.integration.releases.cluster import Cluster
from tests.integration.releases.harness import ReleaseHarness
from tests.integration.releases.test_hub_health import HUB, QUICK

pytestmark = pytest.mark.asyncio(loop_scope="package")
MERGE = "application/merge-patch+json"
GROUP = ("snapshot.storage.k8s.io", "v1")
EARLIER = "hub-db-dir-0-11-1"


def definition(kind: str, scope: str) -> dict[str, Any]:
    """Return a CRD with the names of AKS's snapshot controller."""
    plural = f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": anything},
    }
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    approved = {"api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter/pull/814"}
    metadata = {"name": f"{plural}.{GROUP[0]}", "annotations": approved}
    return {"metadata": metadata, "spec": {"group": GROUP[0], "scope": scope, "names": names, "versions": [version]}}


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def snapshots(cluster: Cluster) -> AsyncIterator[client.CustomObjectsApi]:
    """Make the cluster serve snapshots; only the test takes them."""
    extensions = client.ApiextensionsV1Api(cluster.target.api)
    made = [definition("VolumeSnapshot", "Namespaced"), definition("VolumeSnapshotClass", "Cluster")]
    for one in made:
        await extensions.create_custom_resource_definition(one)
    custom = client.CustomObjectsApi(cluster.target.api)
    for _ in range(100):
        try:
            await custom.list_cluster_custom_object(*GROUP, "volumesnapshots")
            await custom.list_cluster_custom_object(*GROUP, "volumesnapshotclasses")
            break
        except ApiException:  # it is not served at once
            await asyncio.sleep(0.1)
    yield custom
    for one in made:
        await extensions.delete_custom_resource_definition(one["metadata"]["name"])


@pytest.fixture
def hub(harness: ReleaseHarness) -> ReleaseHarness:
    harness.wants, harness.hub = [], {**HUB, "namespace": harness.namespace, "chart": {"version": "0.11.1"}, "values": QUICK}
    return harness


async def test_the_upgrade_begins_when_the_snapshot_is_ready_and_a_failed_one_is_reported(
    hub: ReleaseHarness, snapshots: client.CustomObjectsApi
) -> None:
    """A snapshot of an upgrade that was taken back some time ago does not count."""
    await hub.ready("JupyterHub")
    assert hub.hub is not None
    hub.hub["chart"] = {"version": "4.4.0"}
    assert (
        await hub.until(lambda outcome: isinstance(outcome, Deferred) and outcome.needs_user, "JupyterHub")
    ).reason == "ApprovalNeeded"
    left = {"apiVersion": "/".join(GROUP), "kind": "VolumeSnapshot", "metadata": {"name": EARLIER}}
    left = await snapshots.create_namespaced_custom_object(*GROUP, hub.namespace, "volumesnapshots", left)
    await snapshots.replace_namespaced_custom_object_status(
        *GROUP, hub.namespace, "volumesnapshots", EARLIER, {**left, "status": {"readyToUse": True}}
    )
    hub.approved = frozenset({"4.4.0"})
    result = await hub.reason("Snapshotting", "JupyterHub")

    async def there() -> Any:
        listed = await snapshots.list_namespaced_custom_object(*GROUP, hub.namespace, "volumesnapshots")
        return [one for one in listed["items"] if one["metadata"]["name"] != EARLIER]

    (found,) = await hub.soon(there)
    name = found["metadata"]["name"]
    assert f"VolumeSnapshot {name} in namespace {hub.namespace}" in result.message
    assert found["spec"]["source"] == {"persistentVolumeClaimName": "hub-db-dir"}
    kind = await snapshots.get_cluster_custom_object(*GROUP, "volumesnapshotclasses", found["spec"]["volumeSnapshotClassName"])
    assert (kind["driver"], kind["deletionPolicy"]) == ("disk.csi.azure.com", "Delete")
    for status, reason in (
        ({"error": {"message": "quota is used up"}}, "SnapshotFailed"),
        ({"readyToUse": False}, "Snapshotting"),
    ):
        await snapshots.replace_namespaced_custom_object_status(
            *GROUP, hub.namespace, "volumesnapshots", name, {**(await there())[0], "status": status}
        )
        result = await hub.reason(reason, "JupyterHub")
        assert reason != "SnapshotFailed" or "quota is used up" in result.message
    assert len(await hub.records()) == 1
    await snapshots.replace_namespaced_custom_object_status(
        *GROUP, hub.namespace, "volumesnapshots", name, {**(await there())[0], "status": {"readyToUse": True}}
    )
    assert (await hub.ready("JupyterHub")).chart == "jupyterhub-4.4.0"
    assert len(await there()) == 1
