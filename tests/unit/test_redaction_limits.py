"""The redactor's bounds of values, of time and of memory, and the platforms that share a log."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.kube.redaction import (
    GENERATIONS,
    HIDDEN,
    MOST_LEAVES,
    UNUSED_SECONDS,
    RedactorRegistry,
    SecretRedactor,
    TooManySecrets,
)
from notebook_platform.kube.substrings import CROWDED, SubstringIndex


@given(st.lists(st.text("ab", min_size=6, max_size=700), max_size=30), st.text("ab", max_size=900))
def test_an_index_finds_what_was_added_and_nothing_that_was_discarded(words: list[str], text: str) -> None:
    index = SubstringIndex()
    entries = [index.add(word) for word in words]
    spans = list(index.spans(text, len(text)))
    for word in words:
        if word in text:
            at = text.index(word)
            covered = {place for start, end in spans for place in range(start, end)}
            assert set(range(at, at + len(word))) <= covered
    for one in entries:
        for entry in one:
            index.discard(entry)
    assert len(index) == 0 and not list(index.spans(text, len(text)))


def test_a_platform_redacts_its_own_secrets_only_and_the_log_redacts_all() -> None:
    registry = RedactorRegistry()
    registry.of("victim").add({"password": "of-the-victim"})
    registry.of("attacker").add({"b": "credentials"})
    assert registry.of("attacker").redact("is it of-the-victim?") == "is it of-the-victim?"
    assert registry.of("victim").redact("the credentials") == "the credentials"
    assert registry.redact("of-the-victim has credentials") == f"{HIDDEN} has {HIDDEN}"


def test_values_of_a_deleted_platform_are_forgotten_and_shared_values_stay() -> None:
    registry = RedactorRegistry()
    registry.of("one").add({"password": "shared-password", "other": "only-of-one"})
    registry.of("two").add({"password": "shared-password"})
    gone = registry.of("one")
    registry.drop("one")
    assert registry.redact("shared-password only-of-one") == f"{HIDDEN} only-of-one"
    gone.add({"late": "a-late-task-adds"})
    assert registry.redact("a-late-task-adds") == "a-late-task-adds"
    registry.drop("two")
    registry.drop("two")
    assert registry.redact("shared-password") == "shared-password" and len(registry._log) == 0


def test_the_last_values_of_a_key_are_known_after_rotations_and_older_ones_are_not() -> None:
    redactor = SecretRedactor(SubstringIndex(), clock=iter(range(1000)).__next__)
    for turn in range(10):
        redactor.add({"password": f"rotated-password-{turn}"}, source="s")
    shown = [redactor.redact(f"rotated-password-{turn}") for turn in range(10)]
    assert shown == [f"rotated-password-{turn}" for turn in range(10 - GENERATIONS)] + [HIDDEN] * GENERATIONS


def test_too_many_values_are_refused_and_unused_ones_make_room() -> None:
    now = [0.0]
    redactor = SecretRedactor(clock=lambda: now[0])
    redactor.add({f"k{n}": f"value-number-{n}" for n in range(MOST_LEAVES - 10)}, source="large")
    with pytest.raises(TooManySecrets):
        redactor.add({f"k{n}": f"other-number-{n}" for n in range(11)}, source="more")
    assert redactor.redact("other-number-1 value-number-7") == f"other-number-1 {HIDDEN}"
    now[0] = UNUSED_SECONDS + 1
    redactor.add({f"k{n}": f"other-number-{n}" for n in range(11)}, source="more")
    assert redactor.redact("other-number-1") == HIDDEN


def test_values_that_begin_alike_cost_a_bounded_search_and_are_all_hidden() -> None:
    index = SubstringIndex()
    words = ["a" * n + "b" for n in range(6, 400)]
    for word in words:
        index.add(word)
    assert len(index._lengths["a" * 6]) <= CROWDED + 14  # type: ignore[arg-type]
    for word in words[::20]:
        spans = list(index.spans(f"<{word}>", 1000))
        assert min(spans)[0] == 1 and max(end for _, end in spans) == len(word) + 1


HOSTILE = {
    "schemes": "a://" * 50_000,
    "users": "a://:" * 50_000,
    "assignments": "key=" * 50_000,
    "names": "key" * 80_000,
    "quotes": "password='" * 30_000,
    "letters": "a" * 300_000,
    "equals": "=" * 300_000,
    "certificates": "-----BEGIN CERTIFICATE-----" * 8_000,
    "braces": "{" * 100_000,
    "aliases": "a: &a [*a]\n" * 20_000,
    "tokens": "eyJ" * 60_000,
    "hosts": "@:" * 100_000,
    "words": "password " * 80_000,
    "commas": "abcdef," * 80_000,
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(10)
def test_no_value_blocks_the_redactor(value: str) -> None:
    redactor = SecretRedactor()
    with contextlib.suppress(TooManySecrets):
        redactor.add({"v": value})
    redactor.redact(value)


def test_a_platform_at_rest_takes_little_memory_and_knows_its_secrets_when_it_is_used_again() -> None:
    log, secret = SubstringIndex(), "".join(f"line{n:02}-{'x' * 40}\n" for n in range(40))
    redactor = SecretRedactor(log)
    redactor.add({"key": secret}, source="access")
    redactor.pack()
    assert len(log) == 0
    assert redactor.redact("failed: line07-" + "x" * 40) == "failed: ***"
    assert len(log) > 0, "the log is searched again too"
    redactor.pack()
    redactor.forget()
    assert len(log) == 0
