"""The difference between two CustomResourceDefinitions: the one of a cluster and the one of this version.

An administrator reads it before an upgrade or a rollback: which fields are added, changed and removed, and what that means for the
NotebookPlatforms that are stored. `notebook-platform crd --diff` prints it. Pure: both definitions are plain data.

Sources: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/ for pruning, defaults and the
ratcheting of validation.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["added", "changed", "removed"]
Node = Mapping[str, Any]

UNCHANGED = "Stored objects are unchanged."
DEFAULTED = "Stored objects without it read as if they had the default."
DROPPED = "Stored values are dropped from an object when it is next written."
RATCHETED = "A stored object that violates it is accepted while the value is unchanged (Kubernetes 1.30 or later), and rejected when it changes."
REQUIRED = "A stored object without it is rejected at its next write: set the field first."
RETYPED = "A stored value of the other type is rejected at the object's next write: change the value first."
NEW_DEFAULT = "Stored objects without a value read with the new default."
NOT_STORED = "It concerns requests and the output of kubectl; stored objects are unchanged."
STORED_VERSION = "The API server refuses it while status.storedVersions of the CustomResourceDefinition names the version: migrate objects first."
FIXED = "The API server refuses to change it: stored objects belong to the old value."

LOWER_IS_STRICTER = frozenset({"maximum", "maxLength", "maxItems", "maxProperties"})
HIGHER_IS_STRICTER = frozenset({"minimum", "minLength", "minItems", "minProperties"})
RULES = "x-kubernetes-validations"
CHILDREN = ("properties", "items", "additionalProperties")
SEPARATE = frozenset({*CHILDREN, "description", "required", "type", "default", "enum", RULES})
"""Members of a schema that have a comparison of their own. Any other member is compared as a limit."""


@dataclass(frozen=True)
class Difference:
    """One line: what differs at a path, and what it means for stored objects."""

    kind: Kind
    path: str
    text: str
    meaning: str


@dataclass(frozen=True)
class Comparison:
    """All differences, and the number of descriptions that differ, which change no object."""

    differences: tuple[Difference, ...]
    descriptions: int = 0

    @property
    def same(self) -> bool:
        """Return whether applying the definition would change nothing but descriptions."""
        return not self.differences and not self.descriptions

    def count(self, kind: Kind) -> int:
        """Return the number of differences of a kind."""
        return sum(one.kind == kind for one in self.differences)


def compare(cluster: Node, wanted: Node) -> Comparison:
    """Return what applying `wanted` would change in `cluster`; both are whole CustomResourceDefinitions as JSON has them."""
    old, new = cluster.get("spec", {}), wanted["spec"]
    found = [
        Difference("changed", name, _change(old.get(name), new[name]), FIXED)
        for name in ("group", "scope")
        if old.get(name) != new[name]
    ]
    found += _named(old.get("names", {}), new["names"], "names")
    before = {one["name"]: one for one in old.get("versions", ())}
    after = {one["name"]: one for one in new["versions"]}
    found += [
        Difference("removed", f"version {name}", "is no longer served", STORED_VERSION) for name in before if name not in after
    ]
    found += [Difference("added", f"version {name}", "is served", UNCHANGED) for name in after if name not in before]
    descriptions = 0
    for name in (name for name in after if name in before):
        found += _version(before[name], after[name], name)
        schemas = [_schema(one) for one in (before[name], after[name])]
        found += _fields(schemas[0], schemas[1], "")
        descriptions += _descriptions(schemas[0], schemas[1])
    return Comparison(tuple(found), descriptions)


def _schema(version: Node) -> Node:
    found: Node = version.get("schema", {}).get("openAPIV3Schema", {})
    return found


def _version(old: Node, new: Node, name: str) -> Iterator[Difference]:
    """Yield what differs in a version beside its schema."""
    for member in ("served", "storage"):
        if old.get(member) != new.get(member):
            yield Difference("changed", f"version {name}", f"{member}: {_change(old.get(member), new.get(member))}", UNCHANGED)
    for member in ("subresources", "selectableFields"):
        if old.get(member) != new.get(member):
            yield Difference("changed", f"version {name}", f"{member}: {_change(old.get(member), new.get(member))}", NOT_STORED)
    columns = [{one["name"]: _column(one) for one in each.get("additionalPrinterColumns", ())} for each in (old, new)]
    yield from _named(columns[0], columns[1], "column")


def _column(column: Node) -> dict[str, Any]:
    """Return a column with the priority that the API server leaves out."""
    return {"priority": 0, **{name: one for name, one in column.items() if name != "description"}}


def _named(old: Node, new: Node, what: str) -> Iterator[Difference]:
    for name in dict.fromkeys([*new, *old]):
        if name not in old:
            yield Difference("added", f"{what} {name}", _short(new[name]), NOT_STORED)
        elif name not in new:
            yield Difference("removed", f"{what} {name}", _short(old[name]), NOT_STORED)
        elif old[name] != new[name]:
            yield Difference("changed", f"{what} {name}", _change(old[name], new[name]), NOT_STORED)


def _fields(old: Node, new: Node, path: str) -> Iterator[Difference]:
    """Yield what differs between two schemas of a path, and below it."""
    if old.get("type") != new.get("type"):
        yield Difference("changed", path, f"type: {_change(old.get('type'), new.get('type'))}", RETYPED)
        return
    yield from _limits(old, new, path)
    fields, wanted = old.get("properties", {}), new.get("properties", {})
    for name in dict.fromkeys([*wanted, *fields]):
        here = f"{path}.{name}".lstrip(".")
        if name not in fields:
            needed = name in new.get("required", ())
            meaning = REQUIRED if needed else DEFAULTED if "default" in wanted[name] else UNCHANGED
            yield Difference("added", here, _describe(wanted[name], required=needed), meaning)
        elif name not in wanted:
            yield Difference("removed", here, _describe(fields[name]), DROPPED)
        else:
            yield from _fields(fields[name], wanted[name], here)
    for member, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(old.get(member), Mapping) and isinstance(new.get(member), Mapping):
            yield from _fields(old[member], new[member], path + mark)


def _limits(old: Node, new: Node, path: str) -> Iterator[Difference]:
    """Yield what differs in what values a path may have."""
    common = [set(one.get("properties", {})) for one in (old, new)]
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        if name in common[0]:
            yield Difference("changed", f"{path}.{name}".lstrip("."), "is now required", REQUIRED)
    for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
        if name in common[1]:
            yield Difference("changed", f"{path}.{name}".lstrip("."), "is no longer required", UNCHANGED)
    if old.get("default") != new.get("default"):
        yield Difference("changed", path, f"default: {_change(old.get('default'), new.get('default'))}", NEW_DEFAULT)
    values = [[_short(one) for one in each.get("enum", ())] for each in (old, new)]
    if set(values[0]) != set(values[1]):
        text = ", ".join(
            [*(f"+{one}" for one in values[1] if one not in values[0]), *(f"-{one}" for one in values[0] if one not in values[1])]
        )
        stricter = not values[0] or bool(set(values[0]) - set(values[1]) and values[1])
        yield Difference("changed", path, f"allowed values: {text}", RATCHETED if stricter else UNCHANGED)
    rules = [{one.get("rule", ""): one.get("message", "") for one in each.get(RULES, ())} for each in (old, new)]
    for rule in (rule for rule in rules[1] if rule not in rules[0]):
        yield Difference("changed", path, f"new rule: {rules[1][rule] or rule}", RATCHETED)
    for rule in (rule for rule in rules[0] if rule not in rules[1]):
        yield Difference("changed", path, f"rule removed: {rules[0][rule] or rule}", UNCHANGED)
    for name in dict.fromkeys([*new, *old]):
        if name not in SEPARATE and old.get(name) != new.get(name):
            meaning = RATCHETED if _stricter(name, old.get(name), new.get(name)) else UNCHANGED
            yield Difference("changed", path, f"{name}: {_change(old.get(name), new.get(name))}", meaning)


def _stricter(name: str, old: Any, new: Any) -> bool:
    """Return whether a changed limit may exclude values that it allowed. A member that is not known to be ordered may."""
    if new is None:
        return False
    if old is None or name not in LOWER_IS_STRICTER | HIGHER_IS_STRICTER:
        return True
    return bool(new < old) if name in LOWER_IS_STRICTER else bool(new > old)


def _descriptions(old: Node, new: Node) -> int:
    """Return how many fields of both schemas have another description."""
    found = int(old.get("description") != new.get("description"))
    fields, wanted = old.get("properties", {}), new.get("properties", {})
    found += sum(_descriptions(fields[name], wanted[name]) for name in fields if name in wanted)
    for member in ("items", "additionalProperties"):
        if isinstance(old.get(member), Mapping) and isinstance(new.get(member), Mapping):
            found += _descriptions(old[member], new[member])
    return found


def _describe(node: Node, *, required: bool = False) -> str:
    """Return a field's type, default and number of fields below it."""
    below = sum(1 for _ in _below(node))
    parts = [str(node.get("type", "int or string"))]
    parts += ["required"] if required else []
    parts += [f"default {_short(node['default'])}"] if "default" in node else []
    parts += [f"{below} field{'s' if below > 1 else ''}"] if below else []
    return ", ".join(parts)


def _below(node: Node) -> Iterator[str]:
    for name, child in node.get("properties", {}).items():
        yield name
        yield from _below(child)
    for member in ("items", "additionalProperties"):
        if isinstance(node.get(member), Mapping):
            yield from _below(node[member])


def _change(old: Any, new: Any) -> str:
    return f"{_short(old)} -> {_short(new)}"


SHOWN = 120
"""Characters of a value that a line shows."""


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = ", ".join(map(str, value)) if _is_names(value) else json.dumps(value, sort_keys=True)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _is_names(value: Any) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and bool(value) and all(isinstance(one, str) for one in value)
    )
