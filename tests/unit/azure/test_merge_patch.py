"""JSON merge patch: the table of RFC 7396, and its properties."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.azure.merge_patch import leaves, merge_patch, sets, with_absent, without_absent
from notebook_platform.paths import at

APPENDIX_A: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""https://www.rfc-editor.org/rfc/rfc7396#appendix-A"""

NAMES = st.sampled_from(["a", "b", "c", "properties"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


@pytest.mark.parametrize(("target", "patch", "expected"), APPENDIX_A)
def test_the_examples_of_the_rfc(target: Any, patch: Any, expected: Any) -> None:
    assert merge_patch(target, patch) == expected


def test_the_example_of_section_three() -> None:
    author = {"givenName": "John", "familyName": "Doe"}
    target = {"title": "Goodbye!", "author": author, "tags": ["example", "sample"], "content": "This will be unchanged"}
    patch = {"title": "Hello!", "phoneNumber": "+01-123-456-7890", "author": {"familyName": None}, "tags": ["example"]}
    assert merge_patch(target, patch) == {
        "title": "Hello!",
        "author": {"givenName": "John"},
        "tags": ["example"],
        "content": "This will be unchanged",
        "phoneNumber": "+01-123-456-7890",
    }


@given(target=OBJECTS, patch=OBJECTS)
def test_a_patch_that_is_applied_twice_changes_nothing_more(target: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(target=OBJECTS)
def test_an_empty_patch_changes_nothing_and_no_argument_is_changed(target: dict[str, Any]) -> None:
    before = repr(target)
    assert merge_patch(target, {}) == target
    merge_patch(target, {"a": {"b": None}, "c": 1})
    assert repr(target) == before


@given(target=OBJECTS, patch=OBJECTS)
def test_each_leaf_of_the_patch_is_in_the_result_and_nothing_else_differs(target: dict[str, Any], patch: dict[str, Any]) -> None:
    found = merge_patch(target, patch)
    for keys, value in leaves(patch):
        assert sets(patch, keys)
        if value != {}:
            assert at(found, *keys) == value
    for keys, value in leaves(target):
        if not sets(patch, keys) and at(found, *keys[:1]) is not None:
            assert at(found, *keys) == value


@given(target=OBJECTS, patch=OBJECTS)
def test_removed_members_are_absent_in_the_body_and_none_in_the_comparison(target: dict[str, Any], patch: dict[str, Any]) -> None:
    whole = without_absent(target)
    patched = merge_patch(whole, patch)
    assert without_absent(with_absent(patched, patch)) == without_absent(patched)
    for keys, value in leaves(patch):
        if value is None:
            assert at(with_absent(patched, patch), *keys) is None and keys[-1] in at(with_absent(patched, patch), *keys[:-1])
