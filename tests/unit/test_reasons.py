"""Every reason is listed once with a meaning and used; every path of the spec that a text names exists in the CRD."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.crd import crd
from notebook_platform.api.reasons import Reason
from notebook_platform.api.rules import RULES
from notebook_platform.azure.arm.error_table import CODES
from notebook_platform.azure.arm.sign_in_table import AADSTS, FEDERATED
from notebook_platform.helm.errors import TABLE

from docs.generator.reasons import page
from docs.generator.sources import ROOT, failures, nodes_of, texts

REPOSITORY = ROOT.parent.parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).as_posix() != "api/reasons.py"]
DOCUMENTS = [REPOSITORY / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/security.md")]
DOCUMENTS += sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))

PATH = re.compile(r"(?<![\w.-])spec(?!\.(?:py|md|nodeName)\b)((?:\.[A-Za-z][A-Za-z0-9]*|\.…|\[[^\]]*\])+)")
"""A path of the spec; `…` stands for a name that is known at run time only. spec.nodeName belongs to a Pod."""
UNSET = object()


def members_used(path: Path) -> Iterator[tuple[str, str]]:
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr


def test_every_member_is_used() -> None:
    used = {found for path in MODULES for found in members_used(path)}
    unused = [
        f"{words.__name__}.{one.name}"
        for words in (ConditionType, Reason)
        for one in words
        if (words.__name__, one.name) not in used
    ]
    assert unused == []


def test_every_member_has_a_meaning_of_one_sentence_and_a_row() -> None:
    rows = page()
    for member in [*ConditionType, *Reason]:
        assert re.fullmatch(r"\S.*[^.]\.", member.meaning), member
        assert member.name.replace("_", "").lower() == member.lower()
        assert f"| `{member}` | " in rows


def literals_compared(path: Path) -> Iterator[str]:
    """Yield texts that are compared with an object's `reason`."""
    for node in nodes_of(path):
        if isinstance(node, ast.Compare) and any(isinstance(n, ast.Attribute) and n.attr == "reason" for n in ast.walk(node)):
            yield from (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def test_no_reason_of_ours_is_compared_with_a_literal() -> None:
    words = {str(member) for member in Reason}
    assert [(path.name, text) for path in MODULES for text in literals_compared(path) if text in words] == []


@cache
def schema() -> dict[str, Any]:
    version = crd()["spec"]["versions"][0]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def exists(path: str, node: dict[str, Any]) -> bool:
    """Return whether the segments of a path exist in a schema."""
    for step in re.findall(r"\.[^.\[]+|\[[^\]]*\]", path):
        if node.get("x-kubernetes-preserve-unknown-fields"):
            return True
        if step.startswith("["):
            following = node.get("items", node.get("additionalProperties", UNSET))
        elif step == ".…":
            return True
        else:
            following = node.get("properties", {}).get(step[1:], node.get("additionalProperties", UNSET))
        if not isinstance(following, dict):
            return following is True
        node = following
    return True


def unknown(text: str) -> list[str]:
    return [f"spec{path}" for path in PATH.findall(text) if not exists(path, schema())]


@pytest.mark.parametrize("text", ["spec.azure.locatoin is", "Set spec.nodePools[x].vmsize.", "spec.jupyterhub.chart.versions"])
def test_a_path_that_the_crd_does_not_have_is_found(text: str) -> None:
    assert unknown(text)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_paths_of_the_spec_in_the_code_exist(path: Path) -> None:
    assert [(found, text) for text in texts(path) for found in unknown(text)] == []


def remedies() -> Iterator[str]:
    """Yield all remedies: of Azure's codes, of Helm's messages, and of the operator's own checks."""
    yield from (row.remedy for rows in CODES.values() for row in rows)
    yield from (row.remedy for row in [*AADSTS.values(), *FEDERATED.values()])
    yield from (row.remedy for row in TABLE)
    yield from (statement.remedy for statement in failures())


FIXED = [path for path, rules in RULES.items() if any("cannot change" in message for _, message in rules)]
ASKS_FOR_A_CHANGE = re.compile(
    rf"\b(set|correct|change|choose|one with (?:the right|another)) (?:a )?({'|'.join(map(re.escape, FIXED))})\b", re.I
)


def test_a_remedy_asks_for_no_change_that_admission_refuses() -> None:
    """Admission would refuse such a change, because the field is immutable."""
    assert "spec.azure.location" in FIXED and any(map(ASKS_FOR_A_CHANGE.search, remedies()))
    assert [text for text in remedies() if ASKS_FOR_A_CHANGE.search(text) and "cannot change" not in text] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_paths_of_the_spec_in_the_documents_exist(path: Path) -> None:
    assert unknown(path.read_text()) == []
