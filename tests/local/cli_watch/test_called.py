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
    done = piped("notebook-platform crd --schema | head -1", on_path)
    assert (done.returncode, done.stdout, done.stderr) == (141, "{\n", "")


@pytest.mark.parametrize("command", ["completion bash", "crd", "wait hub 2>&1", "plan -f none.yaml 2>&1"])
def test_a_reader_that_has_gone_ends_each_command_quietly(command: str, on_path: dict[str, str]) -> None:
    done = piped(f"notebook-platform {command} | {{ exec <&-; sleep 1; }}", on_path)
    assert (done.returncode, done.stdout, done.stderr) == (141, "", "")


LINES_OF_A_PLAN = """
import sys
from notebook_platform.cli import COMMANDS, Command, main
from notebook_platform.cli.output import Output
def many(given):
    console = Output()
    for number in range(100_000): console.print(number)
    return 2
module = type(sys)("notebook_platform.cli.many"); module.many = many
sys.modules[module.__name__] = module
COMMANDS["completion"] = Command("many", "many", "")
sys.exit(main(["completion", "bash"]))
"""


def test_a_reader_that_stops_early_is_no_error_of_a_plan(on_path: dict[str, str]) -> None:
    """`plan` prints line by line through rich, which answers a closed pipe with exit code 1: that of an error."""
    done = piped(f"{sys.executable} -c '{LINES_OF_A_PLAN}' | head -1", on_path)
    assert (done.returncode, done.stdout, done.stderr) == (141, "0\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_one_sentence(on_path: dict[str, str]) -> None:
    done = piped("notebook-platform crd > /dev/full", on_path)
    words = "notebook-platform: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, words)


def piped(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a pipeline whose exit code is that of its last command that failed."""
    pipeline = f"set -o pipefail; {command}"
    return subprocess.run(["bash", "-c", pipeline], env=environment, capture_output=True, text=True, check=False)


def test_a_command_leaves_no_garbage_to_be_collected_when_the_interpreter_exits() -> None:
    program = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        "from notebook_platform.cli import main; main(['completion', 'bash'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": PYTHONPATH}, capture_output=True, text=True
    )
    assert done.stdout.endswith("True\n")
