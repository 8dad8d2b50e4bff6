"""The command line. `run` is the operator; the other commands are read-only tools for its users.

Each command has a subparser, with the flags of `flags`, and a module of its own. The module is imported when the flags are parsed and its
command begins: help and usage errors need no SDK, and most commands need no Azure SDK.
"""

import argparse
import atexit
import errno
import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TextIO

from notebook_platform.cli.flags import FLAGS

NAME = "notebook-platform"

PLUGIN = "kubectl-notebook_platform"
"""The file that kubectl runs for `kubectl notebook-platform` (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/)."""

EPILOG = """`{program} COMMAND --help` shows the flags of a command. Each flag of `run` is also an environment variable,
NOTEBOOK_PLATFORM_<FLAG>; the other commands read these variables too."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as in shells."""

PIPE_CLOSED = 141
"""Exit code when the reader of the output has gone: 128 + SIGPIPE."""

DISK_FULL = 1
"""Exit code when the file that takes the output does not fit its disk."""


def program() -> str:
    """Return the name of the program for usage texts: `kubectl notebook-platform` when it runs as a plugin of kubectl.

    kubectl accepts `-` and `_` in a plugin's name and does not pass on which one its user typed.
    """
    return f"kubectl {NAME}" if Path(sys.argv[0]).stem == PLUGIN else NAME


@dataclass(frozen=True)
class Command:
    """One command: `function` of `module` takes the parsed flags (that of `run`: its words) and returns the exit code; `summary` is its
    line of help."""

    module: str
    function: str
    summary: str

    def run(self, given: argparse.Namespace | Sequence[str]) -> int:
        """Import the command and run it; return the exit code."""
        code: int = getattr(import_module(f"notebook_platform.cli.{self.module}"), self.function)(given)
        return code


RUN = "run"
COMMANDS: Mapping[str, Command] = {
    RUN: Command("run", "run", "reconcile the NotebookPlatforms of the cluster of KUBECONFIG, or of the pod's own cluster"),
    "plan": Command("plan", "plan", "show the changes that the operator would make"),
    "watch": Command("watch", "watch", "watch a platform's progress: steps, operations, releases, nodes, events"),
    "wait": Command("wait", "wait", "wait until a platform is Ready, has another condition, or is deleted"),
    "doctor": Command("doctor", "doctor", "check credentials, permissions, versions, quota and names before anything is created"),
    "init": Command("init", "init", "write a first platform.yaml from a few answers and from what Azure offers"),
    "support-bundle": Command(
        "support_bundle", "support_bundle", "write a platform's state, without secrets, into an archive for a bug report"
    ),
    "import": Command("import_", "import_platform", "describe existing Azure resources as a NotebookPlatform"),
    "crd": Command(
        "crd",
        "crd_command",
        "print the CustomResourceDefinition, its difference to the cluster's, or the JSON schema for editors",
    ),
    "completion": Command("completion", "completion", "print a script by which bash, zsh or fish completes commands and flags"),
}


def command_parser(name: str, commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return the parser of these commands for a program of this name."""
    parser = argparse.ArgumentParser(
        name,
        usage=f"{name} COMMAND [FLAGS]",
        epilog=EPILOG.format(program=name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for word, command in commands.items():
        if word == RUN:
            subparsers.add_parser(word, help=command.summary, add_help=False, allow_abbrev=False)
            continue
        flags = FLAGS[word]
        one = subparsers.add_parser(
            word,
            prog=f"{name} {word}",
            help=command.summary,
            description=flags.description,
            epilog=flags.epilog,
            allow_abbrev=False,
        )
        flags.add(one)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that is the first of the words (default: those of the command line); return the exit code.

    Raises SystemExit with code 2 for an unknown command or a wrong flag.
    """
    atexit.register(
        gc.freeze
    )  # else the interpreter collects garbage before it exits: a third of what the imports took, for nothing
    words = sys.argv[1:] if words is None else words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without ✓ shows ?
            stream.reconfigure(errors="replace")
    try:
        try:
            return _run(words)
        finally:
            if sys.stdout is not None:  # None: the shell closed it with >&-
                sys.stdout.flush()  # what argparse prints would else meet a closed pipe when the interpreter ends
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has read enough; https://docs.python.org/3/library/signal.html#note-on-sigpipe
        _discard(sys.stdout, sys.stderr)
        return PIPE_CLOSED
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _discard(sys.stdout)
        sys.stderr.write(f"{program()}: the output cannot be written: {error.strerror}\n")
        return DISK_FULL


def _discard(*streams: TextIO | None) -> None:
    """Send what the streams still hold to nowhere: the interpreter flushes them once more when it ends."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(words: Sequence[str]) -> int:
    """Run the command that the words name and return its exit code."""
    if words and words[0] == RUN:
        return COMMANDS[RUN].run(words[1:])
    options = command_parser(program(), COMMANDS).parse_args(words)
    return COMMANDS[options.command].run(options)
