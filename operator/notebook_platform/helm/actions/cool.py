"""Helm failed on what is wanted, and it is too early to try again."""

from datetime import UTC, datetime

from notebook_platform.engine.outcome import Failed, Outcome
from notebook_platform.helm.actions.context import Site
from notebook_platform.helm.errors import failure
from notebook_platform.helm.state import wait_after


async def cool(site: Site) -> Outcome:
    """Say what helm said, and when it is tried again."""
    failed, newest, now = site.record.last_failure(site.wanted), site.record.newest, datetime.now(UTC)
    assert failed is not None and newest is not None
    tries = site.record.tries(site.wanted)
    due = (failed.last_deployed or now) + wait_after(tries, site.remedies)
    said = failure(failed.description, site.field)
    back = f"; revision {newest.revision} runs meanwhile" if newest.status == "deployed" else ""
    return Failed(
        reason=said.reason,
        message=f"{said.message} (try {tries} of {site.remedies.retries + 1}{back})",
        remedy=said.remedy,
        retry_in=max((due - now).total_seconds(), 0.1),
    )
