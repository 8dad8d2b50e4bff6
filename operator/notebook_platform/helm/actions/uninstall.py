"""Uninstallation of a release that is no longer wanted. Objects of its hooks are recorded first, because Helm leaves them
behind."""

from collections.abc import Collection

from kubernetes.aio import client
from pyhelm3 import Command

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Outcome, Progressing
from notebook_platform.helm.actions.context import MOST_DISCARDED, RUN_RECHECK
from notebook_platform.helm.actions.waiting import until_holder_ends
from notebook_platform.helm.errors import failure
from notebook_platform.helm.history import History
from notebook_platform.helm.ledger import MOST_LEFTOVERS, OwnedRelease, Place, Reference, ReleaseLedger
from notebook_platform.helm.object_client import Live
from notebook_platform.helm.ownership import remove_owner
from notebook_platform.helm.record_proxy import Access
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.storage import discard

HOOK = "helm.sh/hook"


async def uninstall(
    helm: Helm, api: client.ApiClient, ledger: ReleaseLedger, key: str, release: Release, *, once: bool = False
) -> Outcome:
    """Begin to uninstall a release whose newest record is ours. Hooks of an adopted record are not run, because
    nothing proves that they are the release's. `once`: after a failure Helm is not started again for a while; a cluster that is deleted
    does not wait for releases that cannot be uninstalled."""
    place = (release.namespace, release.name)
    if once and (failed := helm.failed_uninstallation(key)):
        return failure(failed.words, f"release {release.name} of {release.namespace}")
    owned = ledger.release(place)
    if release.pending and (waits := await until_holder_ends(owned, release)):
        return waits
    unproven = owned is not None and release.revision in owned.adopted
    leftovers = () if unproven else _references(release)
    await ledger.change(place, lambda entry: entry.having(leftovers=leftovers, removing=True))

    async def work(command: Command) -> None:
        await command.uninstall(release.name, namespace=release.namespace, no_hooks=unproven)

    helm.start(key, "uninstall", Access(api=api, ledger=ledger, place=place), work)
    message = f"Helm is running: uninstall {release.name} from {release.namespace}"
    return Progressing(reason=Reason.UNINSTALLING, message=message, requeue_after=RUN_RECHECK)


def _references(release: Release) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            apiVersion=manifest["apiVersion"],
            kind=manifest["kind"],
            name=manifest["metadata"]["name"],
            namespace=manifest["metadata"].get("namespace") or release.namespace,
        )
        for manifest in release.hook_objects()[:MOST_LEFTOVERS]
    )


async def finish(
    api: client.ApiClient,
    ledger: ReleaseLedger,
    place: Place,
    owned: OwnedRelease,
    kept: History,
    *,
    with_data: bool,
    wanted: Collection[Place] = (),
) -> None:
    """Remove what helm leaves of an uninstalled release: what its hooks made, foreign records, the marker and the
    namespace, if the operator created that and no `wanted` release of the spec is to be in it. The ledger forgets the release last."""
    namespace, release = place
    created = ledger.namespace(namespace) if all(other[0] != namespace for other in wanted) else None
    await delete_hook_leftovers(api, namespace, owned)
    await discard(api, list(kept.foreign)[:MOST_DISCARDED])
    await remove_owner(api, namespace, release, created=created, with_data=with_data)
    await ledger.forget(place, wanted=wanted)


async def delete_hook_leftovers(api: client.ApiClient, namespace: str, owned: OwnedRelease) -> None:
    """Delete what the hooks of an uninstalled release left behind; an object without the hook annotation is kept."""
    if not owned.leftovers:
        return
    objects = Live(api, namespace)
    for one in owned.leftovers:
        metadata = {"name": one.name, "namespace": one.namespace}
        manifest = {"apiVersion": one.apiVersion, "kind": one.kind, "metadata": metadata}
        found = await objects.get(manifest)
        if found is not None and HOOK in (found["metadata"].get("annotations") or {}):
            await objects.delete(manifest)
