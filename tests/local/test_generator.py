"""`python -m docs.generator --check` finds files that differ from the code. It starts helm."""

from pathlib import Path

import pytest

from docs.generator.__main__ import BLOCKS, main
from docs.generator.__main__ import ROOT as REPOSITORY


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a directory with only the documents that hold a generated block."""
    for name in BLOCKS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((REPOSITORY / name).read_text())
    return tmp_path


def test_the_check_finds_a_page_and_a_manifest_that_are_behind_the_code(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(repository)]) == 0
    assert main(["--root", str(repository), "--check"]) == 0
    page = repository / "docs/reference/errors.md"
    page.write_text(page.read_text().replace("QuotaExceeded", "NoQuota"))
    manifest = repository / "deploy/install.yaml"
    manifest.write_text(manifest.read_text().replace("verbs: [list, watch]", "verbs: [list, watch, delete]"))
    assert main(["--root", str(repository), "--check"]) == 1
    shown = capsys.readouterr().out
    assert "make docs" in shown and "NoQuota" in shown and "-    verbs: [list, watch, delete]" in shown


def test_the_check_finds_a_drawing_that_is_behind_the_code(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(repository)]) == 0
    document = repository / "ARCHITECTURE.md"
    written = document.read_text()
    document.write_text(written.replace("Cluster --> NodePools", "Network --> NodePools"))
    assert main(["--root", str(repository), "--check"]) == 1
    assert "+  Cluster --> NodePools" in capsys.readouterr().out
    assert main(["--root", str(repository)]) == 0
    assert document.read_text() == written
