"""azure-cli knows each of its commands in the documents, with its flags: its own help lists them."""

import re
from itertools import takewhile

from tests.az.conftest import Az
from tests.local.document_commands import PAGES, Command, document_commands


def objection(az: Az, command: Command) -> str:
    """Return what azure-cli does not know of a command, or nothing."""
    verb = list(takewhile(lambda word: not word.startswith("-"), command.words))
    shown = az.run(*verb, "--help")
    listed = set(re.findall(r"(?<!\S)-{1,2}[a-z][\w-]*", shown.stdout))
    unknown = [word for word in command.words if word.startswith("-") and word not in (*listed, "-")]
    return f"{command.page}: {command}: {shown.stderr.strip() or unknown}" if shown.returncode or unknown else ""


def test_azure_cli_knows_each_command_of_the_documents(az: Az) -> None:
    commands = {one.words: one for page in PAGES for one in document_commands(page, frozenset({"az"}))}
    assert [text for text in (objection(az, command) for command in commands.values()) if text] == []
    assert len(commands) > 10, "the pages have commands, and this test finds them"


def test_a_wrong_command_and_a_wrong_flag_are_found(az: Az) -> None:
    assert objection(az, Command("page", "az", ("aks", "updat")))
    assert "--enable-monitor-metrics" in objection(az, Command("page", "az", ("aks", "update", "--enable-monitor-metrics")))
