"""Ownership of releases: which platform owns a release, and what the operator may do to it.

The ledger in the management cluster (`helm/ledger.py`) decides: only an entry there lets the operator correct, roll back or uninstall a
release. Beside each release stands a marker, a ConfigMap in the workload cluster that names the owner. The marker informs users and other
operators and starts nothing, since whoever may write ConfigMaps there can forge it. The operator creates the namespace of a release
together with its marker. The steps of releases read and write both; `ownership_conflict` says what they may not touch.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.compared import ComparedObjects
from notebook_platform.helm.history import History
from notebook_platform.helm.ledger import OwnedRelease, Place, ReleaseLedger
from notebook_platform.helm.runner import Helm
from notebook_platform.kube.existing import existing
from notebook_platform.workload.step import WorkloadClusterOutput

LABEL = {"app.kubernetes.io/managed-by": "notebook-platform"}
OWNER = "notebookplatform.io/owner"
PREFIX = "notebook-platform-"
LONGEST = 300
"""Characters. An owner's tag is a cluster id, a namespace, a name and a uid."""

IN_EVERY_NAMESPACE = frozenset({"kube-root-ca.crt"})

Created = TypeVar("Created")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The cluster that the spec asks for, and a call that returns its releases by step. Their Secrets are read, and held in memory where
    the operator would create them."""

    cluster: WorkloadClusterOutput
    adapters: Callable[[], Mapping[str, ChartAdapter]]


@dataclass(frozen=True, kw_only=True)
class ReleaseScope:
    """What the release steps of one platform share: the owner's tag, the platform's uid, Helm, the ledger, and what the spec
    and the administrator allow. `approved`: chart versions and tokens from the annotation (`helm/plan.py`). `compared`: what was found
    without drift. `draft`: what is known before there is a cluster. `wanted`: the places of all releases of the spec; None: not known.
    `planning`: nothing may be changed, and no Helm process be ended (suspend)."""

    owner: str
    uid: str
    helm: Helm
    ledger: ReleaseLedger
    adoption: str
    deleting: bool
    approved: frozenset[str] = frozenset()
    compared: ComparedObjects = field(default_factory=ComparedObjects)
    draft: Draft | None = None
    wanted: frozenset[Place] | None = None
    planning: bool = False

    def retiring(self) -> frozenset[Place]:
        """Return the places of our releases that the spec no longer has and that are still installed."""
        return frozenset(self.ledger.releases()) - self.wanted if self.wanted is not None else frozenset()


@dataclass(frozen=True, kw_only=True)
class ReleaseOwner:
    """`owner`: the tag of the platform that owns the release; `step`: its step. Both come from the workload cluster and prove nothing."""

    owner: str
    step: str = ""


def ownership_conflict(
    content: ChartAdapter, scope: ReleaseScope, history: History, owned: OwnedRelease | None, marker: ReleaseOwner | None
) -> Failed | None:
    """Return why the operator may not touch a release; None: it is ours, may be adopted, or does not exist. Pure.

    A release in the ledger is ours whatever a marker says. A marker with our tag proves nothing without an entry in the ledger.
    """
    if owned is not None:
        return None
    field = content.field
    where = f"release {content.release!r} in namespace {content.namespace!r} of the cluster"
    if marker is not None and marker.owner != scope.owner:
        return Failed(
            reason=Reason.OWNED_BY_ANOTHER,
            message=f"{field}: {where} belongs to another platform",
            remedy="Choose another name or namespace. The operator does not change the existing release.",
        )
    if history.present and scope.adoption == "Never":
        return Failed(
            reason=Reason.NOT_OWNED,
            message=f"{field}: {where} exists already and has no owner",
            remedy="Choose another name, or set spec.adoption: IfUnowned to take it over.",
        )
    if history.unreadable:
        return Failed(
            reason=Reason.RELEASE_RECORD_UNREADABLE,
            message=f"{field}: Helm's record of {where} cannot be read: {history.unreadable}",
            remedy=f"Restore that Secret, or delete it. Check which accounts can write Secrets in namespace {content.namespace}.",
            retry_in=60,
        )
    return None


def _name(release: str) -> str:
    return f"{PREFIX}{release}"


async def read_owner(api: client.ApiClient, namespace: str, release: str) -> ReleaseOwner | None:
    """Read the marker of a release; None: there is none, or it names no owner. Raises ApiException."""
    found = await existing(client.CoreV1Api(api).read_namespaced_config_map(_name(release), namespace))
    data = (found.data if found is not None else None) or {}
    owner = str(data.get("owner", ""))[:LONGEST]
    return ReleaseOwner(owner=owner, step=str(data.get("step", ""))[:LONGEST]) if owner else None


async def write_owner(api: client.ApiClient, namespace: str, release: str, marker: ReleaseOwner) -> str | None:
    """Create the namespace if it does not exist, and write the marker. Returns the namespace's uid if this call created it."""
    core = client.CoreV1Api(api)
    metadata = {"name": namespace, "labels": LABEL, "annotations": {OWNER: marker.owner}}
    created = await _create(core.create_namespace({"metadata": metadata}))
    body = {"metadata": {"name": _name(release), "labels": LABEL}, "data": {"owner": marker.owner, "step": marker.step}}
    if await _create(core.create_namespaced_config_map(namespace, body)) is None:
        await core.replace_namespaced_config_map(_name(release), namespace, body)
    return str(created.metadata.uid) if created is not None else None


async def _create(call: Awaitable[Created]) -> Created | None:
    """Await a creation and return the object; None: it exists already."""
    try:
        return await call
    except ApiException as error:
        if error.status != 409:
            raise
    return None


async def remove_owner(api: client.ApiClient, namespace: str, release: str, *, created: str | None, with_data: bool) -> None:
    """Delete the marker, and the namespace if the operator created it and it is empty.

    Args:
        created: the uid of the namespace that the operator created (from the ledger; the annotation in the cluster proves nothing).
        with_data: delete the namespace as soon as no release is left in it, with everything else that it holds, volumes included.
    """
    core = client.CoreV1Api(api)
    await _delete_owner(core, namespace, release)
    try:
        found = await core.read_namespace(namespace)
        if created is None or found.metadata.uid != created:
            return
        remaining = await core.list_namespaced_secret(namespace, label_selector="owner=helm", limit=1)
        if not remaining.items and (with_data or await _is_empty(api, namespace)):
            await core.delete_namespace(namespace, body={"preconditions": {"uid": created}})
    except ApiException as error:
        if error.status != 404:
            raise


async def orphan_release(api: client.ApiClient, namespace: str, release: str, owner: str) -> None:
    """Delete the marker, and the owner's annotation on the namespace: the release stays and has no owner."""
    core = client.CoreV1Api(api)
    await _delete_owner(core, namespace, release)
    try:
        found = await core.read_namespace(namespace)
        if (found.metadata.annotations or {}).get(OWNER) == owner:
            nothing = {"metadata": {"annotations": {OWNER: None}}}
            await core.patch_namespace(namespace, nothing, _content_type="application/merge-patch+json")
    except ApiException as error:
        if error.status != 404:
            raise


async def _delete_owner(core: "client.CoreV1Api", namespace: str, release: str) -> None:
    try:
        await core.delete_namespaced_config_map(_name(release), namespace)
    except ApiException as error:
        if error.status != 404:
            raise


async def _is_empty(api: client.ApiClient, namespace: str) -> bool:
    """Return whether a namespace holds no object of a user: one that the operator created may be in use by now."""
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    lists = (
        core.list_namespaced_persistent_volume_claim,
        core.list_namespaced_secret,
        core.list_namespaced_config_map,
        core.list_namespaced_pod,
        core.list_namespaced_service,
        apps.list_namespaced_deployment,
        apps.list_namespaced_stateful_set,
    )
    for list_page in lists:
        page = await list_page(namespace, limit=50)
        stays = [one for one in page.items if not one.metadata.deletion_timestamp and one.metadata.name not in IN_EVERY_NAMESPACE]
        if stays or (page.metadata and page.metadata._continue):
            return False
    return True
