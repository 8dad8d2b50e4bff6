"""Somebody else's helm holds the lock for longer than helm may take. It may not be broken: that it is dead cannot be known from here."""

from notebook_platform.engine.outcome import Failed, Outcome
from notebook_platform.helm.actions.context import Site


async def report(site: Site) -> Outcome:
    """Say so."""
    newest = site.record.newest
    assert newest is not None
    minutes = site.helm.timeout / 60
    return Failed(
        reason="ReleaseLocked",
        message=f"{site.field}: {site.label} is {newest.status} for more than {minutes:.0f} min, and not by this operator",
        remedy=f"See that no helm is at work, then delete the Secret {newest.secret_name} in namespace {newest.namespace}.",
        retry_in=60,
    )
