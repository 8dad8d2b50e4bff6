"""Progress of the test programs that run for minutes (`python -m tests.eyes`, `tests.krew`, `tests.faults`)."""

import sys
from collections.abc import Callable


def printer(label: str = "") -> Callable[[str], None]:
    """Return a function that prints a line at once, after `[label]` if there is one."""
    prefix = f"[{label}] " if label else ""

    def say(text: str) -> None:
        sys.stdout.write(f"{prefix}{text}\n")
        sys.stdout.flush()

    return say
