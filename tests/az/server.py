"""`<python of azure-cli> -I server.py`: azure-cli started once, forked for each call.

Most of the time of a call of `az` is the import of its modules. This process imports them, and forks a child for each call; the child
runs `python -m azure.cli` with the call's words, as the executable `az` does, and ends. So each call has fresh state. What a child had
to import is imported here before the next call.

Each line of standard input is a call: `{"words": [...], "stdout": PATH, "stderr": PATH, "loaded": PATH, "seconds": N}`. The answer is one
line with the call's exit code, negative if a signal ended it, as `subprocess` reports it. The process ends with its input.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

WARM = ("azure.cli.core.commands", "azure.cli.core.profiles", "azure.cli.core.util", "msal", "requests", "azure.mgmt.core")


def load(names: Iterable[str]) -> None:
    """Import the modules; one that cannot be imported alone is left to the calls."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)


def serve() -> list[str]:
    """Answer calls until the input ends; in a child, return the words of its call."""
    for line in sys.stdin:
        call = json.loads(line)
        gc.freeze()
        child = os.fork()
        if not child:
            become(call)
            return list(call["words"])
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
        load(Path(call["loaded"]).read_text().split())
    os._exit(0)


def become(call: dict[str, Any]) -> None:
    """Give the child its files, its limit of time, and a last action that lists what it imported."""
    known = set(sys.modules)

    def report() -> None:
        names = [name for name in sys.modules if name not in known and name.startswith(("azure.", "msrest", "msal", "knack"))]
        Path(call["loaded"]).write_text("\n".join(names))

    atexit.register(report)
    signal.alarm(call["seconds"])
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, call["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, call["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)


if __name__ == "__main__":
    load(WARM)
    sys.argv[1:] = serve()
    runpy.run_module("azure.cli", run_name="__main__", alter_sys=True)
