"""A client that shows the simulated Azure's answers as they are."""

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.azure.backend import NoClusters, NodeSpec
from sandbox.azure.server import AzureSimulator
from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g"
AKS = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters"
TODAY = "2026-08-01"
POOL = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5"}


class Nodes(NoClusters):
    """Clusters whose nodes are remembered by name."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def set_nodes(self, cluster_id: str, nodes: Any) -> None:
        self.names = [node.name for node in nodes if isinstance(node, NodeSpec)]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str((self.body.get("error") or self.body)["code"])


@dataclass
class Client:
    simulator: AzureSimulator
    http: aiohttp.ClientSession
    nodes: Nodes
    token: str = ""

    async def call(self, method: str, path: str, body: Any = None, *, api: str = TODAY) -> Reply:
        url = path if path.startswith("https:") else f"{self.simulator.url}{path}"
        query = {} if path.startswith("https:") else {"api-version": api}
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.request(method, url, params=query, json=body, headers=headers) as answer:
            text = await answer.text()
            return Reply(answer.status, answer.headers, await answer.json() if text else None)

    async def fault(self, **rule: Any) -> None:
        async with self.http.post(f"{self.simulator.url}/_sandbox/faults", json=rule) as answer:
            assert answer.status == 200

    async def finish(self, accepted: Reply) -> dict[str, Any]:
        """Return the last document of an accepted operation."""
        assert accepted.status < 300, accepted.body
        while True:
            document = (await self.call("GET", accepted.headers["Azure-AsyncOperation"])).body
            if document["status"] not in ("InProgress", "Running"):
                return dict(document)
            await self.simulator.world.clock.sleep(30)

    async def cluster(self, name: str = "c", *, pools: Any = None, **properties: Any) -> Reply:
        members = {"dnsPrefix": "c", "agentPoolProfiles": pools or [POOL], **properties}
        body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": members}
        for key in ("sku", "identity", "tags"):
            body |= {key: members.pop(key)} if key in members else {}
        return await self.call("PUT", f"{AKS}/{name}", body)


async def connected(directory: Path, speed: float) -> AsyncIterator[Client]:
    nodes = Nodes()
    simulator = AzureSimulator(backend=nodes, state_dir=directory, speed=speed)
    await simulator.start()
    context = ssl.create_default_context(cafile=str(simulator.ca_file))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        client = Client(simulator, http, nodes)
        form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "client_credentials"}
        form["scope"] = f"{simulator.url}/.default"
        async with http.post(f"{simulator.url}/{TENANT}/oauth2/v2.0/token", data=form) as answer:
            client.token = (await answer.json())["access_token"]
        simulator.world.providers.update(dict.fromkeys(simulator.world.providers, "Registered"))
        assert (await client.call("PUT", GROUP, {"location": "eastus"})).status == 201
        yield client
    await simulator.close()
