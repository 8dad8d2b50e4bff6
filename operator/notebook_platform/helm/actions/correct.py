"""Live objects are not what the manifest says: the members that differ are written, and no others."""

from notebook_platform.engine.outcome import Done, Outcome
from notebook_platform.helm.actions.context import Site
from notebook_platform.helm.drift import put_right


async def correct(site: Site) -> Outcome:
    """Put right what may be. Raises Refused (DriftNotCorrectable)."""
    assert site.record.newest is not None
    await put_right(site.api, site.record.newest, site.paths, site.field)
    return Done()
