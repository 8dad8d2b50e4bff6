"""A snapshot of the hub's volume before its database schema changes, where the cluster supports snapshots (AKS does).

https://kubernetes.io/docs/concepts/storage/volume-snapshots/ and https://learn.microsoft.com/azure/aks/azure-disk-csi
"""

from datetime import UTC, date, datetime
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Progressing, StepError
from notebook_platform.helm.ownership import LABEL
from notebook_platform.helm.release import Release
from notebook_platform.hubs.chart.versions import migrates

GROUP = ("snapshot.storage.k8s.io", "v1")
CLAIM = "hub-db-dir"
AZURE_DISKS = "disk.csi.azure.com"
OWN_CLASS = "notebook-platform-disks"
DEFAULT = "snapshot.storage.kubernetes.io/is-default-class"
LOOK_AGAIN = 3.0


def name_of(version: str, revision: int, day: date) -> str:
    """Return the name of the snapshot taken on a day when a hub leaves a chart version, which it has at a revision of its release.

    One of another day or revision, left by an upgrade that was taken back, lacks what users have changed since.
    """
    return f"{CLAIM}-{version.lower().replace('.', '-').replace('+', '-')}-r{revision}-{day:%Y%m%d}"


async def before_migration(api: client.ApiClient, release: Release, old: str, new: str, field: str) -> Progressing | None:
    """Take one if going from one version of the hub's chart to another changes the database in the release's volume. None: the
    upgrade may begin. Raises StepError (SnapshotFailed)."""
    in_volume = any((one["kind"], one["metadata"]["name"]) == ("PersistentVolumeClaim", CLAIM) for one in release.objects())
    if not in_volume or not migrates(old, new):
        return None
    return await take(api, release.namespace, name_of(old, release.revision, datetime.now(UTC).date()), field)


async def take(api: client.ApiClient, namespace: str, name: str, field: str) -> Progressing | None:
    """Take the snapshot unless it is there; None once it can be used, or when the cluster takes none. Raises StepError
    (SnapshotFailed)."""
    custom = client.CustomObjectsApi(api)
    try:
        found = await custom.get_namespaced_custom_object(*GROUP, namespace, "volumesnapshots", name)
    except ApiException as error:
        if error.status != 404:
            raise
        class_name = await _class(api, namespace)
        if class_name is None:
            return None
        source = {"persistentVolumeClaimName": CLAIM}
        body = {
            "apiVersion": "/".join(GROUP),
            "kind": "VolumeSnapshot",
            "metadata": {"name": name, "labels": LABEL},
            "spec": {"volumeSnapshotClassName": class_name, "source": source},
        }
        found = await custom.create_namespaced_custom_object(*GROUP, namespace, "volumesnapshots", body)
    status: dict[str, Any] = found.get("status") or {}
    if status.get("readyToUse"):
        return None
    if words := (status.get("error") or {}).get("message"):
        raise StepError(
            Reason.SNAPSHOT_FAILED,
            f"{field}: the snapshot {name} of the volume {CLAIM} in namespace {namespace}, which is taken before the upgrade, failed: "
            f"{words}",
            "Delete it to retry. To continue without a snapshot, also delete the VolumeSnapshotClasses of the volume's driver.",
            retry_in=60,
        )
    message = f"A snapshot of the volume {CLAIM} is taken first: VolumeSnapshot {name} in namespace {namespace}"
    return Progressing(reason=Reason.SNAPSHOTTING, message=message, requeue_after=LOOK_AGAIN)


async def _class(api: client.ApiClient, namespace: str) -> str | None:
    """Return the snapshot class for the hub's volume; for Azure disks one is created. None: no snapshot is possible."""
    custom = client.CustomObjectsApi(api)
    try:
        listed = (await custom.list_cluster_custom_object(*GROUP, "volumesnapshotclasses"))["items"]
        claim = await client.CoreV1Api(api).read_namespaced_persistent_volume_claim(CLAIM, namespace)
        disks = await client.StorageV1Api(api).read_storage_class(claim.spec.storage_class_name or "")
    except (ApiException, ValueError) as error:
        if isinstance(error, ApiException) and error.status != 404:
            raise
        return None
    fitting = [one for one in listed if one["driver"] == disks.provisioner]
    fitting.sort(key=lambda one: (one["metadata"].get("annotations") or {}).get(DEFAULT) != "true")
    if fitting:
        return str(fitting[0]["metadata"]["name"])
    if disks.provisioner != AZURE_DISKS:
        return None
    body = {
        "apiVersion": "/".join(GROUP),
        "kind": "VolumeSnapshotClass",
        "metadata": {"name": OWN_CLASS, "labels": LABEL},
        "driver": AZURE_DISKS,
        "deletionPolicy": "Delete",
        "parameters": {"incremental": "true"},
    }
    await custom.create_cluster_custom_object(*GROUP, "volumesnapshotclasses", body)
    return OWN_CLASS
