"""Read a document by the path of a member: charts' values, manifests, ARM bodies, patches. Pure."""

from collections.abc import Mapping
from typing import Any


def at(document: Any, *path: str) -> Any:
    """Return the value at a path; None when there is none."""
    node = document
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
