"""What an administrator reads before an upgrade of the CRD: each difference, and its meaning for stored objects."""

import copy
from typing import Any

import pytest
from notebook_platform.api import crd_diff
from notebook_platform.api.crd import crd
from notebook_platform.api.crd_diff import Difference, compare
from notebook_platform.cli.crd import lines


def other(**changes: Any) -> dict[str, Any]:
    """Return a small definition; `changes` are fields of its spec's schema, None removes one."""
    pools = {"type": "integer", "maximum": 10, "description": "Count."}
    fields = {"pools": pools, "name": {"type": "string"}, **changes}
    spec = {"type": "object", "properties": {name: one for name, one in fields.items() if one is not None}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    return {"spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "K"}, "versions": [version]}}


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(one.kind, one.path, one.text, one.meaning) for one in compare(old, new).differences]


def test_the_same_definition_has_no_difference_even_without_what_the_api_server_leaves_out() -> None:
    stored = copy.deepcopy(crd())
    for column in stored["spec"]["versions"][0]["additionalPrinterColumns"]:
        if not column["priority"]:
            del column["priority"]
    stored["spec"]["conversion"] = {"strategy": "None"}
    assert compare(stored, crd()).same


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"x": {"type": "string"}}, ("added", "spec.x", "string", crd_diff.UNCHANGED)),
        ({}, {"x": {"type": "integer", "default": 3}}, ("added", "spec.x", "integer, default 3", crd_diff.DEFAULTED)),
        ({}, {"name": None}, ("removed", "spec.name", "string", crd_diff.DROPPED)),
        ({}, {"name": {"type": "integer"}}, ("changed", "spec.name", 'type: "string" -> "integer"', crd_diff.RETYPED)),
        (
            {},
            {"pools": {"type": "integer", "maximum": 5, "description": "Count."}},
            ("changed", "spec.pools", "maximum: 10 -> 5", crd_diff.RATCHETED),
        ),
        (
            {},
            {"pools": {"type": "integer", "maximum": 50, "description": "Count."}},
            ("changed", "spec.pools", "maximum: 10 -> 50", crd_diff.UNCHANGED),
        ),
        (
            {"name": {"type": "string", "enum": ["a", "b"]}},
            {"name": {"type": "string", "enum": ["a", "c"]}},
            ("changed", "spec.name", 'allowed values: +"c", -"b"', crd_diff.RATCHETED),
        ),
        (
            {"name": {"type": "string", "enum": ["a"]}},
            {"name": {"type": "string", "enum": ["a", "c"]}},
            ("changed", "spec.name", 'allowed values: +"c"', crd_diff.UNCHANGED),
        ),
        (
            {"name": {"type": "string", "default": "a"}},
            {"name": {"type": "string", "default": "b"}},
            ("changed", "spec.name", 'default: "a" -> "b"', crd_diff.NEW_DEFAULT),
        ),
        (
            {},
            {"name": {"type": "string", "x-kubernetes-validations": [{"rule": "r", "message": "must be r"}]}},
            ("changed", "spec.name", "new rule: must be r", crd_diff.RATCHETED),
        ),
        (
            {"name": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}},
            {"name": {"type": "array", "items": {"type": "object", "properties": {}}}},
            ("removed", "spec.name[].a", "string", crd_diff.DROPPED),
        ),
    ],
)
def test_a_difference_has_its_kind_its_path_and_its_meaning_for_stored_objects(
    before: dict[str, Any], after: dict[str, Any], expected: tuple[str, str, str, str]
) -> None:
    assert differences(other(**before), other(**after)) == [expected]


def test_a_field_that_becomes_required_rejects_objects_without_it() -> None:
    new = other()
    new["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["required"] = ["name"]
    assert differences(other(), new) == [("changed", "spec.name", "is now required", crd_diff.REQUIRED)]
    assert differences(new, other()) == [("changed", "spec.name", "is no longer required", crd_diff.UNCHANGED)]


def test_versions_names_and_columns_are_compared() -> None:
    new = other()
    new["spec"]["versions"][0] |= {"name": "v1", "storage": True}
    assert differences(other(), new) == [
        ("removed", "version v1alpha1", "is no longer served", crd_diff.STORED_VERSION),
        ("added", "version v1", "is served", crd_diff.UNCHANGED),
    ]
    new = other()
    new["spec"]["names"]["shortNames"] = ["k"]
    new["spec"]["versions"][0]["additionalPrinterColumns"] = [{"name": "READY", "type": "string", "jsonPath": ".x"}]
    assert [one[:2] for one in differences(other(), new)] == [("added", "names shortNames"), ("added", "column READY")]


def test_descriptions_are_counted_and_not_listed() -> None:
    new = other(pools={"type": "integer", "maximum": 10, "description": "Other."})
    found = compare(other(), new)
    assert found.differences == () and found.descriptions == 1 and not found.same
    assert lines(found, "x")[-1] == "0 added, 0 changed, 0 removed; 1 descriptions differ"


def test_the_lines_are_grouped_by_kind_and_end_with_a_count() -> None:
    found = compare(other(), other(name=None, x={"type": "object", "properties": {"y": {"type": "string"}}}))
    assert Difference("added", "spec.x", "object, 1 field", crd_diff.UNCHANGED) in found.differences
    printed = lines(found, "notebookplatforms")
    assert printed[1:] == [
        "added    spec.x: object, 1 field",
        f"         {crd_diff.UNCHANGED}",
        "removed  spec.name: string",
        f"         {crd_diff.DROPPED}",
        "1 added, 0 changed, 1 removed",
    ]
