"""Documents from untrusted sources: the parser reads what Kubernetes and Helm read, and raises nothing but DocumentRefused."""

import json
import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from notebook_platform.bounded.documents import (
    INLINE,
    Budget,
    DocumentRefused,
    DocumentTooLarge,
    beside_the_loop,
    measure,
    parse_json,
    parse_yaml,
    parse_yaml_all,
    read_json,
    read_yaml,
)
from notebook_platform.bounded.writer import write_yaml, write_yaml_all

from tests.unit.bounded.anchors import ANCHORS

SMALL = Budget(bytes=2000, nodes=50, depth=5)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi")
)
SEVERE = [
    BOMB,
    "[" * 100_000,
    "{a: " * 100_000,
    "- " * 100_000,
    "? " * 100_000,
    "[]," * 300_000,
    "".join(f"%TAG !a{i}! x\n" for i in range(20_000)) + "---\na",
    f"%TAG ! {'x' * 100_000}\n---\n" + "- !a b\n" * 10_000,
    "\ufeff%TAG !a! x\n---\na",
    "a: 1\r%TAG !a! x\r---\na",
    "a: &a {x: 1}\nb: {<<: *a, c: " + "[" * 100_000,
    "a: &a [" + "x," * 400 + "]\nb: [" + "*a," * 300 + "]",
    "a: &a " + "x" * 300_000 + "\nb: [*a, *a, *a, *a]",
    "a: &a " + "\u20ac" * 200_000 + "\nb: [*a]",
    "k0: &k0 {x: y}\n" + "".join(f"k{n + 1}: &k{n + 1} {{<<: *k{n}, n{n}: [{','.join([f'*k{n}'] * 9)}]}}\n" for n in range(9)),
    "a: &a [*a]",
    "a: &a {b: {c: *a}}",
    "a: &a {<<: *a}",
    "&a {<<: *a}",
    "a: [&a {b: 1}, *b]",
    "a: &a 1\n---\nb: *a",
    "a: &a 1\nb: {<<: *a}",
    "b: {<<: [{a: 1}, 2]}",
    "a: &a [{b: 1}]\nb: {<<: *a}",
    "<<: ",
    "<<: 1",
    "a: &a {b: 1}\n? *a\n: 1",
    "a: 9" + "9" * 100_000 + "\nb: !!int 9" + "9" * 5000,
    "a: !!python/object/apply:os.system [id]",
    "a: !!binary aGk=",
    "{[a]: b}",
    "{{a: b}: c}",
    "? [a]\n: b",
    "a: .nan",
    "a: -.INF",
    "~: a",
    "1.5: a",
    "\ud800",
    "a: \x00",
    "a:\t- b\n\t- c",
    "*a",
    "&a *a",
    "a\n---\nb\n...\nc: [",
]


@pytest.mark.parametrize("text", SEVERE, ids=lambda text: repr(text[:24]))
def test_a_hostile_yaml_document_is_refused_in_a_moment(text: str) -> None:
    started = time.process_time()
    with pytest.raises(DocumentRefused) as refused:
        parse_yaml(text)
    assert time.process_time() - started < 1
    assert len(str(refused.value)) < 200


@given(st.one_of(st.text(), st.binary(), st.text("{}[]:,-?&*!|>%@`'\"#~ \n\tab01.\\<=")))
@example("- =")
@example("= : a")
@example("a: 0x")
@example("a: +")
@example("a: 0o9")
@example("a: !!float 1")
@example("!!int x")
@example("!<tag:yaml.org,2002:null> x")
@example(b"\xff\xfea\x00")
def test_no_yaml_raises_anything_but_a_refusal(text: str | bytes) -> None:
    try:
        found = parse_yaml_all(text, SMALL)
    except DocumentRefused:
        return
    json.dumps(found, allow_nan=False).encode()


@given(st.one_of(st.text(), st.binary(), st.text('{}[]:,"\\u0dD8-+.e19 ntfa')))
@example("NaN")
@example("[" * 1500)
@example("1" * 1900)
@example("1e999")
@example('"\\ud800"')
@example('{"\\uD800": 1}')
@example(b"\xff")
def test_no_json_raises_anything_but_a_refusal(text: str | bytes) -> None:
    try:
        found = parse_json(text, SMALL)
    except DocumentRefused:
        return
    json.dumps(found, allow_nan=False).encode()


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), max_size=100)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), TEXT),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXT, inner)),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_yaml(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert parse_json(text) == value
    assert parse_yaml(text) == value


@given(VALUES)
@example({"N": "1e3", "=": "12:30", "0o17": ["y", "", "~", ".nan", "<<", "2001-01-01", "1_0"]})
def test_written_documents_are_read_back_unchanged(value: object) -> None:
    assert parse_yaml(write_yaml(value)) == value
    assert parse_yaml_all(write_yaml_all([value, value])) == [value, value]


def test_a_value_that_occurs_twice_is_written_twice() -> None:
    shared = {"a": [1]}
    assert parse_yaml(write_yaml([shared, shared])) == [shared, shared]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"),
        ("1e3", 1000.0),
        ("0o17", 15),
        ("017", 15),
        ("089", 89.0),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("2001-01-01", "2001-01-01"),
        ("2001-12-14 21:59:43.10", "2001-12-14 21:59:43.10"),
        ("yes", True),
        ("Off", False),
        ("y", True),
        ("=", "="),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616.0),
        ("1e999", "1e999"),
        (".5", 0.5),
        ("{1: a, true: b, 010: c}", {"1": "a", "true": "b", "8": "c"}),
        ("{a: 1, a: 2}", {"a": 2}),
        ("", None),
        ("---\n...", None),
        ("- |\n  a\n  b\n-", ["a\nb\n", None]),
        ("%YAML 1.1\n---\na", "a"),
    ],
)
def test_yaml_means_what_it_means_to_helm(text: str, value: object) -> None:
    found = parse_yaml(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("text", "value"), ANCHORS)
def test_anchors_and_merge_keys_mean_what_they_mean_to_helm(text: str, value: object) -> None:
    assert parse_yaml(text) == value
    assert parse_yaml_all(f"{text}...\n---\nother: 1\n") == [value, {"other": 1}]


def test_an_aliased_value_is_a_copy() -> None:
    found = parse_yaml("a: &a {x: [1]}\nb: *a\nc: {<<: *a}")
    found["b"]["x"].append(2)
    assert found == {"a": {"x": [1]}, "b": {"x": [1, 2]}, "c": {"x": [1]}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [*a]", "an anchor that contains itself (line 1)"),
        ("\na: *n", "an alias of an anchor that is not defined before it (line 2)"),
        ("a: &a 1\nb: {<<: *a}", "a merge key whose value is not a mapping (line 2)"),
        ("a: 1\n---\na: 2", "more than one YAML document: keep one"),
        ("a: !own x", "a tag that is not accepted"),
        ("a: !own {x: 1}", "a tag (line 1) that is not accepted: remove the tag"),
        ("a: &a [" + "x," * 30 + "]\nb: *a", "more than 50 values"),
        ("a: &a [[[1]]]\nb: [[*a]]", "nested deeper than 5 levels"),
        ("a: &a " + "x" * 1500 + "\nb: *a", "larger than 2000 bytes with its aliases written out"),
    ],
)
def test_a_refusal_of_an_anchor_names_the_cause(text: str, words: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        parse_yaml(text, SMALL)
    assert words in str(refused.value)


@given(st.text("ab&*<:{}[], \n01-", max_size=60))
@example("&a {<<: [{&a a: *a}, {}]}")
@example("{&a a: &a [*a], *a : *a}")
@example("- &a {a: 1}\n- {<<: *a, <<: [*a, {b: *a}]}")
def test_a_document_with_aliases_is_within_its_budget_or_refused(text: str) -> None:
    try:
        found = parse_yaml_all(text, SMALL)
    except DocumentRefused:
        return
    assert sum(measure(one, SMALL) for one in found) <= SMALL.nodes


def test_a_stream_of_documents_shares_one_budget() -> None:
    assert parse_yaml_all("a: 1\n---\n---\n- b\n") == [{"a": 1}, None, ["b"]]
    with pytest.raises(DocumentTooLarge, match="more than 50 values"):
        parse_yaml_all("a\n---\n" * 51, SMALL)


@pytest.mark.parametrize("parse", [parse_yaml, parse_json])
def test_the_limits_are_exact(parse: object) -> None:
    assert callable(parse)
    parse("[" * 5 + "]" * 5, SMALL)
    parse(f"[{','.join(['1'] * 49)}]", SMALL)
    parse('"' + "a" * 1998 + '"', SMALL)
    for over, words in [
        ("[" * 6 + "]" * 6, "deeper than 5 levels"),
        (f"[{','.join(['1'] * 50)}]", "more than 50 values"),
        ('"' + "a" * 1999 + '"', "larger than 2000 bytes"),
        ('"' + "ä" * 1000 + '"', "larger than 2000 bytes"),
        (('"' + "ä" * 1000 + '"').encode(), "larger than 2000 bytes"),
    ]:
        with pytest.raises(DocumentTooLarge, match=words):
            parse(over, SMALL)


def test_a_refusal_says_where_and_shows_nothing() -> None:
    for parse, text in [(parse_yaml, "a: 1\npassword: 'hunter2"), (parse_json, '{"a": 1,\n "password": hunter2}')]:
        with pytest.raises(DocumentRefused, match="line 2") as refused:
            parse(text)
        assert "hunter2" not in str(refused.value)
        assert refused.value.__cause__ is None


@pytest.mark.parametrize(("size", "beside"), [(0, False), (INLINE, False), (INLINE + 1, True), (1_000_000, True)])
async def test_large_documents_are_read_in_another_thread(size: int, beside: bool) -> None:
    """`make bench` measures how long the loop still stalls."""
    thread = await beside_the_loop(size, threading.get_ident)
    assert (thread != threading.get_ident()) == beside


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_yaml, "a: b\n" * 49_000),
        (read_yaml, "x: " + "a" * 1_000_000),
        (read_yaml, "x: |\n" + "  line\n" * 140_000),
        (read_json, json.dumps([{"name": "x" * 20, "value": i} for i in range(19_000)])),
        (read_json, "[" + ",".join(["{}"] * 99_000) + "]"),
    ],
    ids=["pairs", "scalar", "lines", "objects", "empty objects"],
)
async def test_the_largest_documents_are_within_the_budget(read: Any, text: str) -> None:
    assert await read(text)
