"""Rollback: Helm failed on the wanted revision, and returns to the last good one so that users can continue."""

from pyhelm3 import Command

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Outcome, Progressing
from notebook_platform.helm.actions.context import RUN_RECHECK, ActionContext
from notebook_platform.helm.claims import hold, restore_claims
from notebook_platform.helm.errors import words_of


async def rollback(context: ActionContext) -> Outcome:
    """Begin to roll back; the failure is counted."""
    bad, good = context.record.newest, context.record.good
    assert bad is not None and good is not None
    await hold(context.api, good)
    await hold(context.api, bad)
    await restore_claims(context.api, context.ledger, bad, good)
    await context.delete_foreign_records()
    await context.note()
    wanted = context.wanted

    async def work(command: Command) -> None:
        await command.rollback(wanted.name, good.revision, namespace=wanted.namespace, cleanup_on_fail=True)

    sentence = (
        f"Helm rolls {wanted.name} back to revision {good.revision} ({good.chart}-{good.chart_version}), "
        f"because revision {bad.revision} failed: {words_of(bad.description)}"
    )
    context.helm.start(context.key, "rollback", context.access, work)
    return Progressing(reason=Reason.ROLLING_BACK, message=sentence, requeue_after=RUN_RECHECK)
