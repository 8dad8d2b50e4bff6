"""The command line. `run` is the operator; the other commands are read-only tools for its users.

Each command has a subparser, and a module of its own that parses the command's flags. The module is imported when its command is
called: most need no Azure SDK.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLUGIN = "kubectl-notebook_platform"
"""The file that kubectl runs for `kubectl notebook_platform` (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/)."""

EPILOG = """`{program} COMMAND --help` shows the flags of a command. Each flag of `run` is also an environment variable,
NOTEBOOK_PLATFORM_<FLAG>; the other commands read these variables too."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as in shells."""


PIPE_CLOSED = 141
"""Exit code when the reader of the output has gone: 128 + SIGPIPE."""


def program() -> str:
    """Return the name of the program for usage texts: `kubectl notebook_platform` when it runs as a plugin of kubectl."""
    return "kubectl notebook_platform" if Path(sys.argv[0]).stem == PLUGIN else "notebook-platform"


def _run(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.run import run

    return run(arguments)


def _crd(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.crd import crd_command

    return crd_command(arguments)


def _plan(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.plan import plan

    return plan(arguments)


def _watch(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.watch import watch

    return watch(arguments)


def _wait(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.wait import wait

    return wait(arguments)


def _doctor(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.doctor import doctor

    return doctor(arguments)


def _init(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.init import init

    return init(arguments)


def _support_bundle(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.support_bundle import support_bundle

    return support_bundle(arguments)


def _import(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.import_ import import_platform

    return import_platform(arguments)


@dataclass(frozen=True)
class Command:
    """One command: `run` takes the words after its name and returns the exit code; `summary` is its line of help."""

    run: Callable[[Sequence[str]], int]
    summary: str


COMMANDS: Mapping[str, Command] = {
    "run": Command(_run, "reconcile the NotebookPlatforms of the cluster of KUBECONFIG, or of the pod's own cluster"),
    "plan": Command(_plan, "show the changes that the operator would make"),
    "watch": Command(_watch, "watch a platform's progress: steps, operations, releases, nodes, events"),
    "wait": Command(_wait, "wait until a platform is Ready, has another condition, or is deleted"),
    "doctor": Command(_doctor, "check credentials, permissions, versions, quota and names before anything is created"),
    "init": Command(_init, "write a first platform.yaml from a few answers and from what Azure offers"),
    "support-bundle": Command(_support_bundle, "write a platform's state, without secrets, into an archive for a bug report"),
    "import": Command(_import, "describe existing Azure resources as a NotebookPlatform"),
    "crd": Command(_crd, "print the CustomResourceDefinition, its difference to the cluster's, or the JSON schema for editors"),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that is the first of the words (default: those of the command line); return the exit code.

    Raises SystemExit with code 2 for an unknown command, as the commands do for an unknown flag.
    """
    parser = argparse.ArgumentParser(
        program(),
        usage=f"{program()} COMMAND [FLAGS]",
        epilog=EPILOG.format(program=program()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.summary, add_help=False, allow_abbrev=False)
    options, rest = parser.parse_known_args(words)
    try:
        return COMMANDS[options.command].run(rest)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has read enough; https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
