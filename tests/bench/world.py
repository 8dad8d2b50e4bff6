"""`python -m tests.bench.world DIRECTORY SPEED [hubs]`: the simulated Azure and one real API server, in a process of their own, so that memory and
processor time of the operator are its own.

The API server is the management cluster and also the workload cluster of every platform. With `hubs` its pods run (kwok) and its
LoadBalancers have addresses, so that hubs become Ready. Standard input takes one JSON document a line
(`names` and `uids` of platforms) and clones the settled platform of the first name for each further one; the answer is one line.
"""

import asyncio
import json
import re
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kubernetes.aio import client, config

from sandbox.azure.backend import NoClusters, NodeSpec, User
from sandbox.azure.core.clock import Clock
from sandbox.azure.core.throttle import Throttle
from sandbox.azure.server import AzureSimulator
from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT
from sandbox.charts.package import packaged
from sandbox.kubernetes.binaries import Binaries, find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted
from tests.running_nodes import running_nodes

QUOTA, NODES = 10_000_000, 3
NODES_FOR_HUBS = 6
"""Each holds 110 pods; a hub has four, and one on each node."""

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class OneCluster(NoClusters):
    """Every managed cluster is the same API server, whose nodes are Ready."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def set_nodes(self, cluster_id: str, nodes: list[NodeSpec]) -> None:  # type: ignore[override]
        """Keep the nodes that exist."""

    async def kubeconfig(self, cluster_id: str, user: User) -> str:
        """Return an administrator's kubeconfig."""
        return self._plane.kubeconfig()


@asynccontextmanager
async def static_nodes(plane: ControlPlane) -> AsyncIterator[None]:
    """Create Ready nodes; no controller changes them."""
    await config.load_kube_config(str(plane.kubeconfig_path))
    async with client.ApiClient() as api:
        core = client.CoreV1Api(api)
        for number in range(NODES):
            name = f"node-{number}"
            await core.create_node({"metadata": {"name": name}})
            ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}
            await core.patch_node_status(name, {"status": {"conditions": [ready]}})
    yield


def clone(simulator: AzureSimulator, names: list[str], uids: list[str]) -> None:
    """Give each platform after the first what the first has in Azure: every name and id is its own."""
    store, constant = simulator.world.store, {SUBSCRIPTION, TENANT, CLIENT_ID, uids[0]}
    of_first = [(r.id, json.dumps(r.body)) for r in list(store.resources.values()) if names[0] in json.dumps([r.id, r.body])]
    roles = {role for _, text in of_first for role in re.findall(r"roleDefinitions/([0-9a-f-]{36})", text)}
    for name, uid in zip(names[1:], uids[1:], strict=True):

        def own(text: str, name: str = name, uid: str = uid) -> str:
            keep = constant | roles
            text = GUID.sub(lambda one: one[0] if one[0] in keep else str(uuid.uuid5(uuid.UUID(one[0]), name)), text)
            return text.replace(names[0], name).replace(uids[0], uid)

        for id_, body in of_first:
            store.put(own(id_), json.loads(own(body)))


def answer(line: str) -> None:
    """Write one line to the bench."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(directory: Path, speed: float, *, hubs: bool) -> None:
    """Serve until standard input ends."""
    binaries = await asyncio.to_thread(find)
    plane = ControlPlane(directory / "management", binaries, Wanted(name="management", nodes=hubs))
    simulator = AzureSimulator(backend=OneCluster(plane), state_dir=directory / "azure", speed=speed)
    simulator.world.catalog.quota = QUOTA
    simulator.world.throttle = Throttle(Clock(1.0))  # Azure's rate limits count real seconds, as the operator's do
    charts = await asyncio.to_thread(packaged, binaries.path("helm"))
    await asyncio.gather(simulator.start(), plane.start())
    async with running_nodes(plane, "pool1", NODES_FOR_HUBS, "1.35.1") if hubs else static_nodes(plane):
        await serve(simulator, plane, binaries, charts)
    await simulator.close()
    await plane.delete()


async def serve(simulator: AzureSimulator, plane: ControlPlane, binaries: Binaries, charts: Path) -> None:
    """Print where everything is; then clone platforms until standard input ends."""
    environment = {
        "KUBECONFIG": str(plane.kubeconfig_path),
        "SANDBOX_ARM": simulator.url,
        "SANDBOX_CA": str(simulator.ca_file),
        "SANDBOX_TENANT": TENANT,
        "SANDBOX_CLIENT_ID": CLIENT_ID,
        "SANDBOX_CLIENT_SECRET": CLIENT_SECRET,
        "SANDBOX_HELM": str(binaries.path("helm")),
        "SANDBOX_CHARTS": str(charts),
    }
    answer(json.dumps(environment))
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked: dict[str, Any] = json.loads(line)
        clone(simulator, asked["names"], asked["uids"])
        answer(str(len(simulator.world.store.resources)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), hubs=sys.argv[3:] == ["hubs"]))
