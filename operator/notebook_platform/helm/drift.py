"""Drift of a release: differences between its live objects and its manifest, found by a dry run of the API server.

A server-side apply in dry run returns the object as it would be with the manifest's members applied, defaults and normal forms
included. A member that differs from the live object was changed after Helm wrote it. The correction writes the differing members
only. It does not run Helm, so no hook runs and no revision is written.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.change import Change, compare, merged
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.step import Notice
from notebook_platform.helm.compared import ComparedObjects
from notebook_platform.helm.object_client import ERRORS, Live
from notebook_platform.helm.release import Release, with_helm_metadata

MANAGER = "notebook-platform-drift"
AT_ONCE = 8
MOST_READS = 3
"""Reads of an object that another client keeps writing; after them the next reconcile compares it."""
KEPT_BY_SERVER = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"})
NOT_SHOWN = "(not shown)"
BUSY = frozenset({429, 502, 503, 504})
NOT_NOW = frozenset({404, 409})
"""The kind is not served, or another client wrote at the same moment. Any other status, 500 of a webhook among them, may last."""
SHOWN = 3
"""Objects that a message names."""
COME_AND_GO = frozenset({"Job", "Pod"})
"""Kinds that end when their work is done and that a controller may delete then."""


@dataclass(frozen=True)
class Drift:
    """One differing member of one object: `path` as `Deployment/hub.spec.replicas`, the live value and the manifest's."""

    path: str
    found: Any
    wanted: Any


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All differences, in the manifest's order, and the objects that could not be compared, as `Deployment/hub (403)`."""

    drifts: tuple[Drift, ...] = ()
    unknown: tuple[str, ...] = ()


async def drifted(api: client.ApiClient, release: Release, compared: ComparedObjects) -> Comparison:
    """Compare the live objects of a release with its manifest, those that `compared` knows by their resourceVersion. Raises ApiException
    while the cluster's API is busy."""
    objects = Live(api, release.namespace)
    gate = asyncio.Semaphore(AT_ONCE)

    async def compare_one(manifest: Mapping[str, Any]) -> Comparison:
        async with gate:
            return await _of_object(objects, manifest, compared)

    found = await asyncio.gather(*map(compare_one, release.objects()))
    return Comparison(
        drifts=tuple(drift for one in found for drift in one.drifts),
        unknown=tuple(where for one in found for where in one.unknown),
    )


def unknown_notice(comparison: Comparison, field: str) -> tuple[Notice, ...]:
    """Return the notice about objects that could not be compared, as a tuple of one or none."""
    if not comparison.unknown:
        return ()
    more = f" and {len(comparison.unknown) - SHOWN} more" if len(comparison.unknown) > SHOWN else ""
    message = (
        f"{field}: drift in {', '.join(comparison.unknown[:SHOWN])}{more} is unknown, because the cluster's API refuses the comparison "
        "(a server-side apply in dry run): check the rights of the kubeconfig's identity, policies and admission webhooks"
    )
    return (Notice(condition=ConditionType.DRIFT_UNKNOWN, reason=Reason.CLUSTER_FORBIDS, message=message),)


def _where(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


async def _of_object(objects: Live, manifest: Mapping[str, Any], compared: ComparedObjects) -> Comparison:
    where = _where(manifest)
    try:
        now, changes = await _compared(objects, manifest, compared)
        if now is None:
            served = await objects.place(manifest) is not None
            missing = served and manifest["kind"] not in COME_AND_GO
            return Comparison(drifts=(Drift(where, "missing", "present"),) if missing else ())
    except ERRORS as error:
        return _not_compared(where, error)
    hidden = manifest["kind"] == "Secret"
    drifts = (Drift(f"{where}.{c.path}", NOT_SHOWN if hidden else c.before, NOT_SHOWN if hidden else c.after) for c in changes)
    return Comparison(drifts=tuple(drifts))


def _not_compared(where: str, error: Any) -> Comparison:
    """Return what an error of the cluster's API means for one object. Raises ApiException for an error that passes."""
    status = int(error.status or 0)
    if status == 422 and "immutable" in str(error.body):
        return Comparison(drifts=(Drift(where, "immutable member changed", "as in the release"),))
    if status in BUSY:
        raise ApiException(status=status, reason=error.reason)
    return Comparison() if status in NOT_NOW else Comparison(unknown=(f"{where} ({status})",))


async def _compared(
    objects: Live, manifest: Mapping[str, Any], compared: ComparedObjects
) -> tuple[Mapping[str, Any] | None, list[Change]]:
    """Return the live object (None: it does not exist) and its differences. An object that changes between both requests has
    none: a controller is writing it. One that is deleted between them would be created by the second, and has no version in its answer.
    Of an object that has not changed since it was compared, the metadata alone are read."""
    now: Mapping[str, Any] | None = None
    if (served := compared.served(manifest)) is not None:
        now = await objects.metadata(manifest, served)
        if now is not None and compared.is_unchanged(manifest, now):
            return now, []
    for _ in range(MOST_READS):
        now = await objects.get(manifest)
        if now is None or compared.is_unchanged(manifest, now):
            break
        wanted = await objects.as_applied(manifest, MANAGER)
        if _version(wanted) == _version(now) is not None:
            changes = list(compare(_plain(wanted), _plain(now)))
            if not changes:
                compared.note(manifest, now, await objects.served(manifest))
            return now, changes
    return now, []


def _version(document: Mapping[str, Any]) -> Any:
    return (document.get("metadata") or {}).get("resourceVersion")


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object without status and the members that the server maintains."""
    metadata = {k: v for k, v in document.get("metadata", {}).items() if k not in KEPT_BY_SERVER}
    return {**{k: v for k, v in document.items() if k != "status"}, "metadata": metadata}


async def restore(api: client.ApiClient, release: Release, paths: Collection[str], field: str) -> bool:
    """Restore the members at these paths (as `Drift.path`) to the values of the manifest. Returns whether all of them are restored: an object
    that another client wrote at the same moment is left to the next reconcile. Raises StepError (DriftNotCorrectable)."""
    complete = True
    objects = Live(api, release.namespace)
    for manifest in release.objects():
        where = _where(manifest)
        mine = [path for path in paths if path == where or path.startswith(f"{where}.")]
        if not mine:
            continue
        try:
            await _restore(objects, release, manifest, mine)
        except ERRORS as error:
            if error.status == 409:
                complete = False
                continue
            raise StepError(
                Reason.DRIFT_NOT_CORRECTABLE,
                f"{field}: {where} of release {release.name} has drifted and cannot be corrected ({error.status})",
                f"Delete {where} in namespace {release.namespace} so that the operator creates it again, or name it in spec.driftIgnore.",
                retry_in=60,
            ) from None
    return complete


async def _restore(objects: Live, release: Release, manifest: Mapping[str, Any], paths: Sequence[str]) -> None:
    now, changes = await _compared(objects, manifest, ComparedObjects())
    if now is None:
        await objects.create(with_helm_metadata(manifest, release))
        return
    where = _where(manifest)
    await objects.replace(merged(now, [change for change in changes if f"{where}.{change.path}" in paths]))
