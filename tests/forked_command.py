"""Commands of the command-line interface that are forked from the process that operators are forked from (`forked_operator.py`): a command
that starts from nothing takes three seconds of processor time for imports and models.

A fork runs the installed command's entry point with the same arguments and environment. Plugins of kubectl, commands on a terminal and those
of the documentation start the command itself.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.forked_operator import FORKS, NAME, become_command

TIMEOUT = 180.0


def run_command(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run `notebook-platform` with these words and nothing else in its environment. Raises TimeoutExpired."""
    with TemporaryDirectory() as directory:
        output, errors = Path(directory, "stdout"), Path(directory, "stderr")
        errors.touch()
        output.touch()
        process = FORKS.Process(target=become_command, args=(words, dict(environment), output, errors), daemon=True)
        process.start()
        process.join(TIMEOUT)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired([NAME, *words], TIMEOUT, output.read_text(), errors.read_text())
        return subprocess.CompletedProcess([NAME, *words], process.exitcode, output.read_text(), errors.read_text())
