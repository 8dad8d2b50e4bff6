"""Volume claims of a release: no upgrade and no rollback deletes one or loses it without approval.

Helm deletes what the next manifest does not name, unless the live object carries the annotation that keeps it. A claim that is kept but no
longer used, and a StatefulSet with claims that is dropped or renamed, are concerns that a user approves: what replaces them starts with
empty volumes, and by the StatefulSet's retention policy Kubernetes may delete its claims with it.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention
"""

from collections.abc import Collection, Iterator

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.helm.hooks import Place
from notebook_platform.helm.ledger import ReleaseLedger
from notebook_platform.helm.plan import Concern
from notebook_platform.helm.release import Release
from notebook_platform.helm.storage import Manifest, rewrite_manifest
from notebook_platform.paths import at
from notebook_platform.workload.paging import each

KEEP = {"helm.sh/resource-policy": "keep"}
"""https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource"""


def claims_of(release: Release) -> dict[tuple[str, str], Manifest]:
    """Return the volume claims in the manifest of a release by (namespace, name)."""
    return {
        (manifest["metadata"].get("namespace") or release.namespace, manifest["metadata"]["name"]): manifest
        for manifest in release.objects()
        if manifest.get("kind") == "PersistentVolumeClaim"
    }


async def has_claims(api: client.ApiClient, namespace: str, own: Collection[str] = ()) -> bool:
    """Return whether a namespace holds claims beside `own`, the names of those that the release itself creates."""
    core = client.CoreV1Api(api)
    async for claim in each(core.list_namespaced_persistent_volume_claim_without_preload_content, namespace=namespace):
        if claim["metadata"]["name"] not in own:
            return True
    return False


async def without_volume(api: client.ApiClient, release: Release) -> frozenset[Place]:
    """Return the volume claims of a release, as (kind, name), that never had a volume and so hold no data. Raises ApiException."""
    core, found = client.CoreV1Api(api), set()
    for namespace, name in claims_of(release):
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
    """Annotate the live volume claims of a release so that Helm keeps them: it reads the live object when it upgrades and rolls
    back."""
    core, patch = client.CoreV1Api(api), {"metadata": {"annotations": KEEP}}
    for namespace, name in claims_of(release):
        try:
            await core.patch_namespaced_persistent_volume_claim(
                name, namespace, patch, _content_type="application/merge-patch+json"
            )
        except ApiException as error:
            if error.status != 404:
                raise


async def restore_claims(api: client.ApiClient, ledger: ReleaseLedger, bad: Release, good: Release) -> None:
    """Add the volume claims that `bad` dropped and the operator kept to the manifest of `bad`.

    A rollback to `good` would otherwise take them for foreign objects and try to change their binding, which the API server refuses.
    """
    dropped = [claim for place, claim in claims_of(good).items() if place not in claims_of(bad)]
    if dropped:
        await rewrite_manifest(api, ledger, bad, lambda manifests: [*manifests, *dropped])


def dropped_volumes(release: Release, objects: frozenset[Place]) -> Iterator[Concern]:
    """Return one concern for each claim and each StatefulSet with claims in the installed release that is not among the `objects`
    (kind, name) of the next one. Pure."""
    for manifest in release.objects():
        kind, name = str(manifest.get("kind")), str(at(manifest, "metadata", "name"))
        if (kind, name) in objects:
            continue
        if kind == "PersistentVolumeClaim":
            yield Concern(
                clause=f"claim {name} is no longer part of the release, and its volume is no longer used", key=f"{kind} {name}"
            )
        elif kind == "StatefulSet" and at(manifest, "spec", "volumeClaimTemplates"):
            yield Concern(clause=_without(name, manifest), key=f"{kind} {name}")


def _without(name: str, manifest: Manifest) -> str:
    if at(manifest, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete":
        return f"StatefulSet {name} is no longer part of the release, and Kubernetes deletes its volumes with it"
    return f"StatefulSet {name} is no longer part of the release, and its volumes are no longer used"
