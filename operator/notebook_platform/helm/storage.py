"""Reads Helm's records from the built cluster and tells the operator's own from what others put there.

Only names and labels are listed; a record is fetched by name when it is needed, decoded beside the event loop and kept as long as its
Secret does not change. A record counts as ours when its digest stands in the ledger (`helm/ownership.py`); any other one is foreign: it can
hold a lock, and nothing more.
"""

import base64
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.bounded.documents import Budget, DocumentRefused, beside_the_loop, read_json
from notebook_platform.engine.outcome import Failed, StepError
from notebook_platform.helm.ownership import OwnedRelease
from notebook_platform.helm.release import AKS_OWN, PREFIX, RecordUnreadable, Release, decode, revision_of

log = logging.getLogger(__name__)

PAGE = 200
METADATA = Budget(bytes=4 * 2**20, nodes=200_000, depth=50)
"""Of one page. A record's metadata has about 1 kB; up to 256 KiB of annotations are allowed."""

MOST_LISTED = 2000
"""Secrets of one list. What is beyond is not listed; our own records are then fetched by name."""

MOST_RELEASES = 300
"""Releases of a cluster that are read for `import` and before an upgrade of Kubernetes."""

FOREIGN_READ = 3
"""Records of others that are read of a release, newest first."""

ONLY_METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
"""https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-partialobjectmetadata"""


@dataclass(frozen=True)
class Stored:
    """A Secret that looks like a record of Helm's, by its metadata."""

    namespace: str
    name: str
    uid: str
    version: str
    release: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class History:
    """The records of one release.

    Attributes:
        own: the newest record of ours; for a release that nobody owns, the newest one that can be read.
        lock: a newer record of another helm that is at work, or was.
        good: the last revision of ours before `own` that worked; only looked for when `own` failed.
        failed: the revision that was counted as a failure.
        foreign: Secrets that have the name of a record of this release and are none of ours, newest first.
        there: the revisions that Secrets exist of.
        unreadable: a Secret that cannot be decoded, with the rule that it breaks; of a release that nobody owns.
    """

    own: Release | None = None
    lock: Release | None = None
    good: Release | None = None
    failed: Release | None = None
    foreign: Sequence[Stored] = ()
    there: frozenset[int] = frozenset()
    unreadable: str = ""

    @property
    def newest(self) -> Release | None:
        """The record that says how the release stands: a lock counts before what we wrote."""
        return self.lock or self.own

    @property
    def present(self) -> bool:
        """Whether there is any record of it, readable or not."""
        return bool(self.there)


class _Decoded:
    """Records that were decoded, by their Secret's uid and version; the last `most`."""

    def __init__(self, most: int) -> None:
        self._kept: OrderedDict[tuple[str, str], Release] = OrderedDict()
        self._most = most

    async def get(self, api: client.ApiClient, stored: Stored) -> Release | None:
        """The record; None when its Secret is gone. Raises RecordUnreadable."""
        key = (stored.uid, stored.version)
        if stored.uid and (known := self._kept.get(key)):
            self._kept.move_to_end(key)
            return known
        try:
            secret = await client.CoreV1Api(api).read_namespaced_secret(stored.name, stored.namespace)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        found = await decoded(secret, stored.namespace)
        self._kept[(secret.metadata.uid or "", secret.metadata.resource_version or "")] = found
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found


RECORDS = _Decoded(128)


async def decoded(secret: Any, namespace: str) -> Release:
    """Decode a Secret beside the event loop, its manifest too. Raises RecordUnreadable."""
    data = (secret.data or {}).get("release")
    if not isinstance(data, str):
        raise RecordUnreadable("the Secret has no key `release`")
    return await decoded_from(data, secret.metadata.name, namespace)


async def decoded_from(data: str, name: str, namespace: str) -> Release:
    """Decode the `release` key of the Secret `name` beside the event loop. Raises RecordUnreadable."""
    found = await beside_the_loop(len(data), partial(_whole, data, name))
    if found.namespace != namespace:
        raise RecordUnreadable("the record names another namespace than its Secret's")
    return found


def _whole(data: str, name: str) -> Release:
    found = decode(data, name)
    try:
        found.objects(), found.hook_objects()
    except DocumentRefused as error:
        raise RecordUnreadable(f"its manifest is refused: {error}") from None
    return found


async def history(api: client.ApiClient, namespace: str, release: str, owned: OwnedRelease | None) -> History:
    """The records of a release as the ledger has it; None: nobody owns it. Raises ApiException."""
    stored, complete = await _listed(api, namespace, release)
    if owned is None:
        return await _unowned(api, stored)
    if not complete:
        listed = {one.revision for one in stored}
        missing = [number for number in owned.revisions if number not in listed]
        stored = [*stored, *(_by_name(namespace, release, number) for number in missing)]
    stored.sort(key=lambda one: -one.revision)
    ours = [one for one in stored if one.revision in owned.revisions]
    foreign = {one.name: one for one in stored if one.revision not in owned.revisions}
    own = None
    for one in ours:
        own = await _verified(api, one, owned)
        if own is not None:
            break
        foreign[one.name] = one
    newer = sorted(foreign.values(), key=lambda one: -one.revision)
    older = [one for one in ours if own is not None and one.revision < own.revision]
    good = await _good(api, older, owned) if own is not None and own.status == "failed" else None
    failed = [one for one in ours if one.revision == owned.failed]
    return History(
        own=own,
        lock=await _lock(api, newer, own.revision if own else 0),
        good=good,
        failed=await _verified(api, failed[0], owned) if failed else None,
        foreign=newer,
        there=frozenset(one.revision for one in stored),
    )


async def _verified(api: client.ApiClient, stored: Stored, owned: OwnedRelease) -> Release | None:
    try:
        found = await RECORDS.get(api, stored)
    except RecordUnreadable as error:
        log.debug("%s/%s: %s", stored.namespace, stored.name, error)
        return None
    return found if found is not None and owned.wrote(found.revision, found.digest) else None


async def _good(api: client.ApiClient, older: Iterable[Stored], owned: OwnedRelease) -> Release | None:
    """The last revision that our own helm wrote and that worked: an adopted one is not returned to, for its content is unproven."""
    for one in older:
        if one.revision in owned.adopted:
            continue
        found = await _verified(api, one, owned)
        if found is not None and found.worked:
            return found
    return None


async def _lock(api: client.ApiClient, foreign: Iterable[Stored], newest: int) -> Release | None:
    """A foreign record newer than ours that says another helm is at work. A forged one holds the release up, and that is all it can."""
    for one in [one for one in foreign if one.revision > newest][:FOREIGN_READ]:
        try:
            found = await RECORDS.get(api, one)
        except RecordUnreadable:
            continue
        if found is not None and found.pending:
            return found
    return None


async def _unowned(api: client.ApiClient, stored: Sequence[Stored]) -> History:
    """Of a release that nobody owns: what a person may have the operator adopt."""
    there = frozenset(one.revision for one in stored)
    newest_first = sorted(stored, key=lambda one: -one.revision)
    for one in newest_first[:1]:
        try:
            own = await RECORDS.get(api, one)
        except RecordUnreadable as error:
            return History(there=there, foreign=newest_first, unreadable=f"Secret {one.name}: {error}")
        good = None
        if own is not None and own.status not in ("deployed", "uninstalled"):
            good = await _deployed(api, newest_first[1:])
        return History(own=own, good=good, there=there)
    return History()


async def _deployed(api: client.ApiClient, stored: Iterable[Stored]) -> Release | None:
    """The revision that runs while a newer one failed: helm upgrades from it."""
    for one in list(stored)[:FOREIGN_READ]:
        try:
            found = await RECORDS.get(api, one)
        except RecordUnreadable:
            continue
        if found is not None and found.status == "deployed":
            return found
    return None


def changed(history: History, owned: OwnedRelease | None, field: str, label: str) -> Failed | None:
    """The failure that means: there are records of a release of ours, and none is as the operator's helm wrote it. Pure.

    Its objects are not known then, so nothing of it is changed or removed. What runs goes on.
    """
    if owned is None or history.newest is not None or not history.foreign:
        return None
    names = ", ".join(one.name for one in history.foreign[:3])
    more = f" and {len(history.foreign) - 3} more" if len(history.foreign) > 3 else ""
    namespace = history.foreign[0].namespace
    return Failed(
        reason="ReleaseRecordChanged",
        message=f"{field}: no record of {label} is as the operator's helm wrote it (Secret {names}{more} of namespace {namespace})",
        remedy=f"Find out who may write Secrets in namespace {namespace}. Restore the Secret from a backup; or delete it, and the release "
        "is installed anew over its objects, with its volumes.",
        retry_in=20,
    )


async def discard(api: client.ApiClient, foreign: Iterable[Stored]) -> None:
    """Delete records of a release of ours that another helm, or no helm, wrote; only the very Secrets that were listed."""
    core = client.CoreV1Api(api)
    for one in foreign:
        try:
            await core.delete_namespaced_secret(one.name, one.namespace, body={"preconditions": {"uid": one.uid}})
        except ApiException as error:
            if error.status not in (404, 409):
                raise


def _by_name(namespace: str, release: str, revision: int) -> Stored:
    return Stored(namespace, f"{PREFIX}{release}.v{revision}", "", "", release, revision)


async def _listed(api: client.ApiClient, namespace: str, release: str) -> tuple[list[Stored], bool]:
    """(Secrets named as records of this release, whether these are all). Labels are a tenant's word and only narrow the list."""
    call = partial(client.CoreV1Api(api).list_namespaced_secret_without_preload_content, namespace)
    items, complete = await _pages(call, f"owner=helm,name={release}")
    return [stored for item in items if (stored := _stored(item, release))], complete


def _stored(metadata: Mapping[str, Any], release: str | None = None) -> Stored | None:
    """A Secret by its metadata; None: its name is not that of a record (of `release`, if one is named)."""
    name, namespace, uid, version = (str(metadata.get(key) or "") for key in ("name", "namespace", "uid", "resourceVersion"))
    of = release or name.removeprefix(PREFIX).rpartition(".v")[0]
    revision = revision_of(name, of) if of else None
    return Stored(namespace, name, uid, version, of, revision) if revision is not None else None


async def _pages(call: Any, selector: str) -> tuple[list[Mapping[str, Any]], bool]:
    """(the metadata of the Secrets, whether these are all): page by page, so far as the budgets allow. Raises ApiException."""
    found: list[Mapping[str, Any]] = []
    token = None
    while len(found) < MOST_LISTED:
        more: dict[str, Any] = {"_continue": token} if token else {}
        answer = await call(label_selector=selector, limit=PAGE, _headers=dict(ONLY_METADATA), _request_timeout=30, **more)
        body = await answer.read()
        if answer.status != 200:
            raise ApiException(status=answer.status, reason=answer.reason)
        try:
            page = await read_json(body, METADATA)
        except DocumentRefused:
            return found, False
        found += [item["metadata"] for item in page.get("items") or ()]
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return found, True
    return found[:MOST_LISTED], False


async def neighbours(api: client.ApiClient, namespace: str, release: str) -> list[Release]:
    """The last revision of the other releases in a namespace, so far as they can be read."""
    call = partial(client.CoreV1Api(api).list_namespaced_secret_without_preload_content, namespace)
    items, _ = await _pages(call, f"owner=helm,name!={release}")
    return await _last_of_each(api, items)


async def releases(api: client.ApiClient) -> list[Release]:
    """The last revision of every release in a cluster that can be read, but for AKS's own. Raises StepError (ClusterUnreachable)."""
    call = client.CoreV1Api(api).list_secret_for_all_namespaces_without_preload_content
    try:
        items, _ = await _pages(call, "owner=helm")
        return await _last_of_each(api, items)
    except (ApiException, TimeoutError, aiohttp.ClientError, OSError) as error:
        raise StepError(
            "ClusterUnreachable", f"the cluster's API did not answer ({type(error).__name__})", "Try again."
        ) from None


async def _last_of_each(api: client.ApiClient, items: Iterable[Any]) -> list[Release]:
    last: dict[tuple[str, str], Stored] = {}
    for stored in filter(None, map(_stored, items)):
        known = last.get((stored.namespace, stored.release))
        if not stored.release.startswith(AKS_OWN) and (known is None or known.revision < stored.revision):
            last[stored.namespace, stored.release] = stored
    found: list[Release] = []
    for stored in list(last.values())[:MOST_RELEASES]:
        try:
            one = await RECORDS.get(api, stored)
        except RecordUnreadable as error:
            log.debug("release %s in namespace %s is left out: %s", stored.release, stored.namespace, error)
            continue
        if one is not None and one.status != "uninstalled":
            found.append(one)
    return found


def packed_release(body: Any) -> str | None:
    """The `release` key in a Secret's body as it is sent (base64 of what Helm packs); None: it has none. Pure."""
    data = body.get("data") if isinstance(body, dict) else None
    found = data.get("release") if isinstance(data, dict) else None
    if isinstance(found, str):
        return found
    texts = body.get("stringData") if isinstance(body, dict) else None
    text = texts.get("release") if isinstance(texts, dict) else None
    return base64.b64encode(text.encode()).decode() if isinstance(text, str) else None
