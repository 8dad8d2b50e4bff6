"""Each rule of the lint finds its fault in a schema, and the CRD has none."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from notebook_platform.api.crd import crd
from notebook_platform.api.crd_lint import findings, words

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "maxLength": 8, "description": "Text."}
BY_NAME: Schema = {"x-kubernetes-list-map-keys": ["name"]}
NAMED: Schema = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}


def listed(type_: str | None, items: Schema, **more: Any) -> Schema:
    kind = {"x-kubernetes-list-type": type_} if type_ else {}
    return {"type": "array", "maxItems": 4, "description": "A list.", "items": items, **kind, **more}


def definition(field: Schema, name: str = "field", **spec: Any) -> Schema:
    """Return a CRD with one field in its spec and a correct status."""
    required = ["type", "status", "reason", "message", "lastTransitionTime"]
    item = {"type": "object", "properties": dict.fromkeys(required, TEXT), "required": required}
    conditions = listed("map", item, **{"x-kubernetes-list-map-keys": ["type"]})
    properties = {
        "spec": {"type": "object", "description": "Spec.", "properties": {name: field}, **spec},
        "status": {"type": "object", "description": "Status.", "properties": {"conditions": conditions}},
    }
    version = {"schema": {"openAPIV3Schema": {"properties": properties}}, "subresources": {"status": {}}}
    return deepcopy({"spec": {"versions": [version]}})


GOOD: dict[str, Schema] = {
    "text": TEXT,
    "an enum": {"type": "string", "enum": ["A"], "description": "A word."},
    "a set": listed("set", TEXT),
    "a map": listed("map", NAMED, **BY_NAME),
    "a list of objects": listed("atomic", NAMED),
    "a decimal": {"x-kubernetes-int-or-string": True, "maxLength": 16, "description": "A decimal."},
    "labels": {"type": "object", "additionalProperties": TEXT, "maxProperties": 4, "description": "Labels."},
    "free form": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "description": "Values of a chart."},
}

FAULTS: dict[str, tuple[Schema, str]] = {
    "no list type": (listed(None, TEXT), "spec.field: has no list type"),
    "a set of objects": (listed("set", NAMED), "spec.field: is a set of items that are not scalars"),
    "a map without a key": (listed("map", NAMED), "spec.field: has the key (none)"),
    "a key that is optional": (
        listed("map", {**NAMED, "properties": {"name": TEXT, "value": TEXT}, "required": ["value"]}, **BY_NAME),
        "spec.field: has the key name, which is neither required nor has a default",
    ),
    "a float": ({"type": "number", "description": "A ratio."}, "spec.field: is a float"),
    "an integer of any size": ({"type": "integer", "description": "A count."}, "spec.field: is an integer with no format"),
    "endless text": ({"type": "string", "description": "Text."}, "spec.field: has no maxLength"),
    "endless text in a list": (listed("set", {"type": "string"}), "spec.field[]: has no maxLength"),
    "an endless list": ({k: v for k, v in listed("set", TEXT).items() if k != "maxItems"}, "spec.field: has no maxItems"),
    "an endless map": (
        {"type": "object", "additionalProperties": TEXT, "description": "Labels."},
        "spec.field: has no maxProperties",
    ),
    "no description": ({"type": "string", "maxLength": 8}, "spec.field: has no description"),
    "null": ({**TEXT, "nullable": True}, "spec.field: is nullable"),
    "any object": ({"type": "object", "description": "Anything."}, "spec.field: is an object of any shape"),
    "no type": ({"description": "Anything."}, "spec.field: has no type"),
    "a map of objects": (
        {"type": "object", "additionalProperties": NAMED, "maxProperties": 4, "description": "Pools."},
        "spec.field: is a map of something else than strings",
    ),
    "objects with nothing required": (
        listed("atomic", {**NAMED, "required": []}),
        "spec.field: is a list of objects that require no field",
    ),
}


@pytest.mark.parametrize("field", GOOD.values(), ids=GOOD.keys())
def test_a_good_field_has_no_findings(field: Schema) -> None:
    assert findings(definition(field)) == []


@pytest.mark.parametrize(("field", "finding"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_found_at_its_place(field: Schema, finding: str) -> None:
    (found,) = findings(definition(field))
    assert found.startswith(finding)


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("Field", "is not named in camelCase"),
        ("node_pool", "is not named in camelCase"),
        ("serverAddr", "abbreviates: addr"),
        ("startTimestamp", "has timestamp in its name: use Time"),
        ("upgradePhase", "has phase in its name: use conditions"),
        ("secretReference", "has reference in its name: use Ref"),
    ],
)
def test_a_name_that_breaks_the_conventions_is_found(name: str, finding: str) -> None:
    assert findings(definition(TEXT, name)) == [f"spec.{name}: {finding}"]


@pytest.mark.parametrize(("name", "negation"), [("oauthNoConfirm", "no"), ("disableCulling", "disable"), ("notShown", "not")])
def test_a_boolean_with_a_negation_in_its_name_is_found(name: str, negation: str) -> None:
    field = {"type": "boolean", "description": "A switch."}
    assert findings(definition(field, name)) == [f"spec.{name}: is a boolean with a negation in its name: {negation}"]
    assert findings(definition(field, "notebooks")) == []


def test_a_required_name_must_be_a_field_without_a_default() -> None:
    assert findings(definition({**TEXT, "default": "a"}, required=["field"])) == ["spec: requires field, which has a default"]
    assert findings(definition(TEXT, required=["field", "other"])) == ["spec: requires other, which is no field"]


def _other_field_first(version: Schema, status: Schema) -> None:
    status["properties"] = {"url": TEXT, **status["properties"]}


def _atomic(version: Schema, status: Schema) -> None:
    status["properties"]["conditions"]["x-kubernetes-list-type"] = "atomic"


def _no_reason(version: Schema, status: Schema) -> None:
    status["properties"]["conditions"]["items"]["required"].remove("reason")


def _required(version: Schema, status: Schema) -> None:
    status["required"] = ["conditions"]


def _no_subresource(version: Schema, status: Schema) -> None:
    version["subresources"] = {}


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (_other_field_first, "status: does not have conditions as its first field"),
        (_atomic, "status: has conditions that are no map by type"),
        (_no_reason, "status: has conditions that do not require reason"),
        (_required, "status: has required fields"),
        (_no_subresource, "status: is no subresource"),
    ],
)
def test_a_status_that_breaks_the_conventions_is_found(change: Callable[[Schema, Schema], None], finding: str) -> None:
    broken = definition(TEXT)
    version = broken["spec"]["versions"][0]
    change(version, version["schema"]["openAPIV3Schema"]["properties"]["status"])
    assert findings(broken) == [finding]


def test_the_crd_has_no_findings() -> None:
    assert findings(crd()) == []


def test_names_are_split_at_their_humps() -> None:
    assert words("osDiskSizeGB") == ["os", "disk", "size", "gb"]
    assert words("staticIPResourceGroup") == ["static", "ip", "resource", "group"]
