"""The documents name files that exist, and the decisions have one form."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from notebook_platform.cli import COMMANDS, command_parser

from docs.generator.links import links
from docs.prose import ROOT

PACKAGE = ROOT / "operator/notebook_platform"
PARTS = ROOT / "docs/generator"
"""Texts that are put into generated pages, whose links are those of the page."""
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").rglob("*.md") if PARTS not in path.parents)])
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
SECTIONS = ["Context", "Decision", "Alternatives considered", "Consequences"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules(document: str) -> Iterator[str]:
    """Return the modules that a document names in a code span, by their path below the package or the repository."""
    yield from re.findall(r"`((?:\w+/)+\w+\.py)`", document)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_link_to_a_file_leads_to_one(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_module_and_directory_that_a_document_names_exists(path: Path) -> None:
    document = path.read_text()
    named = {*modules(document), *re.findall(r"`((?:operator|tests|docs|sandbox|deploy|crds)/[\w./-]+)`", document)}
    assert [one for one in sorted(named) if not (ROOT / one).exists() and not (PACKAGE / one).exists()] == []


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_status_date_context_alternatives_and_consequences(path: Path) -> None:
    document = path.read_text()
    assert re.findall(r"^## (.+)$", document, re.MULTILINE) == SECTIONS
    assert re.search(r"^# .+\n\n- Status: (accepted|superseded)\b.*\n- Date: 20\d\d-\d\d-\d\d", document)


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def commands(document: str) -> Iterator[list[str]]:
    """Return the words of each command line of this project in the code blocks of a document."""
    for block in re.findall(r"^ *```\w*.*?\n(.*?)^ *```$", document, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = (
                shlex.split(line.strip().removeprefix("$ ").replace("...", ""), comments=True)
                if "notebook-platform " in line
                else []
            )
            if words[:1] == ["notebook-platform"]:
                yield list(takewhile(lambda word: word not in ("|", "||", ">", "&&"), words[1:]))


def test_every_command_of_the_documents_has_the_flags_that_it_is_given() -> None:
    found = [(path.name, words) for path in DOCUMENTS for words in commands(path.read_text())]
    parser = command_parser("notebook-platform", COMMANDS)
    for page, words in found:
        assert words[0] == "run" or parser.parse_args(words).command == words[0], page
    assert len(found) > 15


def test_every_link_outside_is_one_address_over_https() -> None:
    addresses = list(links(ROOT))
    assert len(addresses) > 5 and [one for one in addresses if not re.fullmatch(r"https://[\w.-]+\.[a-z]+(/[^\s]*)?", one)] == []
