"""Lint of the CRD: the rules of Kubernetes' API reviewers that a schema shows, so that a new field cannot break one unnoticed.

`make lint` runs `python -m notebook_platform.api.crd_lint`. Each rule names its source: a section of the API conventions
(https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md) or a rule of kube-api-linter, which reads Go
types where this reads the schema (https://github.com/kubernetes-sigs/kube-api-linter/blob/main/docs/linters.md).
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebook_platform.api import lists
from notebook_platform.api.crd import crd
from notebook_platform.api.numbers import INT_OR_STRING

CAMEL_CASE = re.compile(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*)*")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
NEGATIONS = frozenset({"no", "not", "non", "dont", "never", "without", "disable", "disabled", "skipping"})
ABBREVIATIONS = frozenset(
    {"addr", "cfg", "cnt", "ctx", "desc", "dest", "err", "idx", "img", "mgmt", "mgr"}
    | {"msg", "num", "obj", "pkg", "prev", "pwd", "qty", "repo", "svc", "tmp", "val"}
)
SHUNNED = {"timestamp": "Time", "phase": "conditions", "reference": "Ref", "references": "Refs"}
SCALARS = frozenset({"string", "integer", "boolean"})
CONDITION = frozenset({"type", "status", "reason", "message", "lastTransitionTime"})
ANYTHING = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True)
class Node:
    """A place in the schema. `name` is that of a field; an item of a list or a value of a map has none."""

    path: str
    name: str
    schema: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.schema.get("type", ""))

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.schema.get("properties", {})
        return found

    @property
    def required(self) -> Sequence[str]:
        found: Sequence[str] = self.schema.get("required", ())
        return found

    def below(self) -> Iterator["Node"]:
        """Yield the fields, the item of a list, the value of a map."""
        for name, child in self.properties.items():
            yield Node(f"{self.path}.{name}", name, child)
        if "items" in self.schema:
            yield Node(f"{self.path}[]", "", self.schema["items"])
        if "additionalProperties" in self.schema:
            yield Node(f"{self.path}{{}}", "", self.schema["additionalProperties"])


def list_type(node: Node) -> Iterator[str]:
    """Require a list type that fits the items, for server-side apply. Source: kube-api-linter `ssatags`;
    https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy"""
    if node.type != "array":
        return
    kind, item = node.schema.get(lists.TYPE), Node("", "", node.schema["items"])
    if kind not in ("atomic", "set", "map"):
        yield "has no list type (atomic, set or map)"
    if kind == "set" and item.type not in SCALARS:
        yield "is a set of items that are not scalars"
    if kind == "map":
        for key in node.schema.get(lists.KEYS, ()) or ("(none)",):
            if key not in item.required and "default" not in item.properties.get(key, {}):
                yield f"has the key {key}, which is neither required nor has a default"


def no_floats(node: Node) -> Iterator[str]:
    """Refuse floating-point numbers. Source: kube-api-linter `nofloats`; API conventions, Primitive types."""
    if node.type == "number":
        yield "is a float: use an integer, or DecimalNumber"


def integer_format(node: Node) -> Iterator[str]:
    """Require int32 or int64. Source: kube-api-linter `integers`; API conventions, Primitive types."""
    if node.type == "integer" and node.schema.get("format") not in ("int32", "int64"):
        yield "is an integer with no format int32 or int64"


def bounded(node: Node) -> Iterator[str]:
    """Require a bound on all that grows: CEL's cost is estimated from it. Source: kube-api-linter `maxlength`;
    https://kubernetes.io/docs/reference/using-api/cel/#cel-resource-constraints"""
    growing = {
        "string": "maxLength",
        "array": "maxItems",
        "object": "maxProperties" if "additionalProperties" in node.schema else "",
    }
    bound = "maxLength" if node.schema.get(INT_OR_STRING) else growing.get(node.type)
    if bound and bound not in node.schema and "enum" not in node.schema:
        yield f"has no {bound}"


def field_name(node: Node) -> Iterator[str]:
    """Refuse names that are not in camelCase, are abbreviated or are out of use. Source: kube-api-linter `jsontags`,
    `notimestamp`, `nophase`, `noreferences`; API conventions, Naming conventions."""
    if not node.name:
        return
    if not CAMEL_CASE.fullmatch(node.name):
        yield "is not named in camelCase"
    for word in words(node.name):
        if word in ABBREVIATIONS:
            yield f"abbreviates: {word}"
        if word in SHUNNED:
            yield f"has {word} in its name: use {SHUNNED[word]}"


def positive_boolean(node: Node) -> Iterator[str]:
    """Refuse a boolean with a negation in its name: false of it would be a double negation. Source: this project; the API
    conventions (Primitive types) ask for few booleans and clear ones."""
    if node.type == "boolean" and (negation := next((word for word in words(node.name) if word in NEGATIONS), None)):
        yield f"is a boolean with a negation in its name: {negation}"


def described(node: Node) -> Iterator[str]:
    """Require a description of each field, which is what `kubectl explain` shows. Source: API conventions, Documentation."""
    if node.name and not node.schema.get("description"):
        yield "has no description"


def optional_or_required(node: Node) -> Iterator[str]:
    """Refuse a field that is required and has a default, and a required field that does not exist. Source: kube-api-linter
    `defaultorrequired`, `optionalorrequired`; API conventions, Optional vs. Required."""
    for name in node.required:
        if name not in node.properties:
            yield f"requires {name}, which is no field"
        elif "default" in node.properties[name]:
            yield f"requires {name}, which has a default"


def not_nullable(node: Node) -> Iterator[str]:
    """Refuse null as a value. Source: kube-api-linter `nonullable`."""
    if node.schema.get("nullable"):
        yield "is nullable"


def shaped(node: Node) -> Iterator[str]:
    """Require the shape of every object: fields, a map of strings, or free form that says so. Source: kube-api-linter `nomaps`;
    API conventions, Lists of named subobjects preferred over maps."""
    value = node.schema.get("additionalProperties")
    if not node.type and not node.schema.get(INT_OR_STRING):
        yield "has no type"
    if node.type == "object" and not node.properties and value is None and not node.schema.get(ANYTHING):
        yield f"is an object of any shape and does not state {ANYTHING}"
    if isinstance(value, Mapping) and value.get("type") != "string":
        yield "is a map of something else than strings: use a list of named objects"


def items_identified(node: Node) -> Iterator[str]:
    """Require a required field in the objects of a list. Source: kube-api-linter `arrayofstruct`."""
    if node.type == "array" and node.schema["items"].get("type") == "object" and not node.schema["items"].get("required"):
        yield "is a list of objects that require no field"


RULES: tuple[Callable[[Node], Iterator[str]], ...] = (
    list_type,
    no_floats,
    integer_format,
    bounded,
    field_name,
    positive_boolean,
    described,
    optional_or_required,
    not_nullable,
    shaped,
    items_identified,
)


def conditions_first(status: Node) -> Iterator[str]:
    """Require `conditions` as the first field of a status, a map by `type` of what metav1.Condition requires, and no required
    field beside it. Source: kube-api-linter `conditions`, `statusoptional`; API conventions, Typical status properties."""
    if next(iter(status.properties), None) != "conditions":
        yield "does not have conditions as its first field"
    conditions = status.properties.get("conditions", {})
    if conditions.get(lists.TYPE) != "map" or conditions.get(lists.KEYS) != ["type"]:
        yield "has conditions that are no map by type"
    if missing := CONDITION - set(conditions.get("items", {}).get("required", ())):
        yield f"has conditions that do not require {', '.join(sorted(missing))}"
    if status.required:
        yield "has required fields"


def words(name: str) -> list[str]:
    """Split a name in camelCase into words in lower case: `osDiskSizeGB` -> os, disk, size, gb."""
    return [word.lower() for word in WORD.findall(name)]


def findings(definition: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a CustomResourceDefinition, each as `path: sentence`."""
    found: list[str] = []
    for version in definition["spec"]["versions"]:
        properties = version["schema"]["openAPIV3Schema"]["properties"]
        for name in ("spec", "status"):
            found += _below(Node(name, name, properties[name]))
        found += [f"status: {problem}" for problem in conditions_first(Node("status", "status", properties["status"]))]
        if "status" not in version.get("subresources", {}):
            found.append("status: is no subresource")
    return found


def _below(node: Node) -> Iterator[str]:
    yield from (f"{node.path}: {problem}" for rule in RULES for problem in rule(node))
    for child in node.below():
        yield from _below(child)


def main() -> int:
    """Print the findings on this API's CRD; return the exit code."""
    found = findings(crd())
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
