"""Run the commands that sign in to Azure as their user. It is apart from `running`, which `watch` and `wait` use without Azure."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.cli import program
from notebook_platform.cli.output import show_error
from notebook_platform.cli.running import FAILED, run_command
from notebook_platform.engine.conditions import sentence
from notebook_platform.engine.outcome import Failed, StepError
from notebook_platform.kube.redaction import sanitize

CREDENTIALS = "spec.azure.credentials"
SIGN_IN = "Run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."


def run_azure_command(command: str, work: Coroutine[Any, Any, int]) -> int:
    """Run a command to its exit code. A StepError is printed to standard error, with its remedy, and gives FAILED."""
    try:
        return run_command(command, work)
    except StepError as refused:
        show_error(f"{program()} {command}: {sanitize(sentence(_as_user(refused.failed)))}")
        return FAILED


def _as_user(failed: Failed) -> Failed:
    """Return a failed sign-in in the words of a command without a spec: its user signs in, and no field names credentials."""
    if failed.reason != Reason.SIGN_IN_REFUSED:
        return failed
    return replace(failed, message=failed.message.removeprefix(f"{CREDENTIALS}: "), remedy=SIGN_IN)
