"""Run the commands that sign in to Azure as their user. It is apart from `running`, which `watch` and `wait` use without Azure."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.cli import program
from notebook_platform.cli.output import show_error
from notebook_platform.cli.running import FAILED, run_command
from notebook_platform.engine.conditions import sentence
from notebook_platform.engine.outcome import Failed, StepError
from notebook_platform.kube.redaction import sanitize

CREDENTIALS = "spec.azure.credentials"
NO_TOKEN_HERE = "spec.azure.credentials.workloadIdentity: only the operator's pod has the token of this identity"
OWN_SIGN_IN = (
    "Check a copy of the file without spec.azure.credentials, signed in with az login, or run the command in the operator's pod."
)
SIGN_IN = "Run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."


def run_azure_command(command: str, work: Coroutine[Any, Any, int]) -> int:
    """Run a command to its exit code. A StepError is printed to standard error, with its remedy, and gives FAILED."""
    try:
        return run_command(command, work)
    except StepError as refused:
        show_error(f"{program()} {command}: {sanitize(sentence(as_user(refused.failed)))}")
        return FAILED


def as_signed_in(spec: NotebookPlatformSpec, failed: Failed) -> Failed:
    """Return the failure of a step of `plan` or `doctor`: without credentials in the spec, their user signs in; with a workload identity
    they can sign in only where its token is."""
    if failed.reason == Reason.NO_FEDERATED_TOKEN:
        return replace(failed, message=NO_TOKEN_HERE, remedy=OWN_SIGN_IN)
    return failed if spec.azure.credentials else as_user(failed)


def as_user(failed: Failed) -> Failed:
    """Return a failed sign-in in the words of a command whose user signs in, because no field names credentials."""
    if failed.reason != Reason.SIGN_IN_REFUSED:
        return failed
    return replace(failed, message=failed.message.removeprefix(f"{CREDENTIALS}: "), remedy=SIGN_IN)
