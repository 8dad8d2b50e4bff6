"""States in which nothing is written: Helm failed and its retry is not due or not allowed, or another Helm process holds the
lock."""

from datetime import UTC, datetime

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Failed, Outcome, Progressing
from notebook_platform.helm.actions.context import ActionContext
from notebook_platform.helm.errors import RETRIES, failure
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.lock_holder import live_holder
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import retry_in

LOCK_RECHECK = 10.0
"""Seconds."""


async def back_off(context: ActionContext) -> Outcome:
    """Return Helm's failure with the seconds until the next try."""
    failed, newest = context.record.last_failure(context.wanted), context.record.newest
    assert failed is not None and newest is not None
    attempts = context.record.attempts(context.wanted)
    cause = failure(failed.description, context.field)
    running = f"; revision {newest.revision} runs meanwhile" if newest.status == "deployed" else ""
    return Failed(
        reason=cause.reason,
        message=f"{cause.message} (attempt {attempts} of {context.remedies.retries + 1}{running})",
        remedy=cause.remedy,
        retry_in=max(retry_in(failed, attempts, context.remedies, datetime.now(UTC)), 0.1),
    )


async def stop_retrying(context: ActionContext) -> Outcome:
    """Return Helm's failure without a retry: `remediation` allows no more, until the spec or a Secret that it names changes."""
    failed, newest = context.record.last_failure(context.wanted), context.record.newest
    assert failed is not None and newest is not None
    cause, attempts = failure(failed.description, context.field), context.record.attempts(context.wanted)
    notes = [f"tried {attempts} times" if attempts > 1 else "tried once"]
    if newest.status == "deployed":
        notes.append(f"revision {newest.revision} runs ({newest.chart}-{newest.chart_version})")
    elif context.irreversible and context.remedies.strategy == "Rollback":
        notes.append(f"not rolled back: {context.irreversible}")
    return Failed(
        reason=cause.reason,
        message=f"{cause.message} ({'; '.join(notes)})",
        remedy=_without_retry(cause.remedy) + f"The operator retries when {context.field} or a Secret of it changes.",
        retry_in=None,
    )


async def wait_for_lock(context: ActionContext) -> Outcome:
    """Wait for a Helm process of another owner or replica, which may still be running."""
    assert context.record.newest is not None
    whose = f"; it belongs to the operator with the lease {context.record.holder}" if context.record.holder else ""
    message = f"Another Helm process holds the lock of {context.label} ({context.record.newest.status}){whose}"
    return Progressing(reason=Reason.RELEASE_LOCKED, message=message, requeue_after=LOCK_RECHECK)


async def report_lock_timeout(context: ActionContext) -> Outcome:
    """Report a lock that is older than Helm may take. It is left in place because its holder may still be alive."""
    assert context.record.newest is not None
    return locked_for_long(context.record.newest, context.field, context.label, context.helm.timeout)


async def until_holder_ends(owned: OwnedRelease | None, release: Release) -> Progressing | None:
    """Return that a release waits for the Helm process of another replica, which holds its lock; None: no live one does."""
    if not (holder := await live_holder(owned)):
        return None
    message = f"A Helm process of the operator with the lease {holder} is working on {release.name} ({release.status})"
    return Progressing(reason=Reason.RELEASE_LOCKED, message=message, requeue_after=LOCK_RECHECK)


def until_helm_ends(helm: Helm, key: str, label: str) -> Progressing | None:
    """Return that the orphaning of a release waits for the operator's Helm; None: none is running. The Helm of a platform ends with it, and would
    leave a lock."""
    run = helm.run_of(key)
    if run is None or run.ended:
        return None
    message = f"Helm is running: {run.verb} {label}; the release is orphaned after it"
    return Progressing(reason=Reason.DELETING, message=message, requeue_after=1.0)


def locked_for_long(newest: Release, field: str, label: str, timeout: float) -> Failed:
    """Return the failure of a release whose lock, its `newest` record, is older than `timeout`, the seconds that Helm may take."""
    return Failed(
        reason=Reason.RELEASE_LOCKED,
        message=f"{field}: {label} has been {newest.status} for more than {timeout / 60:.0f} min, and this operator did not start it",
        remedy="Make sure that no Helm process is running, then remove the lock: "
        f"`kubectl --kubeconfig workload.kubeconfig delete secret {newest.secret_name} -n {newest.namespace}`.",
        retry_in=60,
    )


def _without_retry(remedy: str) -> str:
    kept = remedy.replace(RETRIES, "").strip()
    return f"{kept.rstrip('.')}. " if kept else ""
