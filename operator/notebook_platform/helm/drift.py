"""Drift of a release: differences between its live objects and its manifest, found by a dry run of the API server.

A server-side apply in dry run returns the object as it would be with the manifest's members applied, defaults and normal forms
included. A member that differs from the live object was changed after Helm wrote it. The correction writes the differing members
only. It does not run Helm, so no hook runs and no revision is written.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.change import Change, compare, merged
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.object_client import ERRORS, Live, live
from notebook_platform.helm.release import Release, as_helm_makes_it

log = logging.getLogger(__name__)

MANAGER = "notebook-platform-drift"
AT_ONCE = 8
MOST_READS = 3
"""Reads of an object that another client keeps writing; after them the next reconcile compares it."""
KEPT_BY_SERVER = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"})
NOT_SHOWN = "(not shown)"
COME_AND_GO = frozenset({"Job", "Pod"})
"""Kinds that end when their work is done and that a controller may delete then."""


@dataclass(frozen=True)
class Drift:
    """One differing member of one object: `path` as `Deployment/hub.spec.replicas`, the live value and the manifest's."""

    path: str
    found: Any
    wanted: Any


async def drifted(api: client.ApiClient, release: Release) -> list[Drift]:
    """Return all differences, in the manifest's order. An object that the server does not allow the operator to read is
    skipped."""
    async with live(api, release.namespace) as objects:
        gate = asyncio.Semaphore(AT_ONCE)

        async def compare_one(manifest: Mapping[str, Any]) -> list[Drift]:
            async with gate:
                return await _of_object(objects, manifest)

        found = await asyncio.gather(*map(compare_one, release.objects()))
    return [drift for drifts in found for drift in drifts]


def _where(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


async def _of_object(objects: Live, manifest: Mapping[str, Any]) -> list[Drift]:
    where = _where(manifest)
    try:
        now, changes = await _compared(objects, manifest)
        if now is None:
            served = await objects.place(manifest) is not None
            return [Drift(where, "missing", "present")] if served and manifest["kind"] not in COME_AND_GO else []
    except ERRORS as error:
        if error.status == 422 and "immutable" in str(error.body):
            return [Drift(where, "immutable member changed", "as in the release")]
        log.debug("%s cannot be compared: %s", where, error.status)
        return []
    hidden = manifest["kind"] == "Secret"
    return [Drift(f"{where}.{c.path}", NOT_SHOWN if hidden else c.before, NOT_SHOWN if hidden else c.after) for c in changes]


async def _compared(objects: Live, manifest: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[Change]]:
    """Return the live object (None: it does not exist) and its differences. An object that changes between both requests has
    none: a controller is writing it."""
    now = None
    for _ in range(MOST_READS):
        now = await objects.get(manifest)
        if now is None:
            break
        wanted = await objects.as_applied(manifest, MANAGER)
        if wanted["metadata"]["resourceVersion"] == now["metadata"]["resourceVersion"]:
            return now, list(compare(_plain(wanted), _plain(now)))
    return now, []


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object without status and the members that the server maintains."""
    metadata = {k: v for k, v in document.get("metadata", {}).items() if k not in KEPT_BY_SERVER}
    return {**{k: v for k, v in document.items() if k != "status"}, "metadata": metadata}


async def restore(api: client.ApiClient, release: Release, paths: Collection[str], field: str) -> None:
    """Restore the members at these paths (as `Drift.path`) to the values of the manifest. Raises StepError (DriftNotCorrectable)."""
    async with live(api, release.namespace) as objects:
        for manifest in release.objects():
            where = _where(manifest)
            mine = [path for path in paths if path == where or path.startswith(f"{where}.")]
            if not mine:
                continue
            try:
                await _restore(objects, release, manifest, mine)
            except ERRORS as error:
                if error.status == 409:
                    continue  # another client wrote it just now: the next reconcile compares it again
                raise StepError(
                    Reason.DRIFT_NOT_CORRECTABLE,
                    f"{field}: {where} of release {release.name} has drifted and cannot be corrected ({error.status})",
                    f"Delete {where} in namespace {release.namespace} so that the operator creates it again, or name it in spec.driftIgnore.",
                    retry_in=60,
                ) from None


async def _restore(objects: Live, release: Release, manifest: Mapping[str, Any], paths: Sequence[str]) -> None:
    now, changes = await _compared(objects, manifest)
    if now is None:
        await objects.create(as_helm_makes_it(manifest, release))
        return
    where = _where(manifest)
    await objects.replace(merged(now, [change for change in changes if f"{where}.{change.path}" in paths]))
