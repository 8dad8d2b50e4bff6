"""What a cluster may answer to the request for its version."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.workload.served import served_version

ANSWER: dict[str, object] = {"status": 200, "text": ""}


@pytest.fixture
async def api() -> AsyncIterator[client.ApiClient]:
    async def version(request: web.Request) -> web.Response:
        return web.Response(status=int(str(ANSWER["status"])), text=str(ANSWER["text"]), content_type="application/json")

    app = web.Application()
    app.router.add_get("/version/", version)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = client.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with client.ApiClient(configuration) as made:
        yield made
    await runner.cleanup()


@pytest.mark.parametrize(("minor", "expected"), [("35", 35), ("35+", 35), ("7", 7)])
async def test_a_version(api: client.ApiClient, minor: str, expected: int) -> None:
    ANSWER.update(status=200, text=json.dumps({"major": "1", "minor": minor, "gitVersion": "v1"}))
    assert await served_version(api) == (1, expected)


REFUSED = (
    "{}",
    "[]",
    "null",
    "not JSON",
    '{"major": 1, "minor": 35}',
    '{"major": "1", "minor": "x"}',
    '{"major": "1", "minor": "35\\n"}',
    '{"major": "99999", "minor": "1"}',
    '{"major": "1", "minor": "35", "x": "' + "y" * 20_000 + '"}',
    "[" * 50 + "]" * 50,
)


@pytest.mark.parametrize("text", REFUSED)
async def test_anything_else_is_refused(api: client.ApiClient, text: str) -> None:
    ANSWER.update(status=200, text=text)
    with pytest.raises(DocumentRefused):
        await served_version(api)


async def test_a_refusal_of_the_cluster(api: client.ApiClient) -> None:
    ANSWER.update(status=403, text="{}")
    with pytest.raises(ApiException):
        await served_version(api)
