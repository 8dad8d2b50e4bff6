"""Fixtures of the simulated Azure, without the operator."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.azure.simulator.client import Client, connected


@pytest.fixture
async def azure(tmp_path: Path) -> AsyncIterator[Client]:
    async for client in connected(tmp_path, 5000):
        yield client


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Client]:
    """At real speed: only what is answered at once."""
    async for client in connected(tmp_path, 1):
        yield client
