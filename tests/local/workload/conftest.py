"""Fixtures of the tests of workload clusters."""

from collections.abc import AsyncIterator

import pytest

from tests.local.workload.server import Server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    runner = await found.start()
    yield found
    await runner.cleanup()
