"""Observation: a step reads its resource, from caches first, and then from the source what it wants to change. What it has
already read from the source is not requested a second time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_READ: ContextVar[dict[str, float] | None] = ContextVar("read", default=None)


@contextmanager
def observation() -> Iterator[None]:
    """Remember what is read from the source until the block ends."""
    token = _READ.set({})
    try:
        yield
    finally:
        _READ.reset(token)


def note_read(address: str, at: float) -> None:
    """Note that the observation that runs now has read from an address. `at`: when the read began."""
    if (read := _READ.get()) is not None:
        read[address] = at


def read_here(address: str) -> float | None:
    """Return when the observation that runs now has last read from an address; None: it has not."""
    return (_READ.get() or {}).get(address)
