"""Adoption: a release that another Helm installed becomes the platform's because the spec sets `adoption: IfUnowned`.

Tenants may write to the place of its record, and a forged record cannot be distinguished from a real one. So a record is used only if every
object in its manifest exists and has Helm's annotations for this release: who can set those can change the object anyway. The operator
never applies the content of an adopted record (no drift correction, no rollback, no hooks), but the chart and the values of the spec.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.drift import COME_AND_GO
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.object_client import ERRORS, Live
from notebook_platform.helm.release import Release, helm_annotations

AT_ONCE = 8
MOST_NAMED = 3


async def adoptable(api: client.ApiClient, release: Release, field: str) -> Failed | None:
    """Return why a release's record cannot be adopted; None: each of its objects exists and carries this release's marks. Reads
    only."""
    objects = Live(api, release.namespace)
    gate = asyncio.Semaphore(AT_ONCE)

    async def check_one(manifest: Mapping[str, Any]) -> str | None:
        async with gate:
            return await _unproven(objects, manifest, release)

    found = [one for one in await asyncio.gather(*map(check_one, release.objects())) if one]
    if not found:
        return None
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return Failed(
        reason=Reason.RELEASE_NOT_ADOPTABLE,
        message=f"{field}: the record {release.secret_name} names objects that may not belong to release {release.name}: "
        f"{', '.join(found[:MOST_NAMED])}{more}",
        remedy=f"Run `helm upgrade` on the release once more, so that its record and its objects agree; or delete the Secrets {release.secret_name}"
        f" and older ones in namespace {release.namespace}: the operator installs the release over its existing objects.",
        retry_in=60,
    )


async def _unproven(objects: Live, manifest: Mapping[str, Any], release: Release) -> str | None:
    """Return the object in words if it does not exist or is not the release's; the object of a kind that the server does not
    serve cannot be changed."""
    name = f"{manifest['kind']}/{manifest['metadata']['name']}"[:120]
    try:
        if await objects.place(manifest) is None:
            return None
        found = await objects.get(manifest)
    except ERRORS as error:
        return f"{name} (cannot be read: {error.status})"
    if found is None:
        here = manifest["metadata"].get("namespace") in (None, "", release.namespace)
        return None if here and manifest["kind"] in COME_AND_GO else f"{name} (does not exist)"
    annotations = found.get("metadata", {}).get("annotations") or {}
    return None if helm_annotations(release).items() <= annotations.items() else f"{name} (not marked as the release's)"


def adopted(owned: OwnedRelease, records: Iterable[Release]) -> OwnedRelease:
    """Return the ledger entry with the adopted records. Pure."""
    for record in records:
        owned = owned.with_record(record.revision, record.digest, new=False)
        owned = owned.having(adopted=tuple(sorted({*owned.adopted, record.revision})))
    return owned
