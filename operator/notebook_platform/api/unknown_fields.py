"""Find the members of a NotebookPlatform that the API does not know: misspelt, or at the wrong indentation. Pure.

`kubectl apply` refuses them (strict validation). The models ignore them, as the API server does without it, so a command that reads a
file without an API server would ignore what its author has misplaced.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from notebook_platform.api.crd import crd
from notebook_platform.api.patches import KEEP_UNKNOWN

INDEX = re.compile(r"\[\d+\]")


def unknown_fields(document: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each member that the schema does not have, with the known path that its author may mean."""
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    known = {path: path.rpartition(".")[2] for path in _paths(schema, "") if not path.startswith("status")}
    return [_sentence(path, known) for path in _unknown(document, schema, "")]


def _unknown(node: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the paths of a value that its schema does not know. A map of free keys, and a part that keeps unknown members, have none."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _unknown(item, schema.get("items", {}), f"{path}[{number}]")
    elif isinstance(node, Mapping) and "properties" in schema:
        for name, value in node.items():
            here = _joined(path, name)
            if name in schema["properties"]:
                yield from _unknown(value, schema["properties"][name], here)
            elif not schema.get(KEEP_UNKNOWN):
                yield here


def _paths(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the path of each member of a schema; `[]` is each item of a list."""
    if "items" in schema:
        yield from _paths(schema["items"], f"{path}[]")
    for name, child in schema.get("properties", {}).items():
        yield _joined(path, name)
        yield from _paths(child, _joined(path, name))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _sentence(path: str, known: Mapping[str, str]) -> str:
    """Return what is wrong with an unknown path: a name that is known above or below is at the wrong indentation; otherwise a similar
    one beside it may be meant."""
    parent, _, name = INDEX.sub("[]", path).rpartition(".")
    moved = [one for one, last in known.items() if last == name and _on_one_branch(one.rpartition(".")[0], parent)]
    if moved:
        return f"{path} is not a field, {min(moved, key=_depth)} is: correct the indentation"
    beside = [last for one, last in known.items() if one.rpartition(".")[0] == parent]
    alike = get_close_matches(name, beside, 1)
    return f"{path} is not a field" + (f"; similar: {alike[0]}" if alike else "")


def _on_one_branch(one: str, other: str) -> bool:
    """Return whether one of two paths contains the other."""
    return f"{one}.".startswith(f"{other}." if other else "") or f"{other}.".startswith(f"{one}.")


def _depth(path: str) -> tuple[int, int]:
    return path.count("[]"), path.count(".")
