"""The marker of a release: a ConfigMap beside it in the built cluster that says which platform keeps it.

It is written for people and for other operators and starts nothing: whoever works in the cluster can write one. What the operator
owns stands in the management cluster (`helm/ownership.py`). The namespace of a release is created together with its marker.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

LABEL = {"app.kubernetes.io/managed-by": "notebook-platform"}
OWNER = "notebookplatform.io/owner"
PREFIX = "notebook-platform-"
LONGEST = 300
"""Characters. An owner's tag is a cluster id, a namespace, a name and a uid."""


@dataclass(frozen=True, kw_only=True)
class Marker:
    """`owner`: the tag of the platform that keeps the release; `step`: the step in it. Both are whatever the cluster says."""

    owner: str
    step: str = ""


def _name(release: str) -> str:
    return f"{PREFIX}{release}"


async def read(api: client.ApiClient, namespace: str, release: str) -> Marker | None:
    """The marker of a release; None when there is none, or it names no owner. Raises ApiException."""
    try:
        found = await client.CoreV1Api(api).read_namespaced_config_map(_name(release), namespace)
    except ApiException as error:
        if error.status == 404:
            return None
        raise
    data = found.data or {}
    owner = str(data.get("owner", ""))[:LONGEST]
    return Marker(owner=owner, step=str(data.get("step", ""))[:LONGEST]) if owner else None


async def write(api: client.ApiClient, namespace: str, release: str, marker: Marker) -> str | None:
    """Create the namespace if there is none, and the marker in it. Returns the namespace's uid if it was created now."""
    core = client.CoreV1Api(api)
    metadata = {"name": namespace, "labels": LABEL, "annotations": {OWNER: marker.owner}}
    made = await _create(core.create_namespace({"metadata": metadata}))
    body = {"metadata": {"name": _name(release), "labels": LABEL}, "data": {"owner": marker.owner, "step": marker.step}}
    if await _create(core.create_namespaced_config_map(namespace, body)) is None:
        await core.replace_namespaced_config_map(_name(release), namespace, body)
    return str(made.metadata.uid) if made is not None else None


async def _create(call: Awaitable[Any]) -> Any:
    """What was created; None: it exists already."""
    try:
        return await call
    except ApiException as error:
        if error.status != 409:
            raise
    return None


async def remove(api: client.ApiClient, namespace: str, release: str, *, created: str | None, with_data: bool) -> None:
    """Remove the marker, and the namespace when the operator created it and nothing is in it.

    Args:
        created: the uid of the namespace that the operator created (from the ledger; the annotation in the cluster proves nothing).
        with_data: that no other release is there is enough; what else is there goes too, volumes and all.
    """
    core = client.CoreV1Api(api)
    try:
        await core.delete_namespaced_config_map(_name(release), namespace)
    except ApiException as error:
        if error.status != 404:
            raise
    try:
        found = await core.read_namespace(namespace)
        if created is None or found.metadata.uid != created:
            return
        others = await core.list_namespaced_secret(namespace, label_selector="owner=helm", limit=1)
        if not others.items and (with_data or await _is_empty(api, namespace)):
            await core.delete_namespace(namespace, body={"preconditions": {"uid": created}})
    except ApiException as error:
        if error.status != 404:
            raise


async def unmark(api: client.ApiClient, namespace: str, release: str, owner: str) -> None:
    """Remove the marker, and our name from the namespace: the release stays and has no owner."""
    core = client.CoreV1Api(api)
    try:
        await core.delete_namespaced_config_map(_name(release), namespace)
    except ApiException as error:
        if error.status != 404:
            raise
    try:
        found = await core.read_namespace(namespace)
        if (found.metadata.annotations or {}).get(OWNER) == owner:
            nothing = {"metadata": {"annotations": {OWNER: None}}}
            await core.patch_namespace(namespace, nothing, _content_type="application/merge-patch+json")
    except ApiException as error:
        if error.status != 404:
            raise


EVERY_NAMESPACE_HAS = frozenset({"kube-root-ca.crt"})


async def _is_empty(api: client.ApiClient, namespace: str) -> bool:
    """Whether nobody keeps anything there: a namespace that we made may hold things of others by now."""
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
    for look in lists:
        page = await look(namespace, limit=50)
        stays = [
            one for one in page.items if not one.metadata.deletion_timestamp and one.metadata.name not in EVERY_NAMESPACE_HAS
        ]
        if stays or (page.metadata and page.metadata._continue):
            return False
    return True
