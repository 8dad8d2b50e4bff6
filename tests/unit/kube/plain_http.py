"""Clients of API servers that listen on loopback without TLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trustme
from aiohttp import web
from kubernetes.aio import client

AUTHORITY = trustme.CA().cert_pem.bytes().decode()
"""A client without an authority of its own loads all those of the machine, which takes longer than most tests."""


def plain_client(url: str = "http://127.0.0.1:0", **session: Any) -> client.ApiClient:
    """Return a client of the server at an http URL; `session` are options of its aiohttp session."""
    configuration = client.Configuration(host=url, ca_cert_data=AUTHORITY)
    if session:
        configuration.client_session_kwargs = session
    return client.ApiClient(configuration)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[client.ApiClient]:
    """Serve an application on loopback for as long as the block lasts; yield a client of it."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with plain_client(f"http://127.0.0.1:{runner.addresses[0][1]}") as api:
            yield api
    finally:
        await runner.cleanup()
