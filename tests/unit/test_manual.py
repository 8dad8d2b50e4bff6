"""Links into the manual: every reason has a part, conditions that require an action lead there, the pages link to what exists."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from notebook_platform.api.conditions import MESSAGE_LIMIT, condition
from notebook_platform.api.manual import SITE, troubleshooting, with_link
from notebook_platform.api.reasons import Reason
from notebook_platform.api.words import AzureCode
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.outcome import Failed
from notebook_platform.engine.result import Result
from pydantic import ValidationError

from docs.site import pages, rewritten

ROOT = Path(__file__).parent.parent.parent
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def test_the_address_is_the_same_everywhere() -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Documentation"] == tomllib.loads((ROOT / "docs/zensical.toml").read_text())["project"]["site_url"] == SITE


def test_the_navigation_has_every_page_but_the_decisions() -> None:
    nav = tomllib.loads((ROOT / "docs/zensical.toml").read_text())["project"]["nav"]
    shown = [page for entry in nav for part in entry.values() for page in ([part] if isinstance(part, str) else part)]
    found = [page.relative_to(ROOT / "docs").as_posix() for page in pages(ROOT) if page.suffix == ".md"]
    assert sorted(shown) == [page for page in sorted(found) if not page.startswith("decisions/")]


def test_every_reason_has_a_part_where_its_link_leads() -> None:
    found = anchors(ROOT / "docs/troubleshooting.md")
    missing = [reason for reason in Reason if troubleshooting(reason).partition("#")[2] not in found]
    assert not missing
    assert troubleshooting(AzureCode("NewCode")) == f"{SITE}troubleshooting/"


def test_only_stalled_links_and_a_long_message_keeps_its_link() -> None:
    failed = {"Cluster": Result(outcome=Failed(reason=Reason.LOCKED, message="x" * 3000, remedy=""))}
    found = {c.type: c.message for c in fold_conditions(failed, [], generation=1, now=NOW)}
    assert found["Stalled"].endswith(f"…. See {SITE}troubleshooting/#locked") and len(found["Stalled"]) <= MESSAGE_LIMIT
    assert [kind for kind, message in found.items() if SITE in message] == ["Stalled"]


def test_the_operator_can_link_elsewhere_or_not_at_all() -> None:
    stalled = condition("Stalled", True, Reason.LOCKED, "A lock.", generation=1, now=NOW)
    assert with_link(stalled, "https://wiki.example.org/np").message == (
        "A lock. See https://wiki.example.org/np/troubleshooting/#locked"
    )
    assert with_link(stalled, "") == stalled
    assert OperatorConfig(docs_url="").docs_url == ""
    with pytest.raises(ValidationError):
        OperatorConfig(docs_url="javascript:x")


@pytest.mark.parametrize("page", [ROOT / "README.md", *pages(ROOT)], ids=lambda page: page.stem)
def test_relative_links_and_anchors_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text() if page.suffix == ".md" else "", flags=re.DOTALL)
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" not in link and not link.startswith("mailto:"):
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_links_that_leave_the_pages_lead_to_the_repository() -> None:
    text = "[a](../README.md#x) [b](patch.md) [c](https://example.org) [d](#e)"
    assert rewritten(text, "docs", "https://git.example.org/np") == (
        "[a](https://git.example.org/np/blob/main/README.md#x) [b](patch.md) [c](https://example.org) [d](#e)"
    )
