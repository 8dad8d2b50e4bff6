"""A real control plane behind each simulated AKS cluster: started with it, stopped with it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from sandbox.azure.backend import NodeSpec, User
from sandbox.kubernetes import metrics_agent
from sandbox.kubernetes.api import api_client
from sandbox.kubernetes.binaries import Binaries
from sandbox.kubernetes.cloud_controller import CloudController
from sandbox.kubernetes.control_plane import ControlPlane, Issuer, Wanted
from sandbox.kubernetes.hub_stand_in import Addresses
from sandbox.kubernetes.nodes import make_nodes

NEWEST_MINOR, OLDEST_EMULATED = 37, 34
"""The binary's own minor, and the oldest that it can serve as (--emulated-version goes three back)."""


@dataclass
class Cluster:
    """One cluster that runs or sleeps."""

    plane: ControlPlane
    location: str
    api: client.ApiClient | None = None
    controller: CloudController | None = None
    nodes: Sequence[NodeSpec] = ()


class RealClusters:
    """The backend of the simulator with real API servers. `sleep` takes simulated seconds."""

    def __init__(
        self,
        directory: Path,
        binaries: Binaries,
        sleep: Callable[[float], Awaitable[None]],
        issuer: Callable[[], Issuer | None] = lambda: None,
    ) -> None:
        self._issuer = issuer
        self._directory = directory
        self._binaries = binaries
        self._sleep = sleep
        self._addresses = Addresses()
        self._clusters: dict[str, Cluster] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def _lock(self, cluster_id: str) -> asyncio.Lock:
        return self._locks.setdefault(cluster_id.lower(), asyncio.Lock())

    async def create(self, cluster_id: str, *, name: str, location: str, kubernetes_version: str) -> None:
        """Start the control plane; one that runs already is left alone."""
        async with self._lock(cluster_id):
            if cluster_id.lower() in self._clusters:
                return
            minor = int(kubernetes_version.split(".")[1])
            emulated = f"1.{minor}" if OLDEST_EMULATED <= minor < NEWEST_MINOR else None
            directory = self._directory / re.sub(r"[^a-z0-9]+", "-", cluster_id.lower().split("resourcegroups/")[-1])
            plane = ControlPlane(
                directory, self._binaries, Wanted(name=name, nodes=True, emulated_version=emulated, issuer=self._issuer())
            )
            cluster = Cluster(plane, location)
            self._clusters[cluster_id.lower()] = cluster
            await self._wake(cluster)

    async def _wake(self, cluster: Cluster) -> None:
        await cluster.plane.start()
        cluster.api = await api_client(cluster.plane.kubeconfig())
        cluster.controller = CloudController(
            await api_client(cluster.plane.kubeconfig()), self._addresses, self._sleep, cluster.location
        )
        await cluster.controller.start()

    async def _sleep_now(self, cluster: Cluster) -> None:
        await self._disconnect(cluster)
        await cluster.plane.stop()

    async def _disconnect(self, cluster: Cluster) -> None:
        if cluster.controller:
            await cluster.controller.close()
        if cluster.api:
            await cluster.api.close()
        cluster.api = cluster.controller = None

    async def set_nodes(self, cluster_id: str, nodes: Sequence[NodeSpec]) -> None:
        """Exactly these nodes."""
        async with self._lock(cluster_id):
            cluster = self._clusters.get(cluster_id.lower())
            if cluster is None or cluster.api is None:
                return
            cluster.nodes = tuple(nodes)
            subscription = cluster_id.split("/")[2]
            group = f"{cluster.plane.wanted.name}-nodes"
            await make_nodes(cluster.api, nodes, subscription=subscription, group=group, location=cluster.location)

    async def kubeconfig(self, cluster_id: str, user: User) -> str:
        """The administrator's; both users have equal rights while there is no Entra ID on the cluster."""
        return self._clusters[cluster_id.lower()].plane.kubeconfig(user=user)

    async def admit(self, cluster_id: str, subject: str, kind: str) -> None:
        """A user or group (by object id) is bound to cluster-admin."""
        cluster = self._clusters.get(cluster_id.lower())
        if cluster is None or cluster.api is None:
            return
        subjects = [client.RbacV1Subject(kind=kind, name=subject, api_group="rbac.authorization.k8s.io")]
        binding = client.V1ClusterRoleBinding(
            metadata=client.V1ObjectMeta(name=f"entra-{subject}"),
            role_ref=client.V1RoleRef(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name="cluster-admin"),
            subjects=subjects,
        )
        try:
            await client.RbacAuthorizationV1Api(cluster.api).create_cluster_role_binding(binding)
        except ApiException as error:
            if error.status != 409:
                raise

    async def install_metrics_agent(self, cluster_id: str) -> None:
        """It brings the API of PodMonitors."""
        cluster = self._clusters.get(cluster_id.lower())
        if cluster is not None and cluster.api is not None:
            await metrics_agent.install(cluster.api)

    async def stop(self, cluster_id: str) -> None:
        """Put it to sleep."""
        async with self._lock(cluster_id):
            await self._sleep_now(self._clusters[cluster_id.lower()])

    async def start(self, cluster_id: str) -> None:
        """Wake it up."""
        async with self._lock(cluster_id):
            await self._wake(self._clusters[cluster_id.lower()])

    async def delete(self, cluster_id: str) -> None:
        """End it and remove its data."""
        async with self._lock(cluster_id):
            cluster = self._clusters.pop(cluster_id.lower(), None)
            if cluster:
                await self._disconnect(cluster)
                await cluster.plane.delete()

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*map(self.delete, list(self._clusters)))
