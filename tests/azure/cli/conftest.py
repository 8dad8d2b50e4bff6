"""The commands as users run them, against the simulator; each runs in a thread instead of a process."""

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
from notebook_platform.cli import main
from notebook_platform.workload.kubeconfig import parse_kubeconfig

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT
from tests.azure.cli.target import BuiltCluster
from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
NETWORK = f"{group_id('prd_rg_jhub')}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub"
OWNER_TAG = "notebookplatform-owner"


def secret(name: str, **data: str) -> dict[str, Any]:
    """Return a Secret as users write it into a file."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "platforms"}, "stringData": data}


CREDENTIALS = secret("azure-credentials", tenantId=TENANT, clientId=CLIENT_ID, clientSecret=CLIENT_SECRET)


@dataclass(frozen=True)
class CommandOutput:
    """The output of a command, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return the output of `-o json`."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """Return the lines, with single spaces."""
        return [" ".join(line.split()) for line in self.out.splitlines() if line.strip()]


@dataclass(frozen=True)
class Terminal:
    """A user's terminal: environment variables that lead to the simulator, and a directory with files."""

    estate: Estate
    directory: Path
    target: BuiltCluster

    def file(self, spec: dict[str, Any], *more: dict[str, Any], uid: str | None = "uid-1") -> str:
        """Write a file with the platform; with it the Secrets of the operator and those that the spec names, unless other
        documents are passed."""
        metadata = {"name": self.estate.name, "namespace": "platforms", **({"uid": uid} if uid else {})}
        platform = {"apiVersion": "notebookplatform.io/v1alpha1", "kind": "NotebookPlatform", "metadata": metadata, "spec": spec}
        kept = [secret(name, **data) for name, data in self.estate.secrets.data.items()]
        path = self.directory / "platform.yaml"
        path.write_text(yaml.safe_dump_all([platform, *(more or kept)]))
        return str(path)

    async def run(self, *words: str) -> CommandOutput:
        """Run a command to its end."""
        return await asyncio.to_thread(self._run, words)

    def _run(self, words: tuple[str, ...]) -> CommandOutput:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
        return CommandOutput(code, out.getvalue(), err.getvalue())

    async def settle(self, spec: dict[str, Any]) -> None:
        """Settle the platform as its operator does, and store the cluster's kubeconfig."""
        await self.estate.settle(spec)
        text = parse_kubeconfig(await self.target.kubeconfig(CLUSTER, "clusterAdmin")).kubeconfig(
            "prd-aks-jhub", "prd-aks-jhub-admin"
        )
        cluster_id = (await self.estate.state())["resources"][CLUSTER]["id"]
        self.estate.secrets.data["prd-jhub-kubeconfig"] = {"value": text, "clusterId": cluster_id}

    async def strip(self) -> None:
        """Remove all owner tags, so that the estate is as if it had been created by hand."""
        for id_, body in (await self.estate.state())["resources"].items():
            if OWNER_TAG in (body.get("tags") or {}):
                await self.estate.control("PATCH", f"/resources{id_}", {"tags": {OWNER_TAG: None}})
            if "/agentpools/" in id_:
                await self.estate.control("PATCH", f"/resources{id_}", {"properties": {"tags": {OWNER_TAG: None}}})

    async def weak(self, *roles: str, scope: str = f"/subscriptions/{SUBSCRIPTION}") -> None:
        """Make the platform's credentials those of a principal with only these roles (their ids) on a scope."""
        made = await self.estate.control("POST", "/applications", {"displayName": "weak", "secret": "weak-secret-value"})
        for place, role in enumerate(roles):
            id_ = f"{scope}/providers/Microsoft.Authorization/roleAssignments/given{place}"
            properties = {"roleDefinitionId": f"/x/{role}", "principalId": made["principal"]["id"], "scope": scope}
            body = {"type": "Microsoft.Authorization/roleAssignments", "properties": properties}
            await self.estate.control("PUT", f"/resources{id_}", body)
        credentials = {"tenantId": TENANT, "clientId": made["application"]["appId"], "clientSecret": "weak-secret-value"}
        self.estate.secrets.data["azure-credentials"] = credentials


@pytest.fixture
async def terminal(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terminal]:
    url = estate.simulator.url
    variables = {
        "NOTEBOOK_PLATFORM_RESOURCE_MANAGER_URL": url,
        "NOTEBOOK_PLATFORM_AUTHORITY_URL": url,
        "NOTEBOOK_PLATFORM_GRAPH_URL": url,
        "NOTEBOOK_PLATFORM_CA_FILE": str(estate.simulator.ca_file),
        "NOTEBOOK_PLATFORM_CLUSTER_ID": "test",
        "NOTEBOOK_PLATFORM_CHART_REPOSITORY": "http://127.0.0.1:9/",
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        "KUBECONFIG": str(tmp_path / "no-kubeconfig"),
    }
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    target = BuiltCluster(nodes=4)
    await target.start()
    estate.simulator.world.backend = target
    yield Terminal(estate, tmp_path, target)
    await target.stop_listening()
