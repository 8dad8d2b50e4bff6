"""Unit tests call functions on plain data. A test that listens on a port, starts a process or sleeps belongs into tests/local."""

import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

OUTSIDE = {"socket.bind", "subprocess.Popen", "os.posix_spawn", "os.fork", "time.sleep"}
"""Events of https://docs.python.org/3/library/audit_events.html that a unit test does not raise."""

raised: set[str] = set()


def note(event: str, _: tuple[Any, ...]) -> None:
    if event in OUTSIDE:
        raised.add(event)


@cache
def listen() -> None:
    """Receive audit events from the first unit test on: a hook cannot be removed, and each import raises many events."""
    sys.addaudithook(note)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Fail a test that is none of this directory."""
    listen()
    raised.clear()
    yield
    assert not raised, f"a unit test raised {sorted(raised)}: move it to tests/local"
