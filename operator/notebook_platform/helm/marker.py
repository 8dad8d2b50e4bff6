"""Whose release is it, and which revision did we last begin to write? A ConfigMap beside the release says so.

It is written before helm starts, so that a lock found later is known to be ours or somebody else's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

LABEL = {"app.kubernetes.io/managed-by": "notebook-platform"}
OWNER = "notebookplatform.io/owner"


@dataclass(frozen=True)
class Marker:
    """`revision`: the last revision that was begun."""

    owner: str
    revision: int


def _name(release: str) -> str:
    return f"notebook-platform-{release}"


async def read(api: client.ApiClient, namespace: str, release: str) -> Marker | None:
    """The marker of a release; None when there is none."""
    try:
        found = await client.CoreV1Api(api).read_namespaced_config_map(_name(release), namespace)
    except ApiException as error:
        if error.status == 404:
            return None
        raise
    data: Mapping[str, str] = found.data or {}
    return Marker(data.get("owner", ""), int(data.get("revision", "0")))


async def write(api: client.ApiClient, namespace: str, release: str, marker: Marker) -> None:
    """Make the namespace if it is not there (then it is ours), and the marker in it."""
    core = client.CoreV1Api(api)
    metadata = {"name": namespace, "labels": LABEL, "annotations": {OWNER: marker.owner}}
    await _create(core.create_namespace({"metadata": metadata}))
    body = {
        "metadata": {"name": _name(release), "labels": LABEL},
        "data": {"owner": marker.owner, "revision": str(marker.revision)},
    }
    if not await _create(core.create_namespaced_config_map(namespace, body)):
        await core.replace_namespaced_config_map(_name(release), namespace, body)


async def _create(call: object) -> bool:
    try:
        await call  # type: ignore[misc]
    except ApiException as error:
        if error.status != 409:
            raise
        return False
    return True


async def remove(api: client.ApiClient, namespace: str, release: str, owner: str) -> None:
    """Remove the marker, and the namespace when it is ours and holds no other release."""
    core = client.CoreV1Api(api)
    try:
        await core.delete_namespaced_config_map(_name(release), namespace)
        found = await core.read_namespace(namespace)
        others = await core.list_namespaced_secret(namespace, label_selector="owner=helm")
        if (found.metadata.annotations or {}).get(OWNER) == owner and not others.items:
            await core.delete_namespace(namespace)
    except ApiException as error:
        if error.status != 404:
            raise
