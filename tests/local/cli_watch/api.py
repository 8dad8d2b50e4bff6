"""An API server on loopback for the commands, and the kubeconfig that leads to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

CONTEXT = """apiVersion: v1
kind: Config
current-context: c
clusters: [{{name: c, cluster: {{server: '{server}'}}}}]
users: [{{name: u, user: {{}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u{namespace}}}}}]
"""


def kubeconfig(server: str = "https://127.0.0.1:1", namespace: str = "") -> str:
    """Return a kubeconfig whose context names the namespace, or none."""
    return CONTEXT.format(server=server, namespace=f", namespace: {namespace}" if namespace else "")


@asynccontextmanager
async def in_use(app: web.Application, directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Serve the application, as the cluster of KUBECONFIG."""
    async with TestServer(app) as server:
        (directory / "kubeconfig").write_text(kubeconfig(str(server.make_url("/")).rstrip("/")))
        monkeypatch.setenv("KUBECONFIG", str(directory / "kubeconfig"))
        yield
