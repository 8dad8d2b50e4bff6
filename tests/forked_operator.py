"""Operators that are forked from a process which has imported all that they import.

An operator that starts from nothing takes seconds of processor time for imports, and a package of tests starts dozens. A fork runs the
installed command's entry point with the same arguments, environment, log and session. The chart's tests and those of tests/security start
the command itself.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import reload
from importlib.metadata import entry_points
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import NoReturn

from kubernetes.aio.config import kube_config

from sandbox.operator_process import OperatorProcess, Running

NAME = "notebook-platform"
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.preloaded"])


class Fork:
    """A forked process, used as a subprocess.Popen."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        process.start()
        assert process.pid is not None
        self.pid = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(NAME, timeout)
        return code

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self._process.kill()


class ForkedOperator(OperatorProcess):
    """One run of the operator, as a fork."""

    def _spawn(self) -> Running:
        return Fork(FORKS.Process(target=become_command, args=(("run",), self.environment, self.log, self.log), daemon=True))


def become_command(words: tuple[str, ...], environment: Mapping[str, str], output: Path, errors: Path) -> NoReturn:
    """Become the installed command with these words. What it prints is added to the files."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    reload(kube_config)  # it reads KUBECONFIG when it is imported
    for number, path in enumerate((output, errors), start=1):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    sys.argv = [NAME, *words]
    (command,) = entry_points(group="console_scripts", name=NAME)
    sys.exit(command.load()())
