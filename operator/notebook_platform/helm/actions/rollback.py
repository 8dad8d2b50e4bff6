"""Helm failed on what is wanted: the last good revision comes back, so that people can go on."""

from pyhelm3 import Command

from notebook_platform.engine.outcome import Outcome
from notebook_platform.helm.actions.context import Site
from notebook_platform.helm.book import remember
from notebook_platform.helm.claims import hold
from notebook_platform.helm.errors import words_of


async def rollback(site: Site) -> Outcome:
    """Begin to roll back; the failure is counted."""
    bad, good = site.record.newest, site.record.good
    assert bad is not None and good is not None
    await hold(site.api, good)
    await hold(site.api, bad)
    await remember(site.api, site.ledger, bad, good)
    await site.make_way()
    await site.note()
    wanted = site.wanted

    async def work(command: Command) -> None:
        await command.rollback(wanted.name, good.revision, namespace=wanted.namespace, cleanup_on_fail=True)

    sentence = (
        f"Helm brings revision {good.revision} of {wanted.name} back ({good.chart}-{good.chart_version}), "
        f"for revision {bad.revision} failed: {words_of(bad.description)}"
    )
    return site.start("rollback", "RollingBack", sentence, work)
