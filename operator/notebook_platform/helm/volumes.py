"""No upgrade and no rollback takes a volume: helm deletes what the next manifest does not name, unless it is told to keep it."""

from typing import Any

import yaml
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.helm.release import Release, packed, unpacked

KEEP = {"helm.sh/resource-policy": "keep"}
"""https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource"""


async def hold(api: client.ApiClient, release: Release) -> None:
    """Mark the live volume claims of a release as to be kept. Helm looks at the live object when it upgrades and rolls back."""
    core, patch = client.CoreV1Api(api), {"metadata": {"annotations": KEEP}}
    for namespace, name in _claims(release):
        try:
            await core.patch_namespaced_persistent_volume_claim(
                name, namespace, patch, _content_type="application/merge-patch+json"
            )
        except ApiException as error:
            if error.status != 404:
                raise


def _claims(release: Release) -> dict[tuple[str, str], dict[str, Any]]:
    """The volume claims of its manifest by (namespace, name)."""
    return {
        (thing["metadata"].get("namespace") or release.namespace, thing["metadata"]["name"]): thing
        for thing in release.objects()
        if thing.get("kind") == "PersistentVolumeClaim"
    }


async def remember(api: client.ApiClient, bad: Release, good: Release) -> None:
    """Write the volume claims that `bad` dropped and we kept into its manifest in Helm's book.

    A rollback to `good` would otherwise take them for something foreign, and try to unbind them, which the API server refuses.
    """
    dropped = [claim for place, claim in _claims(good).items() if place not in _claims(bad)]
    if not dropped:
        return
    core = client.CoreV1Api(api)
    secret = await core.read_namespaced_secret(bad.secret_name, bad.namespace)
    document = unpacked(secret.data["release"])
    document["manifest"] += "".join(f"\n---\n{yaml.safe_dump(claim)}" for claim in dropped)
    patch = {"metadata": {"resourceVersion": secret.metadata.resource_version}, "data": {"release": packed(document)}}
    await core.patch_namespaced_secret(bad.secret_name, bad.namespace, patch, _content_type="application/merge-patch+json")
