"""Run the coroutine of a command and return its exit code."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from notebook_platform.cli import program
from notebook_platform.cli.management import UsageError
from notebook_platform.cli.output import show_error

FAILED = 1
"""Exit code after a UsageError, for all commands."""


def run_command(command: str, work: Coroutine[Any, Any, int]) -> int:
    """Run a command to its exit code. A UsageError, or a file that cannot be read or written, is printed to standard error and gives
    FAILED."""
    try:
        return asyncio.run(work)
    except UsageError as error:
        show_error(f"{program()} {command}: {error}")
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        show_error(f"{program()} {command}: {error.filename} cannot be read or written: {error.strerror}")
    return FAILED
