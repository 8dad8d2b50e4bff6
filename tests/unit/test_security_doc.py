"""docs/security.md names a test for each claim; each of them exists."""

import re

from sandbox.operator_process import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()


def defined() -> set[str]:
    """Return the names of all tests of the project."""
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^(?:async )?def (test_\w+)\(", text, re.M)}


def test_each_test_that_the_page_on_security_names_exists() -> None:
    named = set(re.findall(r"\btest_\w+", PAGE))
    assert len(named) > 20 and named - defined() == set()


def test_each_claim_in_a_table_of_the_page_on_security_names_a_test() -> None:
    claims = []
    for table in re.findall(r"\| Claim \| Test \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE):
        claims += table.strip().splitlines()
    assert claims and [claim for claim in claims if "`test_" not in claim] == []


def test_each_path_that_the_page_on_security_names_exists() -> None:
    for path in re.findall(r"`((?:deploy|tests|docs)/[\w./-]+)`", PAGE):
        assert (ROOT / path).exists(), path
