"""The released JupyterHub, in a Python environment of its own, on the configuration that the operator renders."""

import asyncio
import base64
import json
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from sandbox.kubernetes.processes import free_ports
from tests.environments import Say, environment
from tests.hub.generations import command_of
from tests.integration.test_charts import objects

HOST = "hub.example.org"
START_SECONDS = 60


@pytest.fixture(scope="session")
def hub_home(say: Say) -> Path:
    """Return the environment with the pinned hub; it is created once and stays in the cache."""
    return environment("hub", "JupyterHub", say)


def written(values: Mapping[str, Any], directory: Path) -> Path:
    """Write what the chart renders of the values as files; return the hub's configuration file."""
    rendered = objects("4.4.0", dict(values))
    secret = directory / "secret"
    secret.mkdir()
    for name, value in rendered["Secret", "hub"]["data"].items():
        (secret / name).write_bytes(base64.b64decode(value))
    configuration = directory / "jupyterhub_config.py"
    configuration.write_text(rendered["ConfigMap", "hub"]["data"]["jupyterhub_config.py"])
    return configuration


class Proxy:
    """A proxy before the hub, as configurable-http-proxy is: TLS for users, and the API that receives the hub's routes."""

    def __init__(self, hub_port: int, token: str) -> None:
        self._hub_port, self._token = hub_port, token
        self._routes: dict[str, Any] = {}

    def api(self) -> web.Application:
        """Return the REST API (https://github.com/jupyterhub/configurable-http-proxy#rest-api)."""
        application = web.Application()
        application.router.add_route("*", "/api/routes{path:.*}", self._route)
        return application

    async def _route(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"token {self._token}":
            return web.Response(status=403)
        path = request.match_info["path"] or "/"
        if request.method == "POST":
            self._routes[path] = await request.json()
            return web.Response(status=201)
        if request.method == "DELETE":
            self._routes.pop(path, None)
            return web.Response(status=204)
        return web.json_response(self._routes)

    def front(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._pass_on)
        return application

    async def _pass_on(self, request: web.Request) -> web.Response:
        headers = {**request.headers, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        url = f"http://127.0.0.1:{self._hub_port}{request.rel_url}"
        body = await request.read()
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as http,
            http.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer,
        ):
            kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in ("transfer-encoding", "content-length")]
            passed = web.Response(status=answer.status, body=await answer.read())
            for key, value in kept:
                passed.headers.add(key, value) if key.lower() != "content-type" else passed.headers.update({key: value})
            return passed


class To(AbstractResolver):
    """Resolves the hub's name to the proxy."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        chosen = self._port if host == HOST else port
        flags = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host="127.0.0.1", port=chosen, family=socket.AF_INET, proto=0, flags=flags)]

    async def close(self) -> None:
        """Do nothing: there is no state."""


@dataclass
class World:
    """Certificates and servers on loopback for one test."""

    authority: trustme.CA = field(default_factory=trustme.CA)
    runners: list[web.AppRunner] = field(default_factory=list)

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    async def serve(self, application: web.Application, *names: str) -> int:
        """Listen on a free port, with TLS when names are passed; return the port."""
        context = None
        if names:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert(*names).configure_cert(context)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        self.runners.append(runner)
        return int(runner.addresses[0][1])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    found = World()
    yield found
    for runner in found.runners:
        await runner.cleanup()


@asynccontextmanager
async def running(home: Path, world: World, values: Mapping[str, Any], directory: Path) -> AsyncIterator[int]:
    """Start a hub on these values and yield its proxy's port. Only its addresses and its spawner differ from the chart's."""
    configuration = written(values, directory)
    (port,) = free_ports(1)
    token = values["hub"]["config"]["ConfigurableHTTPProxy"]["auth_token"]
    proxy = Proxy(port, token)
    api, front = await world.serve(proxy.api()), await world.serve(proxy.front(), HOST)
    authority = directory / "ca.pem"
    world.authority.cert_pem.write_to_path(str(authority))
    command = command_of(
        home,
        home / "bin" / "jupyterhub",
        f"--config={configuration}",
        f"--JupyterHub.hub_bind_url=http://127.0.0.1:{port}",
        f"--JupyterHub.hub_connect_url=http://127.0.0.1:{port}",
        f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{api}",
        "--JupyterHub.spawner_class=simple",
        f"--JupyterHub.db_url=sqlite:///{directory}/hub.sqlite",
    )
    environment = {
        **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HUB_CONFIG_DIR": str(directory / "secret"),
        "SSL_CERT_FILE": str(authority),
    }
    log = directory / "hub.log"
    with log.open("w") as out:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=directory, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        await _healthy(process, port, log)
        yield front
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()


def _words(log: Path) -> str:
    return log.read_text()[-4000:]


async def _healthy(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(START_SECONDS * 4):
            assert process.returncode is None, _words(log)
            try:
                async with http.get(f"http://127.0.0.1:{port}/hub/health") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.25)
    raise AssertionError(_words(log))


@asynccontextmanager
async def browser(world: World, front: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a browser: a session with cookies and redirects that trusts the test's authority."""
    connector = aiohttp.TCPConnector(resolver=To(front), ssl=world.trusting(), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as http:
        yield http


def unknown_traits(home: Path, configurations: Sequence[Path]) -> Mapping[str, list[str]]:
    """Return, by configuration, the traits that the classes of the real hub do not have."""
    command = command_of(home, Path(__file__).parent / "unknown_traits.py", *map(str, configurations))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: Mapping[str, list[str]] = json.loads(done.stdout)
    return found
