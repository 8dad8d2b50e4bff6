"""The helm that held the lock died with the operator that started it: its unfinished record goes, then it is done again."""

from kubernetes.aio import client

from notebook_platform.engine.outcome import InProgress, Outcome
from notebook_platform.helm.actions.context import Site
from notebook_platform.observability.metrics import HELM_RUNS


async def unlock(site: Site) -> Outcome:
    """Remove the unfinished record. The next pass finds the revision before it, or none."""
    newest = site.record.newest
    assert newest is not None
    await site.note(recovering=True)
    await client.CoreV1Api(site.api).delete_namespaced_secret(newest.secret_name, newest.namespace)
    HELM_RUNS.labels(action="unlock").inc()
    message = f"Revision {newest.revision} of {newest.name} was left unfinished ({newest.status}) and is written again"
    return InProgress(reason="Recovering", message=message, look_again_in=0.1)
