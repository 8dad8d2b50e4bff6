"""The API server's warnings are shown as kubectl shows them, and no answer can fill the terminal."""

import pytest
from notebook_platform.cli.api_warnings import LONGEST, MOST, warnings


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        ((), []),
        (['299 - "one"'], ["one"]),
        (['299 - "one"', '299 - "two"'], ["one", "two"]),
        (['299 - "one", 299 kube "two, of more"'], ["one", "two, of more"]),
        (['299 - "spec.\\"x\\" and \\\\"'], ['spec."x" and \\']),
        (['299 - "same"', '299 - "same"'], ["same"]),
        (['110 - "Response is Stale"', "299", "", '299 - "unfinished'], []),
    ],
)
def test_each_text_is_shown_once(headers: tuple[str, ...], texts: list[str]) -> None:
    assert warnings(headers) == texts


def test_number_and_length_are_bounded() -> None:
    found = warnings(f'299 - "{number} {"x" * 5000}"' for number in range(1000))
    assert len(found) == MOST and {len(text) for text in found} == {LONGEST} and found[0].endswith("x…")
