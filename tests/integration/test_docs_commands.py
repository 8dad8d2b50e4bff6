"""Every command of the tutorial and the how-to's runs on the sandbox, in the order in which a reader runs them; the API server accepts
every fragment of YAML."""

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

from sandbox.operator_process import ROOT
from tests.integration.conftest import Field
from tests.integration.docs_pages import blocks, commands, fragments, merged, run_page

DOCS = ROOT / "docs"
BETWEEN = [*sorted((DOCS / "how-to").glob("*.md")), DOCS / "support-bundle.md"]
PAGES = [DOCS / "tutorial/first-hub.md", *BETWEEN, DOCS / "tutorial/change-and-delete.md"]


pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader works."""
    return tmp_path_factory.mktemp("reader")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_works_and_prints_what_the_page_shows(site: Field, directory: Path, page: Path) -> None:
    environment = {**site.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    assert run_page(page, directory, environment) == []


@pytest.mark.parametrize("page", BETWEEN, ids=lambda page: page.stem)
def test_the_api_server_accepts_every_fragment(site: Field, page: Path) -> None:
    whole = next(yaml.safe_load(block.text) for block in blocks(PAGES[0]) if block.title == "hub.yaml")
    whole["metadata"]["name"] = "fragment"
    documents = [merged(whole, fragment) for fragment in fragments(page)]
    for document in documents:
        site.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(document))


def test_no_block_of_a_page_is_without_a_language() -> None:
    unnamed = [f"{page.name}: {block.text[:60]}" for page in PAGES for block in blocks(page) if not block.language]
    assert not unnamed and sum(1 for page in PAGES for block in blocks(page) for _ in commands(block)) > 25
