"""A step of a story that is selected alone brings the steps before it, and a shuffle leaves their order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.operator_process import ROOT

CONFTEST = """
import pytest
from tests.order import shuffled, with_stories

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    yield
    items[:] = with_stories(shuffled(items, 1))
"""
STORY = "import pytest\npytestmark = pytest.mark.story({files})\ndef test_{name}_one(): pass\ndef test_{name}_two(): pass\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a directory with a story of two files, and a file without one."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = story: steps\n")
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text(STORY.format(name=name, files='"test_a.py", "test_b.py"'))
    (tmp_path / "test_c.py").write_text("def test_c_one(): pass\ndef test_c_two(): pass\n")
    return tmp_path


@pytest.mark.parametrize(
    ("selected", "found"),
    [
        (("test_b.py::test_b_one",), ["test_a_one", "test_a_two", "test_b_one"]),
        (("-k", "a_two"), ["test_a_one", "test_a_two"]),
        (("test_c.py::test_c_two",), ["test_c_two"]),
        (("test_a.py", "test_b.py"), ["test_a_one", "test_a_two", "test_b_one", "test_b_two"]),
    ],
)
def test_a_step_brings_those_before_it(project: Path, selected: tuple[str, ...], found: list[str]) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        *selected,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    assert [line.split("::")[1] for line in done.stdout.splitlines() if "::" in line] == found
