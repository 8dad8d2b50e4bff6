"""Text from outside reaches a terminal, a status or a log only as one printable line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.bounded.text import REPLACEMENT, printable, shortened

ANY = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 100 %", "plain words, 100 %"),
        ("Prüfung 日本 é", "Prüfung 日本 é"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://evil.example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;Y3VybCBldmls\x07clipboard", "clipboard"),
        ("\x1bP+q544e\x1b\\answer", "answer"),
        ("\x1b]0;no end, the rest stays", "0;no end, the rest stays"),
        ("\x9b31mC1", "C1"),
        ("\x1b\x1b[31m[31mtwice", "[31mtwice"),
        ("\x1bcreset", "reset"),
        ("over\rwritten", "over written"),
        ("two\nlines\r\nof\u2028it\u2029all\x85", "two lines  of it all "),
        ("tab\tand\vfeed\f", "tab and feed "),
        ("back\b\b\b\bspace\x7f\x07\x00", "backspace"),
        ("\u202etxt.exe\u202c", "txt.exe"),
        ("\u2066isolated\u2069", "isolated"),
        ("zero\u200bwidth\ufeff\u2060\u00ad", "zerowidth"),
        ("tags\U000e0041\U000e0042", "tags"),
        ("\u3164filler", "filler"),
        ("lone\ud800surrogate", f"lone{REPLACEMENT}surrogate"),
        ("private\ue000use", f"private{REPLACEMENT}use"),
        ("no\u00a0break", "no break"),
    ],
)
def test_control_characters_of_a_terminal_are_removed(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY)
def test_whatever_comes_in_one_printable_line_goes_out(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() and printable(shown) == shown
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode()


@given(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert printable(text) is text


@given(st.text(), st.integers(1, 50))
def test_a_cut_text_is_marked(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit and (short == text or (short.endswith("…") and text.startswith(short[:-1])))
