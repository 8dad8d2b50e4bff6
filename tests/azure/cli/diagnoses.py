"""Runs of `notebook-platform doctor`, and the same checks in the operator before it creates anything."""

from typing import Any

from notebook_platform.engine.outcome import Failed

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.cli.conftest import CommandOutput, Terminal
from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id

SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUBSCRIPTION_ID}/resourceGroups/prd_rg_jhub"


def lines_of(output: CommandOutput, check: str) -> list[str]:
    """Return the lines of a check, with their signs."""
    found = [line for line in output.lines if line[2:].startswith(f"{check} ")]
    return [f"{line[0]} {line[2:].removeprefix(check).strip()}" for line in found]


def the_line(output: CommandOutput, check: str) -> str:
    (line,) = lines_of(output, check)
    return line


async def diagnosis(terminal: Terminal, spec: dict[str, Any]) -> CommandOutput:
    """Run doctor and assert that it writes nothing."""
    mark = await terminal.estate.mark()
    output = await terminal.run("doctor", "-f", terminal.file(spec))
    assert not output.err and await terminal.estate.writes(mark) == []
    return output


async def make_group(terminal: Terminal, name: str = "prd_rg_jhub", tags: dict[str, str] | None = None) -> None:
    body = {"location": "eastus", "properties": {"provisioningState": "Succeeded"}, "tags": tags or {}}
    await terminal.estate.control("PUT", f"/resources{group_id(name)}", body)


async def preflight(estate: Estate, spec: dict[str, Any]) -> Any:
    """Return the operator's outcome of the same checks."""
    for _ in range(200):
        results = await estate.once(spec)
        if isinstance(results["Preflight"].outcome, Failed):
            return results["Preflight"].outcome
        await estate.simulator.world.clock.sleep(15)
    raise AssertionError(results["Preflight"])
