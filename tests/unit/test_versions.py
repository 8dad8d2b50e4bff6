"""Versions of Kubernetes and of charts: one parser for both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.versions import minor, parse

NUMBERS = st.lists(st.integers(0, 10**18 - 1), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.34.2", (1, 34, 2)),
        ("v1.34", (1, 34)),
        ("1.30+", (1, 30)),
        ("0.11.1-n123.h1234567", (0, 11, 1)),
        ("1.0.0-0.dev.git.3506.hba24eb2a", (1, 0, 0)),
        ("latest", ()),
        ("", ()),
    ],
)
def test_a_version_is_its_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert parse(text) == numbers


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse(text)


def test_a_number_of_five_thousand_digits_does_not_raise() -> None:
    assert parse("9" * 5000)


@given(NUMBERS, NUMBERS)
def test_versions_compare_as_their_numbers(first: list[int], second: list[int]) -> None:
    texts = [".".join(map(str, numbers)) for numbers in (first, second)]
    assert (parse(texts[0]) < parse(texts[1])) == (first < second)


def test_the_minor_of_a_version_without_one_is_an_error() -> None:
    assert minor("v1.34.2") == (1, 34)
    with pytest.raises(ValueError, match="not enough values"):
        minor("1")
