"""Sandboxes that are forked from the process that operators are forked from (`forked_operator.py`): a sandbox that starts from nothing takes
seconds of processor time for imports and for the models of the Kubernetes client.

A fork runs the command's entry point as `up` starts it, with the same arguments, log and session. tests/security/test_d_2_uninstall.py and
`make pictures` start the command itself.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from sandbox import cli
from sandbox.options import Options, arguments
from tests.forked_operator import FORKS

POLL_SECONDS = 0.1


@contextmanager
def forked_sandbox(options: Options) -> Iterator[dict[str, str]]:
    """Run a sandbox until the block ends; yield its environment variables. Raises RuntimeError with its log if it does not come up."""
    options.state.mkdir(parents=True, exist_ok=True)
    ready, log = options.state / "ready.json", options.state / "supervisor.log"
    process = FORKS.Process(target=supervise, args=(arguments(options), log), daemon=True)
    process.start()
    try:
        deadline = time.monotonic() + cli.START_SECONDS
        while not ready.exists():
            if process.exitcode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the sandbox did not start:\n{log.read_text()[-3000:]}")
            time.sleep(POLL_SECONDS)
        yield json.loads(ready.read_text())["environment"]
    finally:
        process.terminate()
        process.join(cli.STOP_SECONDS)
        code = process.exitcode
        process.kill()
    assert code == 0, f"the sandbox ended with {code}:\n{log.read_text()[-3000:]}"


def supervise(words: list[str], log: Path) -> NoReturn:
    """Become the sandbox in the foreground, as `notebook-platform-sandbox up` starts it."""
    os.setsid()
    with log.open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.argv = ["notebook-platform-sandbox", "up", "--foreground", *words]
    sys.exit(cli.main())
