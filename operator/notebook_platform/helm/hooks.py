"""Hooks of a chart: their progress while Helm waits for them, and the objects of hooks that become part of a newer chart."""

from collections.abc import Collection
from typing import Any

from kubernetes.aio import client

from notebook_platform.helm.object_client import Live
from notebook_platform.helm.release import RELEASE_NAME, Release, with_helm_metadata

HOOK = "helm.sh/hook"


async def progress(api: client.ApiClient, namespace: str) -> str | None:
    """Return the running hook Jobs in a sentence."""
    jobs = (await client.BatchV1Api(api).list_namespaced_job(namespace)).items
    running = [job for job in jobs if _is_hook(job) and job.status.active]
    return "; ".join(map(_sentence, running)) or None


def _is_hook(manifest: Any) -> bool:
    return HOOK in (manifest.metadata.annotations or {})


def _sentence(job: Any) -> str:
    kind = job.metadata.annotations[HOOK].split(",")[-1].strip()
    failed = f", failed {job.status.failed} times so far" if job.status.failed else ""
    return f"waits for the {kind} Job {job.metadata.name}{failed}"


Place = tuple[str, str]
"""(kind, name)"""


def hook_objects_to_adopt(release: Release, objects: Collection[Place]) -> tuple[Place, ...]:
    """Return the objects that a hook of the last revision created and the next revision includes. Pure."""
    hooks = ((manifest["kind"], manifest["metadata"]["name"]) for manifest in release.hook_objects())
    return tuple(sorted({place for place in hooks if place in objects}))


async def adopt_hook_objects(api: client.ApiClient, release: Release, places: Collection[Place]) -> None:
    """Add the release's ownership annotations to objects that hooks created: without them Helm refuses to upgrade the objects.
    Objects with another release's annotations are left unchanged.

    Example: the PriorityClasses of z2jh's charts before 1 (https://github.com/jupyterhub/zero-to-jupyterhub-k8s/issues/2526).
    """
    if not places:
        return
    objects = Live(api, release.namespace)
    for manifest in release.hook_objects():
        here = manifest["metadata"].get("namespace") in (None, "", release.namespace)
        found = await objects.get(manifest) if here and (manifest["kind"], manifest["metadata"]["name"]) in places else None
        if found is None or RELEASE_NAME in (found["metadata"].get("annotations") or {}):
            continue
        await objects.replace(with_helm_metadata(found, release))
