"""New revisions: Helm installs a release that does not exist, or upgrades one with another chart or other values than wanted."""

from pyhelm3 import Command

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Outcome, Progressing
from notebook_platform.helm.actions.context import RUN_RECHECK, ActionContext
from notebook_platform.helm.claims import hold
from notebook_platform.helm.deprecated_apis import renew
from notebook_platform.helm.hooks import adopt_hook_objects


async def install(context: ActionContext) -> Outcome:
    """Start Helm to install the release."""
    return await _write(context, "install", Reason.INSTALLING)


async def upgrade(context: ActionContext) -> Outcome:
    """Start Helm to upgrade the release. Objects that the new manifest no longer names are deleted, but no volume."""
    assert context.record.newest is not None
    if context.adopting:
        await context.note()  # the record that is rewritten below must be in the ledger
    await hold(context.api, context.record.newest)
    await renew(context.api, context.ledger, context.record.newest)
    await adopt_hook_objects(context.api, context.record.newest, context.hooks)
    return await _write(context, "upgrade", Reason.UPGRADING)


async def _write(context: ActionContext, verb: str, reason: Reason) -> Outcome:
    wanted = context.wanted
    await context.delete_foreign_records()
    await context.note()

    async def work(command: Command) -> None:
        async with context.helm.packages.checked(wanted.chart) as chart:
            await command.install_or_upgrade(
                wanted.name,
                chart.reference,
                dict(wanted.values),
                cleanup_on_fail=True,
                create_namespace=False,
                namespace=wanted.namespace,
                repo=chart.repository,
                version=None if chart.is_archive else chart.version,
                reset_values=True,
            )

    sentence = f"Helm is running: {verb} {wanted.name} ({context.chart}) in {wanted.namespace}"
    context.helm.start(context.key, verb, context.access, work, wanted)
    return Progressing(reason=reason, message=sentence, requeue_after=RUN_RECHECK)
