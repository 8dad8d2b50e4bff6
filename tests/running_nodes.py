"""Nodes on which pods run, for a control plane with kwok."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kubernetes.aio import client

from sandbox.azure.backend import NodeSpec
from sandbox.kubernetes.api import api_client
from sandbox.kubernetes.cloud_controller import CloudController
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.hub_stand_in import Addresses
from sandbox.kubernetes.nodes import make_nodes


@asynccontextmanager
async def running_nodes(plane: ControlPlane, pool: str, count: int, version: str) -> AsyncIterator[client.ApiClient]:
    """Create the nodes of a pool, large enough for tens of hubs, and give LoadBalancers their addresses and claims their volumes, until the
    block ends. Yield a client of the cluster."""
    async with await api_client(plane.kubeconfig()) as api, await api_client(plane.kubeconfig()) as watching:
        controller = CloudController(watching, Addresses(), lambda seconds: asyncio.sleep(0.2), "eastus")
        await controller.start()
        nodes = [
            NodeSpec(
                name=f"aks-{pool}-12345678-vmss{number:06}",
                pool=pool,
                vm_size="Standard_D16s_v5",
                mode="System",
                kubernetes_version=version,
                cpu=16,
                memory=64,
            )
            for number in range(count)
        ]
        await make_nodes(api, nodes, subscription="s", group="g", location="eastus")
        try:
            yield api
        finally:
            await controller.close()
