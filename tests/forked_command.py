"""Commands of the command-line interface that are forked from the process that operators are forked from (`forked_operator.py`): a command
that starts from nothing takes three seconds of processor time for imports and models.

A fork runs the installed command's entry point with the same arguments and environment. Plugins of kubectl, commands on a terminal and those
of the documentation start the command itself.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import reload
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from kubernetes.aio.config import kube_config

from tests.forked_operator import FORKS

NAME = "notebook-platform"
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


def become_command(words: tuple[str, ...], environment: Mapping[str, str], output: Path, errors: Path) -> NoReturn:
    """Become the installed command."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    reload(kube_config)  # it reads KUBECONFIG when it is imported
    for number, path in enumerate((output, errors), start=1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.argv = [NAME, *words]
    (command,) = entry_points(group="console_scripts", name=NAME)
    sys.exit(command.load()())
