"""A process that sends one write under a fence that lasts `argv[2]` seconds, over a connection that takes its time."""

import asyncio
import sys

import aiohttp
from notebook_platform.fencing import FENCE, Fence, FencedConnector, LeaseLost, boottime


async def never(holder: str) -> bool:
    return False


async def write(url: str, seconds: float, method: str) -> str:
    fence = Fence("namespace/lease/me", boottime() + seconds, never)
    FENCE.set(fence)
    async with aiohttp.ClientSession(connector=FencedConnector(ssl=False)) as session:
        try:
            async with session.request(method, url, data=b"x") as answer:
                return f"answer {answer.status}"
        except LeaseLost:
            return "refused"


sys.stdout.write(asyncio.run(write(sys.argv[1], float(sys.argv[2]), sys.argv[3])))
