"""Repairs of a release that need no Helm process: adoption, correction of drift, removal of a dead process's lock."""

import logging

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Outcome, Progressing, Ready
from notebook_platform.helm.actions.context import ActionContext
from notebook_platform.helm.actions.waiting import until_holder_ends
from notebook_platform.helm.drift import restore
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.release import Release
from notebook_platform.observability.context import fields
from notebook_platform.observability.metrics import HELM_RUNS

log = logging.getLogger(__name__)


async def adopt(context: ActionContext) -> Outcome:
    """Record the ownership of a release that existed before and matches the spec. Nothing in the release is written."""
    await context.note()
    log.info("adopted %s", context.label, extra=fields(action="adopt", release="/".join(context.place)))
    return Ready()


async def renew_entry(context: ActionContext) -> Outcome:
    """Forget in the ledger what was begun or has failed with other values: the spec asks for what runs."""
    await context.note()
    return Ready()


async def correct_drift(context: ActionContext) -> Outcome:
    """Write the members of live objects that differ from the manifest, and only those. Raises StepError (DriftNotCorrectable)."""
    assert context.record.newest is not None
    complete = await restore(context.api, context.record.newest, context.paths, context.field)
    if complete and context.record.unfinished:  # no object is left as the interrupted Helm made it
        await context.ledger.change(context.place, lambda owned: owned.having(unfinished=False))
    return Ready()


async def release_lock(api: client.ApiClient, newest: Release | None, owned: OwnedRelease | None) -> Progressing | None:
    """Remove the lock of a Helm process of the operator that died, before the release is orphaned: no operator would later. Returns what to wait for
    while another replica may be working on the release. A release that is half uninstalled keeps its record."""
    if newest is None or not newest.pending or newest.removing:
        return None
    if waits := await until_holder_ends(owned, newest):
        return waits
    await _remove(api, newest)
    return None


async def unlock(context: ActionContext) -> Outcome:
    """Remove the unfinished record of a Helm process that died with the operator that started it.

    The next reconcile finds the revision before it, or none.
    """
    newest = context.record.newest
    assert newest is not None
    await context.note(recovering=True)
    await _remove(context.api, newest)
    revision = f"its interrupted revision {newest.revision} ({newest.status}) is removed"
    log.info("unlocked %s: %s", context.label, revision, extra=fields(action="unlock", release="/".join(context.place)))
    message = f"Revision {newest.revision} of {newest.name} was interrupted ({newest.status}): the operator retries it"
    return Progressing(reason=Reason.RECOVERING, message=message, requeue_after=0.1)


async def _remove(api: client.ApiClient, lock: Release) -> None:
    """Delete the record that locks its release."""
    await client.CoreV1Api(api).delete_namespaced_secret(lock.secret_name, lock.namespace)
    HELM_RUNS.labels(action="unlock").inc()
