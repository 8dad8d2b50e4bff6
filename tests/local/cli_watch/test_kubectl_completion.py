"""Completion below kubectl, by the real kubectl: `__complete` is what its shell scripts call for each press of Tab."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_platform.cli import COMMANDS
from notebook_platform.cli.kubectl_completion import NO_PATHS, PATHS, complete

PROGRAM = f"#!{sys.executable}\nimport sys\nfrom notebook_platform.cli{{module}} import main\nsys.exit(main())\n"
PYTHONPATH = os.pathsep.join(sys.path)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with the plugin and its completion on the PATH, and no cluster."""
    for name, module in (("kubectl-notebook_platform", ""), ("kubectl_complete-notebook_platform", ".kubectl_completion")):
        (tmp_path / name).write_text(PROGRAM.format(module=module))
        (tmp_path / name).chmod(0o755)
    more = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": PYTHONPATH, "KUBECONFIG": str(tmp_path / "none")}
    return {**os.environ, **more}


def asked(environment: dict[str, str], *words: str) -> tuple[dict[str, str], str]:
    """Return the candidates with their descriptions, and the directive, that kubectl gives to the shell."""
    command = ["kubectl", "__complete", "notebook-platform", *words]
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.partition("\t")[0]: line.partition("\t")[2] for line in lines[:-1]}, lines[-1]


def test_kubectl_completes_commands_flags_values_and_paths(environment: dict[str, str]) -> None:
    found, directive = asked(environment, "")
    assert found == {word: command.summary for word, command in COMMANDS.items()} and directive == f":{NO_PATHS}"
    assert asked(environment, "watch", "--un") == (
        {"--until-ready": "exit when it is Ready, and print the duration of each step"},
        f":{NO_PATHS}",
    )
    assert asked(environment, "plan", "-f", "") == ({}, f":{PATHS}")


@pytest.mark.parametrize(
    ("words", "candidates", "directive"),
    [
        (["wa"], {"wait", "watch"}, NO_PATHS),
        (["-"], {"--help"}, NO_PATHS),
        (["plan", "-o", ""], {"text", "json"}, NO_PATHS),
        (["plan", "--output=j"], {"--output=json"}, NO_PATHS),
        (["plan", "--filename=hub"], set(), PATHS),
        (["plan", "-f", "hub.yaml", "-o", "json", "--"], {"--help", "--namespace", "--operator-namespace"}, NO_PATHS),
        (["plan", "-n", ""], set(), NO_PATHS),
        (["watch", "--until-ready", ""], set(), NO_PATHS),
        (["completion", ""], {"bash", "zsh", "fish"}, NO_PATHS),
        (["completion", "bash", ""], set(), NO_PATHS),
        (["run", "--"], set(), NO_PATHS),
        (["unknown", ""], set(), NO_PATHS),
    ],
)
def test_candidates_and_directive_for_the_last_word(words: list[str], candidates: set[str], directive: int) -> None:
    answer = complete(words)
    assert (set(answer.candidates), answer.directive) == (candidates, directive)
