"""The commands: `run` keeps platforms; the others are for people. Each is imported when it is asked for."""

import sys
from collections.abc import Callable, Mapping, Sequence

USAGE = """usage: notebook-platform COMMAND [FLAGS]

  run      keep all NotebookPlatforms of the cluster that KUBECONFIG (or the pod's ServiceAccount) leads to
  plan     say what would be done for a platform, before it is done
  doctor   look whether everything is there to begin with
  import   describe what is in Azure as a NotebookPlatform
  crd      print the CustomResourceDefinition

`notebook-platform COMMAND --help` tells more. The flags of `run` can be set as NOTEBOOK_PLATFORM_<FLAG> too, and the other
commands read them from there."""


def _run(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.run import run

    return run(arguments)


def _crd(arguments: Sequence[str]) -> int:
    from notebook_platform.api.crd import crd_yaml

    sys.stdout.write(crd_yaml())
    return 0


def _plan(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.plan import plan

    return plan(arguments)


def _doctor(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.doctor import doctor

    return doctor(arguments)


def _import(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.take_over import take_over

    return take_over(arguments)


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "run": _run,
    "plan": _plan,
    "doctor": _doctor,
    "import": _import,
    "crd": _crd,
}


def main() -> int:
    """Run one command; returns the exit code. Commands are imported when they are asked for."""
    command, *arguments = sys.argv[1:] or [""]
    if command not in COMMANDS:
        print(USAGE, file=sys.stdout if command in ("-h", "--help") else sys.stderr)
        return 0 if command in ("-h", "--help") else 2
    return COMMANDS[command](arguments)
