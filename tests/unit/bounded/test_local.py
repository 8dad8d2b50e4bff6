"""Files of the user who runs a command are read as kubectl reads them."""

import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from notebook_platform.bounded.documents import DocumentRefused, parse_yaml
from notebook_platform.bounded.local import read_local_yaml
from notebook_platform.bounded.writer import write_yaml

from tests.unit.bounded.test_documents import VALUES


@given(VALUES)
def test_json_and_what_the_writer_writes_are_read_back(value: object) -> None:
    assert read_local_yaml(json.dumps(value, ensure_ascii=False)) == [value]
    assert read_local_yaml(write_yaml(value)) == [value]


@given(st.text("0123456789abefoxEX+-._:~yYnN", min_size=1, max_size=8))
@example("12:30")
@example("1e3")
@example("0o17")
@example("2001-01-01")
@example("!!str 1")
@example("!!int '1'")
@example("{1: a, true: b, 010: c}")
def test_a_scalar_has_the_value_that_a_bounded_document_gives_it(text: str) -> None:
    try:
        wanted = [parse_yaml(f"a: {text}")]
    except DocumentRefused:
        return
    found = read_local_yaml(f"a: {text}")
    assert found == wanted
    assert repr(found) == repr(wanted)


def test_anchors_and_merge_keys_are_accepted() -> None:
    text = "a: &a {x: 1e3, y: on}\nb: *a\nc:\n  <<: *a\n  x: 2\n---\n- <<\n- '<<'\n"
    both = {"x": 1000.0, "y": True}
    assert read_local_yaml(text.replace("y:", "'y':")) == [{"a": both, "b": both, "c": {**both, "x": 2}}, ["<<", "<<"]]


@pytest.mark.parametrize("text", ["a: [", "a: .nan", "~: a", "1.5: a", "[a]: b", "a: !!binary aGk=", "a: !x {b: c}", "a: *b"])
def test_yaml_that_kubectl_refuses_is_an_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        read_local_yaml(text)
