"""Each command of this project in the documents, in blocks and spans: its own parser knows its flags, the Makefile its targets."""

import argparse
import contextlib
import io
import re
from collections.abc import Iterator
from itertools import takewhile

import pytest
from notebook_platform.cli import COMMANDS, NAME, RUN, command_parser, main

from sandbox.cli import parser as sandbox_parser
from tests.local.document_commands import PAGES, ROOT, Command, document_commands

SANDBOX = "notebook-platform-sandbox"
FLAGS = {
    ("docker", "build"): {"-t": "tag of the image"},
    ("docker", "buildx"): {},
    ("docker", "login"): {},
    ("docker", "run"): {
        "--rm": "no container stays",
        "-u": "the kubeconfig is readable for its owner only",
        "-it": "watch redraws, init asks",
        "-v": "the kubeconfig",
        "-e": "where it is",
    },
    ("sops", "encrypt"): {  # https://getsops.io/docs/usage/identities/age/
        "--age": "the public key",
        "--encrypted-regex": "the members that are secret",
        "--in-place": "the file that Flux decrypts",
    },
    ("cosign", "verify"): {
        "--certificate-oidc-issuer": "issuer of the workflow's token",
        "--certificate-identity-regexp": "the workflow that signed",
    },
}
"""Commands of programs that are not installed here, with the flags that their documentation has and why the pages use them."""

IMAGE = "/notebook-platform:"
"""After the image come the words of the command in it."""

TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(*programs: str) -> list[Command]:
    """Return the commands of these programs on all pages, each once."""
    pages = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md"]
    found = {(one.program, one.words): one for page in pages for one in document_commands(page, frozenset(programs))}
    return list(found.values())


def own() -> Iterator[Command]:
    """Yield the commands of the operator's program, also as a plugin of kubectl."""
    yield from commands(NAME)
    for one in commands("kubectl"):
        if one.words[0] == NAME and len(one.words) > 1:
            yield Command(one.page, NAME, one.words[1:])


def objection(command: Command) -> str:
    """Return what the parser of the command objects to, or nothing.

    A span that names a command alone, as `notebook-platform plan`, needs none of its arguments."""
    if command.program == SANDBOX:
        return _refused(sandbox_parser(), command)
    if command.words[0] == RUN:
        return _run(command)
    return _refused(command_parser(NAME, COMMANDS), command)


def _refused(parser: argparse.ArgumentParser, command: Command) -> str:
    words = [*command.words, "--help"] if len(command.words) == 1 or command.words[-1].startswith("-") else list(command.words)
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            parser.parse_args(words)
        except SystemExit as ended:
            if ended.code:
                return f"{command.page}: {command}: {errors.getvalue()}"
    return ""


def _run(command: Command) -> str:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        main([RUN, "--help"])
    known = set(re.findall(r"--[a-z-]+", shown.getvalue()))
    unknown = [word for word in command.words[1:] if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{command.page}: {command}: {unknown}" if unknown else ""


def test_the_parsers_know_each_command_of_the_documents() -> None:
    found = [*own(), *commands(SANDBOX)]
    assert [text for text in map(objection, found) if text] == []
    assert len(found) > 25 and {one.program for one in found} == {NAME, SANDBOX}


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (NAME, ("plan", "--file", "x")),
        (NAME, ("wacht",)),
        (NAME, ("wait", "hub", "--timeout", "soon")),
        (NAME, ("run", "--shard=4")),
        (SANDBOX, ("up", "--environment", "x")),
        (SANDBOX, ("stop",)),
    ],
)
def test_a_wrong_command_is_found(program: str, words: tuple[str, ...]) -> None:
    assert objection(Command("page", program, words))


def test_the_makefile_has_each_target_of_the_documents() -> None:
    found = commands("make")
    assert [f"{one.page}: {one}" for one in found for word in one.words if word not in TARGETS] == []
    assert len(found) > 8


def test_docker_cosign_and_sops_are_called_with_flags_that_they_have() -> None:
    found = commands("docker", "cosign", "sops")
    assert {(one.program, one.words[0]) for one in found} == set(FLAGS)
    wrong = [
        (one.page, word)
        for one in found
        for word in (takewhile(lambda word: IMAGE not in word, one.words) if one.words[0] == "run" else one.words)
        if word.startswith("-") and word not in FLAGS[one.program, one.words[0]]
    ]
    assert wrong == []
