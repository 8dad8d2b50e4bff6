"""Packed documents: what is kept between two uses as compressed bytes, smaller than Python objects.

An operator of ten thousand platforms works on a few of them at a time. What the other platforms need again later (the object as last
seen, its status, the items of Azure's lists) is kept in this form. Documents of one kind differ in few places, so one of them is zlib's
dictionary for the rest: each is a fifth of what it takes alone, and faster to pack.
"""

import json
import zlib
from typing import Any

LEVEL = 1
"""The fastest of zlib."""

SHORTEST = 128
"""Bytes. A shorter document is no dictionary."""

MOST_DICTIONARIES = 8
"""For one kind of document: they are kept as long as the process runs."""

GOOD, POOR = 0.15, 0.6
"""A document that is packed to less than the first part of its size is like the dictionary. One that takes more than the second part of what
it takes without a dictionary is not, and becomes the next one."""

WINDOW = 32 * 1024
"""Bytes at the end of a dictionary that zlib uses."""


class Packing:
    """Packs documents of one kind. Documents that this instance has packed can be unpacked as long as it exists."""

    def __init__(self) -> None:
        self._dictionary = b""
        self._known: dict[bytes, bytes] = {}

    def pack(self, document: Any) -> bytes:
        """Return a document of JSON types as compressed JSON. Equal documents give equal bytes while the dictionary is the same."""
        return self.compress(json.dumps(document, separators=(",", ":")).encode())

    def unpack(self, packed: bytes) -> Any:
        """Return the document that was packed; each call returns a new one."""
        return json.loads(self.decompress(packed))

    def compress(self, text: bytes) -> bytes:
        """Return compressed bytes."""
        packed = _compressed(text, self._dictionary)
        if len(self._known) == MOST_DICTIONARIES or len(text) < SHORTEST or self._is_good(text, packed):
            return packed
        dictionary = text[-WINDOW:]
        if self._known.setdefault(zlib.adler32(dictionary).to_bytes(4, "big"), dictionary) != dictionary:
            return packed  # zlib names a dictionary by its checksum alone, and an author can make a document with any
        self._dictionary = dictionary
        return _compressed(text, dictionary)

    def _is_good(self, text: bytes, packed: bytes) -> bool:
        if not self._dictionary:
            return False
        return len(packed) < GOOD * len(text) or len(packed) < POOR * len(_compressed(text, b""))

    def decompress(self, packed: bytes) -> bytes:
        """Return the bytes that were compressed."""
        dictionary = self._known[packed[2:6]] if packed[1] & HAS_DICTIONARY else b""
        return zlib.decompressobj(zdict=dictionary).decompress(packed)


HAS_DICTIONARY = 0x20
"""The bit of zlib's second byte that says that the checksum of a dictionary follows (RFC 1950, FDICT)."""


def _compressed(text: bytes, dictionary: bytes) -> bytes:
    if not dictionary:
        return zlib.compress(text, LEVEL)
    work = zlib.compressobj(LEVEL, zdict=dictionary)
    return work.compress(text) + work.flush()
