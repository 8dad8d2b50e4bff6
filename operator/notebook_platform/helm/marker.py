"""Whose release is it, which revision did we last begin to write, how often did helm fail? A ConfigMap beside the release says so.

It is written before helm starts, so that a lock found later is known to be ours or somebody else's. The namespace is made with it.
"""

import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

LABEL = {"app.kubernetes.io/managed-by": "notebook-platform"}
SELECTOR = "app.kubernetes.io/managed-by=notebook-platform"
OWNER = "notebookplatform.io/owner"
PREFIX = "notebook-platform-"


@dataclass(frozen=True, kw_only=True)
class Marker:
    """`step`: the step that keeps the release; `revision`: the last revision that was begun; `failures`: how often helm failed in a
    row on what is wanted, last at revision `failed`; `recoveries`: how often a dead helm's lock was freed; `unfinished`: 1 when what
    it had begun is yet to be done again; `removing`: 1 when we began to uninstall it; `leftovers`: objects that Helm does not remove
    when it uninstalls (hooks), as references."""

    owner: str
    step: str = ""
    revision: int = 0
    failures: int = 0
    failed: int = 0
    recoveries: int = 0
    unfinished: int = 0
    removing: int = 0
    leftovers: tuple[Mapping[str, str], ...] = ()

    def data(self) -> dict[str, str]:
        """As it is written down."""
        numbers = {name: str(getattr(self, name)) for name in NUMBERS}
        leftovers = {"leftovers": json.dumps([dict(one) for one in self.leftovers])} if self.leftovers else {}
        return {"owner": self.owner, "step": self.step, **numbers, **leftovers}


NUMBERS = ("revision", "failures", "failed", "recoveries", "unfinished", "removing")


def _name(release: str) -> str:
    return f"{PREFIX}{release}"


def _read(data: Mapping[str, str]) -> Marker:
    numbers = {name: int(data.get(name, "0")) for name in NUMBERS}
    leftovers = tuple(json.loads(data.get("leftovers", "[]")))
    return Marker(owner=data.get("owner", ""), step=data.get("step", ""), leftovers=leftovers, **numbers)


async def read(api: client.ApiClient, namespace: str, release: str) -> Marker | None:
    """The marker of a release; None when there is none."""
    try:
        found = await client.CoreV1Api(api).read_namespaced_config_map(_name(release), namespace)
    except ApiException as error:
        if error.status == 404:
            return None
        raise
    return _read(found.data or {})


async def read_all(api: client.ApiClient, owner: str) -> dict[tuple[str, str], Marker]:
    """All markers of an owner in a cluster, by (namespace, release)."""
    listed = await client.CoreV1Api(api).list_config_map_for_all_namespaces(label_selector=SELECTOR)
    found = {(m.metadata.namespace, m.metadata.name.removeprefix(PREFIX)): _read(m.data or {}) for m in listed.items}
    return {place: marker for place, marker in found.items() if marker.owner == owner}


async def write(api: client.ApiClient, namespace: str, release: str, marker: Marker) -> None:
    """Make the namespace if it is not there (then it is ours), and the marker in it."""
    core = client.CoreV1Api(api)
    metadata = {"name": namespace, "labels": LABEL, "annotations": {OWNER: marker.owner}}
    await _create(core.create_namespace({"metadata": metadata}))
    body = {"metadata": {"name": _name(release), "labels": LABEL}, "data": marker.data()}
    if not await _create(core.create_namespaced_config_map(namespace, body)):
        await core.replace_namespaced_config_map(_name(release), namespace, body)


async def _create(call: Awaitable[Any]) -> bool:
    try:
        await call
    except ApiException as error:
        if error.status != 409:
            raise
        return False
    return True


async def remove(api: client.ApiClient, namespace: str, release: str, owner: str, *, with_data: bool) -> None:
    """Remove the marker, and the namespace when it is ours and nothing is in it. `with_data`: no other release is enough, for what
    else is there goes too (volumes and all)."""
    core = client.CoreV1Api(api)
    try:
        await core.delete_namespaced_config_map(_name(release), namespace)
        found = await core.read_namespace(namespace)
        if (found.metadata.annotations or {}).get(OWNER) != owner:
            return
        others = await core.list_namespaced_secret(namespace, label_selector="owner=helm")
        if not others.items and (with_data or await _is_empty(api, namespace)):
            await core.delete_namespace(namespace)
    except ApiException as error:
        if error.status != 404:
            raise


async def unmark(api: client.ApiClient, namespace: str, release: str, owner: str) -> None:
    """The release stays and is nobody's: the marker goes, and our name from the namespace."""
    core = client.CoreV1Api(api)
    try:
        await core.delete_namespaced_config_map(_name(release), namespace)
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
        there = (await look(namespace)).items
        if any(not t.metadata.deletion_timestamp and t.metadata.name not in EVERY_NAMESPACE_HAS for t in there):
            return False
    return True
