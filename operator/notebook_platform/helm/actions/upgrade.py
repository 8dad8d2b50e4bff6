"""The release has other values or another chart than wanted, or helm failed on it: helm writes a new revision."""

from notebook_platform.engine.outcome import Outcome
from notebook_platform.helm.actions.context import Site
from notebook_platform.helm.actions.install import write
from notebook_platform.helm.book import renew
from notebook_platform.helm.claims import hold
from notebook_platform.helm.hooks import hand_over


async def upgrade(site: Site) -> Outcome:
    """Begin to upgrade. What the new manifest no longer names goes, but no volume."""
    assert site.record.newest is not None
    if site.adopting:
        await site.note()  # what is written into the record below must be known as ours
    await hold(site.api, site.record.newest)
    await renew(site.api, site.ledger, site.record.newest)
    await hand_over(site.api, site.record.newest, site.hooks)
    return await write(site, "upgrade", "Upgrading")
