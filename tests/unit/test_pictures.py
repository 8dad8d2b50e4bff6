"""The pictures of the manual: each is shown, small, complete in itself, and shows what today's commands print."""

import html
import re
from io import StringIO
from pathlib import Path

import pytest
import yaml
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.manual import SITE
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.checks import ALL, Finding
from notebook_platform.cli.doctor import print_findings
from notebook_platform.cli.plan_view import WORDS
from rich.console import Console

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))
CRD = ROOT / "crds" / "notebookplatforms.notebookplatform.io.yaml"
MOST_BYTES, MOST_BYTES_OF_A_DASHBOARD = 64 * 1024, 300 * 1024
OWN = (SITE, "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://127.0.")
NAMED = re.compile(r"\]\(((?:[\w.-]+/)*pictures/[\w-]+\.svg)\)")
"""A link to a picture: its path, relative to the page."""


def text_of(name: str) -> str:
    """Return the words of a picture."""
    return html.unescape(re.sub(r"<[^>]+>", " ", (ROOT / "docs" / "pictures" / f"{name}.svg").read_text())).replace("\xa0", " ")


def assert_are_steps(names: list[str]) -> None:
    page = (ROOT / "docs" / "reference" / "steps.md").read_text()
    assert [name for name in names if f'["{name}"]' not in page] == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_is_shown_small_and_needs_nothing_from_outside(picture: Path) -> None:
    assert any(f"pictures/{picture.name}" in page.read_text() for page in PAGES)
    content = picture.read_text()
    most = MOST_BYTES_OF_A_DASHBOARD if picture.stem.startswith("dashboard-") else MOST_BYTES
    assert len(content.encode()) < most
    assert [url for url in re.findall(r"https?://[^\s\"'<]+", content) if not url.startswith(OWN)] == []
    assert not re.search(r"/(tmp|home|root|work)/", content)


def test_each_picture_that_a_page_names_exists() -> None:
    named = [(page, path) for page in PAGES for path in NAMED.findall(page.read_text())]
    assert {(page.parent / path).resolve() for page, path in named} == {picture.resolve() for picture in PICTURES}


def test_watch_shows_steps_of_today() -> None:
    shown = re.findall(r"[●◐○✗]\s+(\w+)\s", text_of("watch"))
    assert len(shown) > 5
    assert_are_steps([name for name in shown if name != "platforms"])


def test_doctor_shows_checks_of_today() -> None:
    shown = re.findall(r"^ *[✓!✗]\s+(\w+(?: \w+)*?)  ", text_of("doctor"), re.MULTILINE)
    assert len(shown) > 10
    assert set(shown) <= {"token", "subscription", *ALL, "chart", "hub metrics"}


def test_doctor_counts_the_blocking_problems_as_today() -> None:
    output = StringIO()
    print_findings(Console(file=output), [("quota", Finding(sentence="none left", reason=Reason.QUOTA_EXCEEDED))])
    assert output.getvalue().splitlines()[-1] in text_of("doctor")


@pytest.mark.parametrize(("name", "action"), [("plan-create", "create"), ("plan-change", "update")])
def test_plan_shows_steps_of_today_and_counts_changes_as_today(name: str, action: str) -> None:
    text = text_of(name)
    shown = re.findall(r"^ *[+~] +([A-Z]\w+)  ", text, re.MULTILINE)
    assert shown
    assert_are_steps(shown)
    assert re.search(rf"\d+ {WORDS[action]}\b", text)


def test_a_deferred_change_shows_until_when() -> None:
    text = " ".join(text_of("plan-deferred").split())
    assert "-/+ agentPools[users].vmSize Standard_D4s_v5 -> Standard_D8s_v5" in text
    assert "deferred until spec.cluster.maintenanceWindow opens on Saturday 02:00 UTC" in text


def test_describe_shows_the_conditions_of_the_whole_platform() -> None:
    shown = re.findall(r"Type: +(\w+)", text_of("describe"))
    assert shown == [ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED]


def test_wait_shows_todays_sentences() -> None:
    text = text_of("wait")
    assert "platforms/hub waits for Ready: " in text
    assert "platforms/hub has the condition Ready: " in text


def test_init_asks_todays_questions_and_checks_the_file() -> None:
    text = text_of("init")
    source = (ROOT / "operator" / "notebook_platform" / "cli" / "init.py").read_text()
    asked = re.findall(r"^ *([A-Z][\w -]+?)(?: \([^)]*\))? \[", text, re.MULTILINE)
    assert len(asked) == 5 and [question for question in asked if f'"{question}' not in source] == []
    assert re.search(r"(?:No|\d+) blocking problems? found", text) and "Written to hub.yaml" in text


def test_get_shows_the_columns_of_the_crd() -> None:
    (version,) = yaml.load(CRD.read_text(), Loader=yaml.CSafeLoader)["spec"]["versions"]
    columns = [one["name"] for one in version["additionalPrinterColumns"] if not one.get("priority")]
    assert re.search(r"\s+".join(["NAME", *columns]), text_of("get"))
