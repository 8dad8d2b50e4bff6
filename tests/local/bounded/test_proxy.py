"""Requests to Azure go through the proxy that the environment names, and NO_PROXY names the hosts that they reach without one."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from azure.core.rest import HttpRequest
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.transport import BoundedTransport


@pytest.fixture
async def proxy() -> AsyncIterator[str]:
    """Answer with the host that a request asks for and the credentials for the proxy."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.raw_path} {request.headers.get('Proxy-Authorization', '')}")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def read(url: str) -> str:
    async with BoundedTransport(Cloud(resource_manager=url, authority=url, graph=url)) as transport:
        response = await transport.send(HttpRequest("GET", url), stream=True)
        await response.read()
        return str(response.text())


async def test_the_environment_names_the_proxy_and_its_credentials(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://user:word@{proxy}")
    assert await read("http://management.example/x") == "http://management.example/x Basic dXNlcjp3b3Jk"


async def test_no_proxy_names_hosts_that_are_reached_without_it(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert await read(f"http://{proxy}/x") == "/x "
