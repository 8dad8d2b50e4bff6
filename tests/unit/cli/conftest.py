"""The commands for people as they are typed, against the simulator: a thread of their own is their process."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from notebook_platform.cli import COMMANDS

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, TENANT
from tests.unit.azure.conftest import Estate, estate, group_id

__all__ = ["estate"]

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
CREDENTIALS = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "azure-credentials", "namespace": "platforms"},
    "stringData": {"tenantId": TENANT, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET},
}


def secret(name: str, **data: str) -> dict[str, Any]:
    """A Secret as people write it into a file."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "platforms"}, "stringData": data}


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The output of `-o json`."""
        return json.loads(self.out)

    def line(self, start: str) -> str:
        """The one line that begins so, spaces and signs before it left aside."""
        (found,) = [line.strip() for line in self.out.splitlines() if line.strip().startswith(start)]
        return found


@dataclass(frozen=True)
class Terminal:
    """A person's terminal: an environment that leads to the simulator, and a directory with files."""

    estate: Estate
    directory: Path
    kubeconfig: dict[str, Any]

    def file(self, spec: dict[str, Any], *more: dict[str, Any], uid: str | None = "uid-1", name: str = "platform.yaml") -> str:
        """A file with the platform that the estate's operator keeps, and further documents; the credentials unless others come."""
        metadata = {"name": self.estate.name, "namespace": "platforms", **({"uid": uid} if uid else {})}
        platform = {"apiVersion": "notebookplatform.io/v1alpha1", "kind": "NotebookPlatform", "metadata": metadata, "spec": spec}
        path = self.directory / name
        path.write_text(yaml.safe_dump_all([platform, *(more or (CREDENTIALS,))]))
        return str(path)

    def kept(self) -> list[dict[str, Any]]:
        """The Secrets that the operator keeps and the spec names, as documents of a file."""
        kubeconfig = secret(f"{self.estate.name}-kubeconfig", value=yaml.safe_dump(self.kubeconfig), clusterId=CLUSTER)
        return [kubeconfig, *(secret(name, **data) for name, data in self.estate.secrets.data.items())]

    async def run(self, *words: str) -> Said:
        """Type a command and wait for its end."""
        return await asyncio.to_thread(self._run, words)

    def _run(self, words: tuple[str, ...]) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = COMMANDS[words[0]](words[1:])
        return Said(code, out.getvalue(), err.getvalue())


VERSION_MEMBERS = ("gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")


def ready_node(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.fixture
async def kubeconfig() -> AsyncIterator[dict[str, Any]]:
    """A kubeconfig of an API that tells its version and three Ready nodes: all that a plan with no releases asks."""
    answers = {
        "/version": {"major": "1", "minor": "35", **dict.fromkeys(VERSION_MEMBERS, "as built")},
        "/api/v1/nodes": {"kind": "NodeList", "items": [ready_node(f"aks-{place}") for place in range(3)]},
    }

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(answers.get(request.path.rstrip("/"), {"kind": "List", "items": []}))

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    async with TestServer(application) as server:
        yield {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": str(server.make_url("")).rstrip("/")}}],
            "users": [{"name": "here", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        }


@pytest.fixture
async def terminal(
    estate: Estate, tmp_path: Path, kubeconfig: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Terminal]:
    url = estate.simulator.url
    variables = {
        "NOTEBOOK_PLATFORM_RESOURCE_MANAGER_URL": url,
        "NOTEBOOK_PLATFORM_AUTHORITY_URL": url,
        "NOTEBOOK_PLATFORM_GRAPH_URL": url,
        "NOTEBOOK_PLATFORM_CA_FILE": str(estate.simulator.ca_file),
        "NOTEBOOK_PLATFORM_CLUSTER_ID": "test",
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        "KUBECONFIG": str(tmp_path / "no-kubeconfig"),
        "COLUMNS": "120",
    }
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    yield Terminal(estate, tmp_path, kubeconfig)
