"""Storage: the Secrets in the workload cluster in which Helm keeps its release records.

Only names and labels are listed. A record is read when it is needed (`helm/record_cache.py`). Whose record it is decides `helm/history.py`;
`helm/release.py` knows the format. `rewrite_manifest` corrects a manifest where Helm would otherwise fail on it.
"""

import base64
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import Budget, DocumentRefused, beside_the_loop
from notebook_platform.bounded.writer import write_yaml_all
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.ledger import ReleaseLedger
from notebook_platform.helm.record_cache import RECORDS, Stored
from notebook_platform.helm.release import (
    AKS_OWN,
    PREFIX,
    RecordUnreadable,
    Release,
    digest_of,
    packed,
    revision_of,
    unpacked,
)
from notebook_platform.kube.metadata_only import METADATA_OF_LIST
from notebook_platform.workload.response import json_of

log = logging.getLogger(__name__)

Manifest = dict[str, Any]
"""A Kubernetes object of a manifest."""

PAGE = 200
METADATA = Budget(bytes=4 * 2**20, nodes=200_000, depth=50)
"""Of one page. A record's metadata has about 1 kB; up to 256 KiB of annotations are allowed."""

MOST_LISTED = 2000
"""Secrets in one list. Beyond this limit our own records are fetched by name."""

MOST_RELEASES = 300
"""Releases of a cluster that are read for `import` and before an upgrade of Kubernetes."""

MOST_REVISIONS = 10
"""Of one release that are read for that: as many as Helm keeps by default (`--history-max`)."""


async def discard(api: client.ApiClient, foreign: Iterable[Stored]) -> None:
    """Delete foreign records of a release of ours; only the very Secrets that were listed. Raises ApiException."""
    core = client.CoreV1Api(api)
    for one in foreign:
        try:
            await core.delete_namespaced_secret(one.name, one.namespace, body={"preconditions": {"uid": one.uid}})
        except ApiException as error:
            if error.status not in (404, 409):
                raise


def record_by_name(namespace: str, release: str, revision: int) -> Stored:
    """Return what is known of a record that was not listed: its name."""
    return Stored(namespace, f"{PREFIX}{release}.v{revision}", "", "", release, revision)


async def list_records(api: client.ApiClient, namespace: str, release: str) -> tuple[list[Stored], bool]:
    """List the Secrets that have the name of a record of this release. Returns (the Secrets, whether the list is complete).

    A tenant may set any label, so labels only narrow the list. Raises ApiException.
    """
    call = partial(client.CoreV1Api(api).list_namespaced_secret_without_preload_content, namespace)
    items, complete = await _pages(call, f"owner=helm,name={release}")
    return [stored for item in items if (stored := _stored(item, release))], complete


def _stored(metadata: Mapping[str, Any], release: str | None = None) -> Stored | None:
    """Parse a Secret's metadata; None: its name is not that of a record (of `release`, if it is given)."""
    name, namespace, uid, version = (str(metadata.get(key) or "") for key in ("name", "namespace", "uid", "resourceVersion"))
    of = release or name.removeprefix(PREFIX).rpartition(".v")[0]
    revision = revision_of(name, of) if of else None
    return Stored(namespace, name, uid, version, of, revision) if revision is not None else None


async def _pages(call: Any, selector: str) -> tuple[list[Mapping[str, Any]], bool]:
    """List Secrets page by page within the budgets. Returns (their metadata, whether the list is complete). Raises ApiException."""
    found: list[Mapping[str, Any]] = []
    token = None
    while len(found) < MOST_LISTED:
        more: dict[str, Any] = {"_continue": token} if token else {}
        answer = await call(
            label_selector=selector, limit=PAGE, _headers={"Accept": METADATA_OF_LIST}, _request_timeout=30, **more
        )
        try:
            page = await json_of(answer, METADATA)
        except DocumentRefused:
            return found, False
        found += [item["metadata"] for item in page.get("items") or ()]
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return found, True
    return found[:MOST_LISTED], False


async def neighbours(api: client.ApiClient, namespace: str, release: str) -> list[Release]:
    """Return the last revision of each other release in a namespace that can be read. Raises ApiException."""
    call = partial(client.CoreV1Api(api).list_namespaced_secret_without_preload_content, namespace)
    items, _ = await _pages(call, f"owner=helm,name!={release}")
    return [last for last, *_ in await _last_of_each(api, items)]


async def releases(api: client.ApiClient) -> list[tuple[Release, ...]]:
    """Return of each release in a cluster, except AKS's own, the last revision that can be read, and after it the last one that Helm completed if
    that is an older one. Raises StepError (ClusterUnreachable)."""
    call = client.CoreV1Api(api).list_secret_for_all_namespaces_without_preload_content
    try:
        items, _ = await _pages(call, "owner=helm")
        return await _last_of_each(api, items, completed=True)
    except (ApiException, TimeoutError, aiohttp.ClientError, OSError) as error:
        raise StepError(
            Reason.CLUSTER_UNREACHABLE, f"the cluster's API did not answer ({type(error).__name__})", "Try again."
        ) from None


async def _last_of_each(
    api: client.ApiClient, items: Iterable[Mapping[str, Any]], *, completed: bool = False
) -> list[tuple[Release, ...]]:
    """Return the last revision of each release. `completed`: and the last one that Helm completed."""
    by_release: dict[tuple[str, str], list[Stored]] = {}
    for stored in filter(None, map(_stored, items)):
        if not stored.release.startswith(AKS_OWN):
            by_release.setdefault((stored.namespace, stored.release), []).append(stored)
    found: list[tuple[Release, ...]] = []
    for revisions in list(by_release.values())[:MOST_RELEASES]:
        newest_first = sorted(revisions, key=lambda stored: stored.revision, reverse=True)
        last = await _read(api, newest_first[0])
        if last is None or last.status == "uninstalled":
            continue
        worked = await _completed(api, newest_first[1:MOST_REVISIONS]) if completed and not last.worked else None
        found.append((last, worked) if worked else (last,))
    return found


async def _completed(api: client.ApiClient, newest_first: Iterable[Stored]) -> Release | None:
    for stored in newest_first:
        if (one := await _read(api, stored)) is not None and one.worked:
            return one
    return None


async def _read(api: client.ApiClient, stored: Stored) -> Release | None:
    try:
        return await RECORDS.get(api, stored)
    except RecordUnreadable as error:
        log.debug("release %s in namespace %s is left out: %s", stored.release, stored.namespace, error)
        return None


def packed_release(body: Any) -> str | None:
    """Return the `release` key of a Secret's body in a request (base64 of what Helm packs); None: it has none. Pure."""
    data = body.get("data") if isinstance(body, dict) else None
    found = data.get("release") if isinstance(data, dict) else None
    if isinstance(found, str):
        return found
    texts = body.get("stringData") if isinstance(body, dict) else None
    text = texts.get("release") if isinstance(texts, dict) else None
    return base64.b64encode(text.encode()).decode() if isinstance(text, str) else None


async def rewrite_manifest(
    api: client.ApiClient, ledger: ReleaseLedger, release: Release, change: Callable[[list[Manifest]], list[Manifest]]
) -> None:
    """Write the changed manifest of a release into the very Secret that `release` was read from.

    The ledger receives the new digest first, so the record is ours whenever the operator is killed. Raises StepError
    (ReleaseRecordChanged) if the Secret holds another record by now, and ApiException.
    """
    core = client.CoreV1Api(api)
    secret = await core.read_namespaced_secret(release.secret_name, release.namespace)
    data = (secret.data or {}).get("release") or ""

    def rewritten() -> tuple[str, str, str]:
        document = unpacked(data)
        before = digest_of(document)
        document["manifest"] = write_yaml_all(change(release.objects()))
        return before, digest_of(document), packed(document)

    try:
        before, after, text = await beside_the_loop(len(data), rewritten)
    except RecordUnreadable:
        before, after, text = "", "", ""
    if before != release.digest:
        raise StepError(
            Reason.RELEASE_RECORD_CHANGED,
            f"the Secret {release.secret_name} of namespace {release.namespace} was replaced while the operator read it",
            f"Check which accounts can write Secrets in namespace {release.namespace}.",
            retry_in=30,
        )
    place = (release.namespace, release.name)
    await ledger.change(place, lambda owned: owned.with_record(release.revision, after, new=False))
    patch = {"metadata": {"resourceVersion": secret.metadata.resource_version}, "data": {"release": text}}
    await core.patch_namespaced_secret(
        release.secret_name, release.namespace, patch, _content_type="application/merge-patch+json"
    )
