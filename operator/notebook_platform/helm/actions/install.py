"""The release is not there: helm installs it."""

from pyhelm3 import Command

from notebook_platform.engine.outcome import Outcome
from notebook_platform.helm.actions.context import Site


async def install(site: Site) -> Outcome:
    """Begin to install."""
    return await write(site, "install", "Installing")


async def write(site: Site, verb: str, reason: str) -> Outcome:
    """Begin a revision with the wanted chart and values."""
    wanted = site.wanted
    await site.make_way()
    await site.note()

    async def work(command: Command) -> None:
        async with site.helm.packages.checked(wanted.chart) as chart:
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

    sentence = f"Helm is at work: {verb} {wanted.name} ({site.chart}) in {wanted.namespace}"
    return site.start(verb, reason, sentence, work, wanted)
