"""JSON merge patch (https://www.rfc-editor.org/rfc/rfc7396): changes of a document, written as the members that differ. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Keys = tuple[str, ...]
"""A path in a document, member by member."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the document `target` with the patch applied: objects are merged, null removes a member, all else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def combined(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two patches as one; members of `over` take precedence."""
    found = dict(under)
    for key, value in over.items():
        inner = found.get(key)
        found[key] = combined(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return found


def with_absent(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patched document with None for each member that the patch removes: `compare` reads it as absent."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result[key] = None
        elif isinstance(value, Mapping):
            result[key] = with_absent(result.get(key) or {}, value)
    return result


def without_absent(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document without members that are None: the body of a write. Lists stay as they are."""
    return {
        key: without_absent(value) if isinstance(value, Mapping) else value
        for key, value in document.items()
        if value is not None
    }


def leaves(patch: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield the path and the value of each member that the patch sets or removes; a list or an empty object is one value."""
    for key, value in patch.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def sets(patch: Mapping[str, Any], keys: Keys) -> bool:
    """Return whether the patch sets the member at this path, an object that holds it, or something in it."""
    node: Any = patch
    for key in keys:
        if not isinstance(node, Mapping):
            return True
        if key not in node:
            return False
        node = node[key]
    return True
