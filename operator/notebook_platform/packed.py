"""Packed documents: what is kept between two uses as compressed JSON, smaller than Python objects.

An operator of ten thousand platforms works on a few of them at a time. What the other platforms need again later (the object as last
seen, its status, the items of Azure's lists) is kept in this form. Pure.
"""

import json
import zlib
from typing import Any

LEVEL = 1
"""The fastest of zlib."""


def pack(document: Any) -> bytes:
    """Return a document of JSON types as compressed JSON."""
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), LEVEL)


def unpack(packed: bytes) -> Any:
    """Return the document that was packed; each call returns a new one."""
    return json.loads(zlib.decompress(packed))
