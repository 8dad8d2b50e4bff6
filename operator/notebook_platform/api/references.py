"""Which Secrets and ConfigMaps of its namespace a spec refers to, found by the types of its members. A change of one wakes the platform."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from notebook_platform.api.base import LocalRef


def references(spec: BaseModel) -> frozenset[tuple[str, str]]:
    """Return every (kind, name) that a validated spec refers to, at any depth; a chart's free values hold none. Pure."""
    return frozenset(_found(spec))


def _found(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, LocalRef):
        yield node.kind_of_object, node.name
    if isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from _found(getattr(node, name))
    elif isinstance(node, list | tuple):
        for item in node:
            if isinstance(item, BaseModel):
                yield from _found(item)
    elif isinstance(node, Mapping):
        for item in node.values():
            if isinstance(item, BaseModel):
                yield from _found(item)
