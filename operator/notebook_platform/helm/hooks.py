"""How far the hooks of a chart are, while helm waits for them."""

from typing import Any

from kubernetes.aio import client

HOOK = "helm.sh/hook"


async def progress(api: client.ApiClient, namespace: str) -> str | None:
    """The hook Jobs that run, in a sentence."""
    jobs = (await client.BatchV1Api(api).list_namespaced_job(namespace)).items
    running = [job for job in jobs if _is_hook(job) and job.status.active]
    return "; ".join(map(_sentence, running)) or None


def _is_hook(thing: Any) -> bool:
    return HOOK in (thing.metadata.annotations or {})


def _sentence(job: Any) -> str:
    kind = job.metadata.annotations[HOOK].split(",")[-1].strip()
    failed = f", failed {job.status.failed} times so far" if job.status.failed else ""
    return f"waits for the {kind} Job {job.metadata.name}{failed}"
