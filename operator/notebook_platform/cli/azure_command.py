"""Run the commands that sign in to Azure as their user. It is apart from `running`, which `watch` and `wait` use without Azure."""

from collections.abc import Coroutine
from typing import Any

from notebook_platform.cli import program
from notebook_platform.cli.output import show_error
from notebook_platform.cli.running import FAILED, run_command
from notebook_platform.engine.conditions import sentence
from notebook_platform.engine.outcome import StepError
from notebook_platform.kube.redaction import sanitize


def run_azure_command(command: str, work: Coroutine[Any, Any, int]) -> int:
    """Run a command to its exit code. A StepError is printed to standard error, with its remedy, and gives FAILED."""
    try:
        return run_command(command, work)
    except StepError as refused:
        show_error(f"{program()} {command}: {sanitize(sentence(refused.failed))}")
        return FAILED
