"""Helm failed on what is wanted as often as `remediation` allows: a person is needed, and is told helm's own words."""

from notebook_platform.engine.outcome import Failed, Outcome
from notebook_platform.helm.actions.context import Site
from notebook_platform.helm.errors import failure


async def give_up(site: Site) -> Outcome:
    """Stalled until the spec or a Secret that it names changes."""
    failed, newest = site.record.last_failure(site.wanted), site.record.newest
    assert failed is not None and newest is not None
    said, tries = failure(failed.description, site.field), site.record.tries(site.wanted)
    notes = [f"tried {tries} times" if tries > 1 else "tried once"]
    if newest.status == "deployed":
        notes.append(f"revision {newest.revision} runs ({newest.chart}-{newest.chart_version})")
    elif site.irreversible and site.remedies.strategy == "Rollback":
        notes.append(f"not rolled back: {site.irreversible}")
    return Failed(
        reason=said.reason,
        message=f"{said.message} ({'; '.join(notes)})",
        remedy=_without_retry(said.remedy) + f"It is tried again when {site.field} or a Secret of it changes.",
        retry_in=None,
    )


def _without_retry(remedy: str) -> str:
    kept = remedy.split("; it is tried again")[0].replace("It is tried again.", "").strip()
    return f"{kept.rstrip('.')}. " if kept else ""
