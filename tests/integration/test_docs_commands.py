"""Every command of the tutorial and the how-to's runs on the sandbox, in the order in which a reader runs them; the API server accepts
every fragment of YAML."""

import os
import sys
from pathlib import Path

import pytest
import yaml

from sandbox.operator_process import ROOT
from tests.integration.admission import TAKEN, attempt
from tests.integration.conftest import Field
from tests.integration.docs_pages import blocks, commands, fragments, merged, run_page
from tests.integration.docs_rehearsal import REHEARSED, rehearse

DOCS = ROOT / "docs"
BETWEEN = [*sorted((DOCS / "how-to").glob("*.md")), DOCS / "support-bundle.md"]
PAGES = [DOCS / "tutorial/first-hub.md", *BETWEEN, DOCS / "tutorial/change-and-delete.md"]


pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader works."""
    return tmp_path_factory.mktemp("reader")


@pytest.fixture(scope="module")
def environment(site: Field) -> dict[str, str]:
    """Return the reader's environment: the sandbox, and the commands on the PATH."""
    return {**os.environ, **site.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize("page", PAGES[:-1], ids=lambda page: page.stem)
def test_every_command_works_and_prints_what_the_page_shows(environment: dict[str, str], directory: Path, page: Path) -> None:
    assert run_page(page, directory, environment) == []


@pytest.mark.parametrize("page", REHEARSED, ids=lambda page: page.stem)
def test_kubectl_and_the_api_server_take_the_commands_of_an_installation(
    environment: dict[str, str], directory: Path, page: Path
) -> None:
    assert rehearse(page, directory / "hub.yaml", environment) == []


def test_the_page_that_deletes_the_hub_works_at_last(environment: dict[str, str], directory: Path) -> None:
    assert run_page(PAGES[-1], directory, environment) == []


@pytest.mark.parametrize("page", BETWEEN, ids=lambda page: page.stem)
def test_the_api_server_accepts_every_fragment(site: Field, page: Path) -> None:
    whole = next(yaml.safe_load(block.text) for block in blocks(PAGES[0]) if block.title == "hub.yaml")
    whole["metadata"]["name"] = "fragment"
    for fragment in fragments(page):
        assert attempt(site, merged(whole, fragment)) == TAKEN


def test_no_block_of_a_page_is_without_a_language() -> None:
    unnamed = [f"{page.name}: {block.text[:60]}" for page in PAGES for block in blocks(page) if not block.language]
    assert not unnamed and sum(1 for page in PAGES for block in blocks(page) for _ in commands(block)) > 25
