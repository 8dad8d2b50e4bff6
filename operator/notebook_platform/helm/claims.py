"""No upgrade and no rollback takes a volume: helm deletes what the next manifest does not name, unless it is told to keep it."""

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.helm.book import claims
from notebook_platform.helm.hooks import Place
from notebook_platform.helm.release import Release

KEEP = {"helm.sh/resource-policy": "keep"}
"""https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource"""


async def without_volume(api: client.ApiClient, release: Release) -> frozenset[Place]:
    """The volume claims of a release, as (kind, name), that never had a volume and so hold no data. Raises ApiException."""
    core, found = client.CoreV1Api(api), set()
    for namespace, name in claims(release):
        try:
            claim = await core.read_namespaced_persistent_volume_claim(name, namespace)
        except ApiException as error:
            if error.status != 404:
                raise
            claim = None
        if claim is None or not claim.spec.volume_name:
            found.add(("PersistentVolumeClaim", name))
    return frozenset(found)


async def hold(api: client.ApiClient, release: Release) -> None:
    """Mark the live volume claims of a release as to be kept. Helm looks at the live object when it upgrades and rolls back."""
    core, patch = client.CoreV1Api(api), {"metadata": {"annotations": KEEP}}
    for namespace, name in claims(release):
        try:
            await core.patch_namespaced_persistent_volume_claim(
                name, namespace, patch, _content_type="application/merge-patch+json"
            )
        except ApiException as error:
            if error.status != 404:
                raise
