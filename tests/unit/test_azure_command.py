"""The commands that sign in as their user say what the user can do."""

import pytest
from azure.core.exceptions import ClientAuthenticationError
from notebook_platform.azure.arm.errors import translate
from notebook_platform.cli.azure_command import run_azure_command
from notebook_platform.engine.outcome import Failed, StepError


async def failing(failed: Failed) -> int:
    raise StepError.of(failed)


def test_a_failed_sign_in_of_the_user_names_no_field_of_a_spec(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_azure_command("init", failing(translate(ClientAuthenticationError("none"), field="f"))) == 1
    assert capsys.readouterr().err == (
        "notebook-platform init: no token could be obtained (ClientAuthenticationError). "
        "Run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.\n"
    )


def test_another_failure_keeps_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run_azure_command("import", failing(Failed(reason="QuotaExceeded", message="no vCPUs left", remedy="Ask for more."))) == 1
    )
    assert capsys.readouterr().err == "notebook-platform import: no vCPUs left. Ask for more.\n"
