"""The commands under both of their names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = f"#!{sys.executable}\nimport sys\nfrom notebook_platform.cli import main\nsys.exit(main())\n"
PYTHONPATH = os.pathsep.join(sys.path)


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """Return an environment with both programs on the PATH, and no cluster."""
    for name in ("notebook-platform", "kubectl-notebook_platform"):
        (tmp_path / name).write_text(PROGRAM)
        (tmp_path / name).chmod(0o755)
    more = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": PYTHONPATH, "KUBECONFIG": str(tmp_path / "none")}
    return {**os.environ, **more}


@pytest.mark.parametrize(
    ("called", "name"),
    [
        (("notebook-platform",), "notebook-platform"),
        (("kubectl", "notebook_platform"), "kubectl notebook-platform"),
        (("kubectl", "notebook-platform"), "kubectl notebook-platform"),
    ],
)
def test_help_and_errors_speak_of_the_program_as_it_was_called(
    called: tuple[str, ...], name: str, on_path: dict[str, str]
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*called, *arguments], env=on_path, capture_output=True, text=True, check=False)

    assert run("--help").stdout.startswith(f"usage: {name} COMMAND [FLAGS]\n")
    assert run("watch", "--help").stdout.startswith(f"usage: {name} watch ")
    nowhere = run("wait", "hub", "--namespace=platforms")
    assert (nowhere.returncode, nowhere.stderr) == (1, f"{name} wait: no kubeconfig found; set KUBECONFIG\n")
    unknown = run("wacht")
    assert unknown.returncode == 2 and unknown.stderr.startswith("usage: ")


def test_a_reader_that_stops_early_sees_no_traceback(on_path: dict[str, str]) -> None:
    command = "set -o pipefail; notebook-platform crd --schema | head -1"
    done = subprocess.run(["bash", "-c", command], env=on_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (141, "{\n", "")


def test_a_command_leaves_no_garbage_to_be_collected_when_the_interpreter_exits() -> None:
    program = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        "from notebook_platform.cli import main; main(['completion', 'bash'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": PYTHONPATH}, capture_output=True, text=True
    )
    assert done.stdout.endswith("True\n")
