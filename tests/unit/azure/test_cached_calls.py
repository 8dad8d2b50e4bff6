"""Responses that many platforms share: how old they may be, and whether a trace holds that rests on one."""

import asyncio
from typing import Any, cast

from notebook_platform.azure.arm.cache import ResourceCache
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.azure.arm.written import WrittenPaths
from notebook_platform.engine.trace import Read

OFTEN = 1e6


async def test_what_seldom_changes_is_asked_for_more_rarely_and_its_trace_holds_as_long() -> None:
    cache, asked = ResourceCache(cast(AzureSession, None), WrittenPaths()), 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        return "Registered"

    async def state(**options: Any) -> str:
        await asyncio.sleep(0.002)
        return cast(str, await cache.cached_call("provider", ask, max_age=0.001, **options))

    for _ in range(3):
        assert await state(fresh=False, times=OFTEN) == "Registered"
    read = Read("call", ("provider",), hash(repr("Registered")))
    assert asked == 1 and await cache.verify(read, 0.001)
    await state(fresh=True, times=OFTEN)
    assert asked == 2
    await state(fresh=False)
    await asyncio.sleep(0.002)
    assert asked == 3 and not await cache.verify(read, 0.001)
