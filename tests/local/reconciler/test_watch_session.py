"""What kopf reads of a list or a watch: no managedFields, always a list of items, and no spec that is too large."""

import json
import tracemalloc
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from notebook_platform.bounded import nesting
from notebook_platform.kube.watch_session import DECODER, Answer

LIST: dict[str, object] = {}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def listed(request: web.Request) -> web.Response:
        if "watch" in request.query:
            lines = [json.dumps({"type": "ADDED", "object": item}) for item in LIST["items"]]  # type: ignore[attr-defined]
            return web.Response(text="\n".join(lines) + "\n")
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


def platform(name: str, values: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"jupyterhub": {"values": values}}}


async def test_a_spec_that_is_too_large_is_left_out_of_lists_and_watches_and_the_rest_is_whole(url: str) -> None:
    odd = {"a": [[] for _ in range(250_000)]}
    whole = [platform("one", {"items": [1, "]", {"items": []}]}), platform("two", {"text": "\u2028 ü, [" * 30_000})]
    LIST.clear()
    LIST.update(kind="List", items=[whole[0], platform("odd", odd), whole[1]], metadata={"resourceVersion": "7"})
    expected = [whole[0], {"metadata": {"name": "odd"}, "spec": "left out"}, whole[1]]
    assert await read(url) == {"kind": "List", "items": expected, "metadata": {"resourceVersion": "7"}}
    async with aiohttp.ClientSession(response_class=Answer) as session, session.get(url, params={"watch": "true"}) as response:
        lines = b"".join([piece async for piece in response.content.iter_chunked(1 << 20)]).splitlines()
    assert [json.loads(line)["object"] for line in lines] == expected


def test_a_page_of_large_platforms_takes_the_memory_of_one() -> None:
    document = json.dumps({"items": [platform(f"p{number}", "VALUES") for number in range(6)], "metadata": {}})
    text = document.replace('"VALUES"', '{"a":[' + "[]," * 210_000 + "[]]}")
    tracemalloc.start()
    try:
        assert [item["spec"] for item in nesting.read_page(text, DECODER)["items"]] == ["left out"] * 6
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(text), "one takes 13 megabytes, 3 times the text of all of them"
