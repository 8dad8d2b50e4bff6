"""Read release records of Helm, and keep them decoded until their Secret changes.

A record is fetched by name and decoded outside the event loop. What lists them is `helm/storage.py`.
"""

import pickle
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import Any

from kubernetes.aio import client

from notebook_platform.bounded.documents import DocumentRefused, beside_the_loop
from notebook_platform.helm.release import RecordUnreadable, Release, decode
from notebook_platform.kube.existing import existing


@dataclass(frozen=True)
class Stored:
    """The metadata of a Secret that has the name of a release record."""

    namespace: str
    name: str
    uid: str
    version: str
    release: str
    revision: int


class DecodedRecords:
    """A cache of decoded records by the uid of their Secret, each of the version that was read last: the `most` that were used last as they
    are, and packed up to `most_bytes` of them. A packed one takes a thirtieth, and is unpacked faster than it is read again."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._kept: OrderedDict[str, tuple[str, Release]] = OrderedDict()
        self._packed: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._most, self._left = most, most_bytes

    async def get(self, api: client.ApiClient, stored: Stored) -> Release | None:
        """Return a record; None: its Secret was deleted. Raises RecordUnreadable."""
        if stored.uid and (known := await self._known(stored.uid, stored.version)):
            return known
        secret = await existing(client.CoreV1Api(api).read_namespaced_secret(stored.name, stored.namespace))
        if secret is None:
            return None
        found = await decoded(secret, stored.namespace)
        uid, version = secret.metadata.uid or "", secret.metadata.resource_version or ""
        self._pack(uid, version, await beside_the_loop(len(found.manifest), partial(_packed, found)))
        return self._keep(uid, version, found)

    async def _known(self, uid: str, version: str) -> Release | None:
        kept, packed = self._kept.get(uid), self._packed.get(uid)
        if packed is not None:
            self._packed.move_to_end(uid)
        if kept is not None and kept[0] == version:
            return self._keep(uid, version, kept[1])
        if packed is not None and packed[0] == version:
            return self._keep(uid, version, await beside_the_loop(len(packed[1]), partial(_unpacked, packed[1])))
        return None

    def _keep(self, uid: str, version: str, record: Release) -> Release:
        self._kept[uid] = version, record
        self._kept.move_to_end(uid)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return record

    def _pack(self, uid: str, version: str, packed: bytes) -> None:
        before = self._packed.pop(uid, None)
        self._left -= len(packed) - (len(before[1]) if before else 0)
        self._packed[uid] = version, packed
        while self._left < 0:
            self._left += len(self._packed.popitem(last=False)[1][1])


def _packed(record: Release) -> bytes:
    return zlib.compress(pickle.dumps(record), 1)


def _unpacked(packed: bytes) -> Release:
    found: Release = pickle.loads(zlib.decompress(packed))
    return found


RECORDS = DecodedRecords(32, 64 * 2**20)
"""The records of 3,000 hubs (22 KB each), and as they are those of the platforms that are reconciled now."""


async def decoded(secret: Any, namespace: str) -> Release:
    """Decode a Secret and its manifest outside the event loop. Raises RecordUnreadable."""
    data = (secret.data or {}).get("release")
    if not isinstance(data, str):
        raise RecordUnreadable("the Secret has no key `release`")
    return await decoded_from(data, secret.metadata.name, namespace)


async def decoded_from(data: str, name: str, namespace: str) -> Release:
    """Decode the `release` key of the Secret `name` outside the event loop. Raises RecordUnreadable."""
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
