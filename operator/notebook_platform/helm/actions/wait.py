"""Somebody else's helm holds the lock, and may be at work."""

from notebook_platform.engine.outcome import InProgress, Outcome
from notebook_platform.helm.actions.context import Site


async def wait(site: Site) -> Outcome:
    """Look again later."""
    assert site.record.newest is not None
    message = f"Somebody else's helm is at work on {site.label} ({site.record.newest.status})"
    return InProgress(reason="ReleaseLocked", message=message, look_again_in=10)
