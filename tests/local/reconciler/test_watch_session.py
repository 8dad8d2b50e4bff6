"""What kopf reads of a list: no managedFields, and always a list of items."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from notebook_platform.kube.watch_session import Answer

LIST: dict[str, object] = {}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def listed(request: web.Request) -> web.Response:
        return web.json_response(LIST)

    app = web.Application()
    app.router.add_get("/", listed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def read(url: str) -> object:
    async with aiohttp.ClientSession(response_class=Answer) as session, session.get(url) as response:
        return await response.json()


async def test_managed_fields_are_left_out(url: str) -> None:
    item = {"metadata": {"name": "lab", "managedFields": [{"manager": "kubectl"}]}, "spec": {"suspend": True}}
    LIST.clear()
    LIST.update(metadata={"resourceVersion": "7"}, items=[item])
    expected = {"metadata": {"name": "lab"}, "spec": {"suspend": True}}
    assert await read(url) == {"metadata": {"resourceVersion": "7"}, "items": [expected]}


async def test_items_are_always_a_list(url: str) -> None:
    LIST.clear()
    LIST.update(metadata={}, items=None)
    assert await read(url) == {"metadata": {}, "items": []}
