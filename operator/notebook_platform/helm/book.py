"""Corrections in Helm's own book, the Secret of a revision, where Helm would stumble over what stands there."""

from collections.abc import Callable, Collection
from typing import Any

import yaml
from kubernetes.aio import client

from notebook_platform.bounded.documents import beside_the_loop
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.deprecated_apis import REMOVED, Kind, ageing, kind_of
from notebook_platform.helm.object_client import live
from notebook_platform.helm.ownership import ReleaseLedger
from notebook_platform.helm.release import RecordUnreadable, Release, digest_of, packed, unpacked

Thing = dict[str, Any]


def claims(release: Release) -> dict[tuple[str, str], Thing]:
    """The volume claims of its manifest by (namespace, name)."""
    return {
        (thing["metadata"].get("namespace") or release.namespace, thing["metadata"]["name"]): thing
        for thing in release.objects()
        if thing.get("kind") == "PersistentVolumeClaim"
    }


async def remember(api: client.ApiClient, ledger: ReleaseLedger, bad: Release, good: Release) -> None:
    """Write the volume claims that `bad` dropped and we kept into its manifest.

    A rollback to `good` would otherwise take them for something foreign, and try to unbind them, which the API server refuses.
    """
    dropped = [claim for place, claim in claims(good).items() if place not in claims(bad)]
    if dropped:
        await _write(api, ledger, bad, lambda things: [*things, *dropped])


async def outdated(api: client.ApiClient, release: Release) -> frozenset[Kind]:
    """The kinds in a manifest that the server no longer serves."""
    suspects = ageing(release.objects())
    if not suspects:
        return frozenset()
    async with live(api, release.namespace) as objects:
        things = {kind: {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": "any"}} for kind in suspects}
        return frozenset([kind for kind, thing in things.items() if await objects.place(thing) is None])


async def renew(api: client.ApiClient, ledger: ReleaseLedger, release: Release) -> None:
    """Write the successors of API versions that the server no longer serves into a manifest.

    Helm reads the manifest of the revision before when it upgrades, and refuses when it names a kind that is gone: a cluster that
    was upgraded under a running release could never be upgraded again. https://helm.sh/docs/topics/kubernetes_apis/
    """
    if unserved := await outdated(api, release):
        await _write(api, ledger, release, lambda things: [new for thing in things if (new := _renewed(thing, unserved))])


def _renewed(thing: Thing, unserved: Collection[Kind]) -> Thing | None:
    if (kind := kind_of(thing)) not in unserved:
        return thing
    successor = REMOVED[kind].successor
    return {**thing, "apiVersion": successor} if successor else None


async def _write(
    api: client.ApiClient, ledger: ReleaseLedger, release: Release, change: Callable[[list[Thing]], list[Thing]]
) -> None:
    """Write another manifest into the very record that `release` was read from. The ledger has both digests before that, so that it is ours
    whenever the operator ends. Raises StepError (ReleaseRecordChanged) if the record is another one by now."""
    core = client.CoreV1Api(api)
    secret = await core.read_namespaced_secret(release.secret_name, release.namespace)
    data = (secret.data or {}).get("release") or ""

    def rewritten() -> tuple[str, str, str]:
        document = unpacked(data)
        before = digest_of(document)
        document["manifest"] = yaml.safe_dump_all(change(release.objects()), explicit_start=True, sort_keys=False)
        return before, digest_of(document), packed(document)

    try:
        before, after, text = await beside_the_loop(len(data), rewritten)
    except RecordUnreadable:
        before, after, text = "", "", ""
    if before != release.digest:
        raise StepError(
            "ReleaseRecordChanged",
            f"the Secret {release.secret_name} of namespace {release.namespace} was exchanged while the operator read it",
            f"Find out who may write Secrets in namespace {release.namespace}.",
            retry_in=30,
        )
    place = (release.namespace, release.name)
    await ledger.change(place, lambda owned: owned.with_record(release.revision, after, new=False))
    patch = {"metadata": {"resourceVersion": secret.metadata.resource_version}, "data": {"release": text}}
    await core.patch_namespaced_secret(
        release.secret_name, release.namespace, patch, _content_type="application/merge-patch+json"
    )
