"""One secret value as the indexes of `SecretRedactor` hold it: as entries while its platform is reconciled, packed in between."""

import pickle
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from notebook_platform.kube.substrings import GRAM, Entry

Place = tuple[str, str]
"""The name of a Secret, and a key in it."""


@dataclass(slots=True)
class SearchedValue:
    """One value of one key of a Secret, as the two indexes hold it. `last_used`: when it was last read, on the redactor's clock."""

    leaves: int
    last_used: float
    own: list[Entry] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)


def pack_values(values: dict[Place, dict[int, SearchedValue]]) -> bytes:
    """Return all values of one platform, by their hash, in one piece: their entries as grams, lengths and keys. No dictionary of zlib's is
    used: it would keep what belongs to one platform as long as the process runs."""
    packed = []
    for place, kept in values.items():
        for digest, value in kept.items():
            lengths, keys = array("h", (one.length for one in value.own)), array("q", (one.key for one in value.own))
            entries = "".join(one.gram for one in value.own), lengths.tobytes(), keys.tobytes()
            packed.append((place, digest, value.leaves, value.last_used, entries))
    return zlib.compress(pickle.dumps(packed), 1)


def unpack_values(packed: bytes) -> Iterator[tuple[Place, int, SearchedValue, Iterator[Entry]]]:
    """Yield the place and the hash of each packed value, the value without entries, and its entries."""
    for place, digest, leaves, last_used, entries in pickle.loads(zlib.decompress(packed)):
        yield place, digest, SearchedValue(leaves, last_used), _entries(*entries)


def _entries(grams: str, lengths: bytes, keys: bytes) -> Iterator[Entry]:
    starts = range(0, len(grams), GRAM)
    for start, length, key in zip(starts, array("h", lengths), array("q", keys), strict=True):
        yield Entry(grams[start : start + GRAM], length, key)
