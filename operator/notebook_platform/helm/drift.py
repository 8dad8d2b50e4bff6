"""Whether the live objects of a release still are what its manifest says: asked of the API server itself.

A server-side apply in dry run answers what the object would be with the manifest's members put into it, defaults and normal forms
included. Where that differs from what is, somebody's hand was there. Nothing is written.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import asyncio
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.exceptions import DynamicApiError, ResourceNotFoundError

from notebook_platform.engine.change import compare
from notebook_platform.helm.release import Release

log = logging.getLogger(__name__)

MANAGER = "notebook-platform-drift"
AT_ONCE = 8
KEPT_BY_SERVER = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"})
NOT_SHOWN = "(not shown)"


@dataclass(frozen=True)
class Drift:
    """One member of one object: `path` as `Deployment/hub.spec.replicas`, what is there and what the release says."""

    path: str
    found: Any
    wanted: Any


async def drifted(api: client.ApiClient, release: Release) -> list[Drift]:
    """All differences, in the manifest's order. An object that the server does not let us look at is passed by."""
    with tempfile.TemporaryDirectory(prefix="notebook-platform-discovery-") as directory:
        dynamic = await DynamicClient(api, cache_file=str(Path(directory) / "resources.json"))
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(thing: Mapping[str, Any]) -> list[Drift]:
            async with gate:
                return await _of_object(dynamic, release.namespace, thing)

        found = await asyncio.gather(*map(look, release.objects()))
    return [drift for drifts in found for drift in drifts]


async def _of_object(dynamic: Any, namespace: str, thing: Mapping[str, Any]) -> list[Drift]:
    kind, name = thing["kind"], thing["metadata"]["name"]
    where = f"{kind}/{name}"
    try:
        resource = await dynamic.resources.get(api_version=thing["apiVersion"], kind=kind)
        place = {"name": name, **({"namespace": thing["metadata"].get("namespace", namespace)} if resource.namespaced else {})}
        wanted = await dynamic.server_side_apply(
            resource, body=dict(thing), field_manager=MANAGER, dry_run="All", force_conflicts=True, **place
        )
        live = await dynamic.get(resource, **place)
    except (DynamicApiError, ApiException) as error:
        if error.status == 404:
            return [Drift(where, "gone", "there")]
        if error.status == 422:
            return [Drift(where, "changed so that the release's members no longer fit in", "as the release has it")]
        log.debug("%s cannot be compared: %s", where, error.status)
        return []
    except ResourceNotFoundError:
        return []
    hidden = kind == "Secret"
    return [
        Drift(f"{where}.{change.path}", NOT_SHOWN if hidden else change.before, NOT_SHOWN if hidden else change.after)
        for change in compare(_plain(wanted.to_dict()), _plain(live.to_dict()))
    ]


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the server keeps for itself, and without status."""
    metadata = {k: v for k, v in document.get("metadata", {}).items() if k not in KEPT_BY_SERVER}
    return {**{k: v for k, v in document.items() if k != "status"}, "metadata": metadata}
