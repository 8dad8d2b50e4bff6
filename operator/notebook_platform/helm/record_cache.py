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
    """A cache of decoded records by the uid and version of their Secret: the `most` that were used last, and packed up to `most_bytes` of
    them. A packed one takes a fiftieth, and is unpacked faster than it is read again."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._kept: OrderedDict[tuple[str, str], Release] = OrderedDict()
        self._packed: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._most, self._left = most, most_bytes

    async def get(self, api: client.ApiClient, stored: Stored) -> Release | None:
        """Return a record; None: its Secret was deleted. Raises RecordUnreadable."""
        key = (stored.uid, stored.version)
        if stored.uid and (known := await self._known(key)):
            return known
        secret = await existing(client.CoreV1Api(api).read_namespaced_secret(stored.name, stored.namespace))
        if secret is None:
            return None
        found = await decoded(secret, stored.namespace)
        key = (secret.metadata.uid or "", secret.metadata.resource_version or "")
        self._pack(key, await beside_the_loop(len(found.manifest), partial(_packed, found)))
        return self._keep(key, found)

    async def _known(self, key: tuple[str, str]) -> Release | None:
        if (packed := self._packed.get(key)) is not None:
            self._packed.move_to_end(key)
        found = self._kept.get(key)
        if found is None and packed is not None:
            found = await beside_the_loop(len(packed), partial(_unpacked, packed))
        return None if found is None else self._keep(key, found)

    def _keep(self, key: tuple[str, str], record: Release) -> Release:
        self._kept[key] = record
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return record

    def _pack(self, key: tuple[str, str], packed: bytes) -> None:
        self._left -= len(packed) - len(self._packed.pop(key, b""))
        self._packed[key] = packed
        while self._left < 0:
            self._left += len(self._packed.popitem(last=False)[1])


def _packed(record: Release) -> bytes:
    return zlib.compress(pickle.dumps(record), 1)


def _unpacked(packed: bytes) -> Release:
    found: Release = pickle.loads(zlib.decompress(packed))
    return found


RECORDS = DecodedRecords(32, 64 * 2**20)
"""The records of 5,000 hubs, and as they are those of the platforms that are reconciled now."""


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
