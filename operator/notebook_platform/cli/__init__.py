"""The commands: `run` keeps platforms, `crd` prints the resource definition."""

import sys
from collections.abc import Callable, Mapping, Sequence

USAGE = """usage: notebook-platform COMMAND [FLAGS]

  run    keep all NotebookPlatforms of the cluster that KUBECONFIG (or the pod's ServiceAccount) leads to
  crd    print the CustomResourceDefinition

`notebook-platform run --help` lists its flags; each can be set as NOTEBOOK_PLATFORM_<FLAG> too."""


def _run(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.run import run

    return run(arguments)


def _crd(arguments: Sequence[str]) -> int:
    from notebook_platform.api.crd import crd_yaml

    sys.stdout.write(crd_yaml())
    return 0


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {"run": _run, "crd": _crd}


def main() -> int:
    """Run one command; returns the exit code. Commands are imported when they are asked for."""
    command, *arguments = sys.argv[1:] or [""]
    if command not in COMMANDS:
        print(USAGE, file=sys.stdout if command in ("-h", "--help") else sys.stderr)
        return 0 if command in ("-h", "--help") else 2
    return COMMANDS[command](arguments)
