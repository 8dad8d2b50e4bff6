"""The commands: `run` keeps platforms; the others are for people. Each is imported when it is asked for."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PLUGIN = "kubectl-notebook_platform"
"""The file that kubectl runs for `kubectl notebook_platform` (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/)."""

USAGE = """usage: {program} COMMAND [FLAGS]

  run      keep all NotebookPlatforms of the cluster that KUBECONFIG (or the pod's ServiceAccount) leads to
  plan     say what would be done for a platform, before it is done
  watch    show how a platform comes along: steps, operations, releases, nodes, events
  wait     return when a platform is Ready, or has another condition, or is gone
  doctor   look whether everything is there to begin with
  import   describe what is in Azure as a NotebookPlatform
  crd      print the CustomResourceDefinition

`{program} COMMAND --help` tells more. The flags of `run` can be set as NOTEBOOK_PLATFORM_<FLAG> too, and the other
commands read them from there."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def program() -> str:
    """What the person typed to get here, for messages: as a plugin of kubectl it has another name."""
    return "kubectl notebook_platform" if Path(sys.argv[0]).stem == PLUGIN else "notebook-platform"


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


def _watch(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.watch import watch

    return watch(arguments)


def _wait(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.wait import wait

    return wait(arguments)


def _doctor(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.doctor import doctor

    return doctor(arguments)


def _import(arguments: Sequence[str]) -> int:
    from notebook_platform.cli.import_ import take_over

    return take_over(arguments)


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "run": _run,
    "plan": _plan,
    "watch": _watch,
    "wait": _wait,
    "doctor": _doctor,
    "import": _import,
    "crd": _crd,
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that the words (left out: those of the command line) begin with; returns the exit code.
    Commands are imported when they are asked for."""
    command, *arguments = (sys.argv[1:] if words is None else words) or [""]
    if command not in COMMANDS:
        from notebook_platform.cli.output import show

        show(USAGE.format(program=program()), to=sys.stdout if command in ("-h", "--help") else sys.stderr)
        return 0 if command in ("-h", "--help") else 2
    try:
        return COMMANDS[command](arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
