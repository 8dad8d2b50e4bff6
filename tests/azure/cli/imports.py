"""Runs of `notebook-platform import` and what they print."""

from typing import Any

import yaml

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.cli.conftest import CommandOutput

WHERE = ("import", "--subscription", SUBSCRIPTION, "--resource-group", "prd_rg_jhub")
GIVEN = ("--name", "prd-jhub", "-n", "platforms", "--credentials-secret", "azure-credentials")


def described(output: CommandOutput) -> dict[str, Any]:
    """Return the printed resource."""
    assert output.code == 0, output.err
    found: dict[str, Any] = yaml.safe_load(output.out)
    return found


def remarks(output: CommandOutput) -> str:
    return "\n".join(line for line in output.out.splitlines() if line.startswith("#"))
