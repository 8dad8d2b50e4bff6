"""The programs themselves know each command of kubectl and helm in the documents, with its flags: `--help` after them parses all of it."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.kubernetes.binaries import find_helm
from tests.local.document_commands import PAGES, ROOT, Command, document_commands, simple_commands

NOT_INSTALLED = {
    ("kubectl", "krew"): "krew is a plugin",
    ("kubectl", "notebook-platform"): "tests/local/cli_watch/test_called.py runs it",
}
"""Commands of plugins, which kubectl knows only where they are installed, and why none of them is tried here."""


def found() -> list[Command]:
    """Return each different command once, with the first page that has it."""
    once: dict[tuple[str, tuple[str, ...]], Command] = {}
    for page in PAGES:
        for command in document_commands(page, frozenset({"kubectl", "helm"})):
            once.setdefault((command.program, command.words), command)
    return list(once.values())


def objection(command: Command) -> str:
    """Return what is wrong with a command, or nothing."""
    program = str(find_helm()) if command.program == "helm" else command.program
    words = [program, *command.words, "--help"]
    done = subprocess.run(
        words, cwd=ROOT, env={"PATH": os.environ["PATH"], "HOME": "/none"}, capture_output=True, text=True, check=False
    )
    usage = re.search(r"^Usage:\n  (.+)$", done.stdout, re.MULTILINE)
    known = done.returncode == 0 and usage and any(f"{command.program} {word}" in usage[1] for word in command.words)
    return "" if known else f"{command.page}: {command}\n{done.stderr or done.stdout[:300]}"


def test_kubectl_and_helm_know_each_command_with_its_flags() -> None:
    commands = [one for one in found() if (one.program, one.words[0]) not in NOT_INSTALLED]
    with ThreadPoolExecutor(2) as pool:
        assert [text for text in pool.map(objection, commands) if text] == []
    assert len(commands) > 60, "the pages have commands, and this test finds them"


@pytest.mark.parametrize("words", [("get", "nbp", "--namespaces", "x"), ("gett", "nbp"), ("wait", "nbp", "--timeout=soon")])
def test_a_wrong_flag_a_wrong_verb_and_a_wrong_value_are_found(words: tuple[str, ...]) -> None:
    assert objection(Command("page", "kubectl", words))


def test_a_line_is_split_where_the_shell_splits_it(tmp_path: Path) -> None:
    assert list(simple_commands("kubectl get nbp -o json | kubectl replace -f - > file && helm list")) == [
        ["kubectl", "get", "nbp", "-o", "json"],
        ["kubectl", "replace", "-f", "-"],
        ["helm", "list"],
    ]
    assert list(simple_commands("it doesn't close its quote")) == []
