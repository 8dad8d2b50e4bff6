"""What gives a simulated AKS cluster its Kubernetes API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

User = Literal["clusterUser", "clusterAdmin"]


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A node as AKS would make it. `cpu` in cores, `memory` in GiB."""

    name: str
    pool: str
    vm_size: str
    mode: str
    kubernetes_version: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[str] = ()
    zone: str | None = None
    cpu: int = 2
    memory: int = 8


class ClusterBackend(Protocol):
    """Real API servers, or none."""

    async def create(self, cluster_id: str, *, name: str, location: str, kubernetes_version: str) -> None:
        """The cluster's API is up when this returns."""

    async def set_nodes(self, cluster_id: str, nodes: Sequence[NodeSpec]) -> None:
        """The cluster has exactly these nodes; they are Ready soon after."""

    async def kubeconfig(self, cluster_id: str, user: User) -> str:
        """A kubeconfig as YAML text."""

    async def admit(self, cluster_id: str, subject: str, kind: str) -> None:
        """A user or group of Entra ID administers the cluster."""

    async def install_metrics_agent(self, cluster_id: str) -> None:
        """The cluster serves the API of the metrics agent."""

    async def stop(self, cluster_id: str) -> None:
        """The cluster sleeps; its data stay."""

    async def start(self, cluster_id: str) -> None:
        """It wakes up."""

    async def delete(self, cluster_id: str) -> None:
        """It is gone."""

    async def close(self) -> None:
        """Everything is ended."""


class NoClusters:
    """Clusters without an API, for tests of the Azure side alone; their kubeconfig leads to a closed port."""

    async def create(self, cluster_id: str, *, name: str, location: str, kubernetes_version: str) -> None:
        """Nothing to start."""

    async def set_nodes(self, cluster_id: str, nodes: Sequence[NodeSpec]) -> None:
        """No nodes."""

    async def kubeconfig(self, cluster_id: str, user: User) -> str:
        """A kubeconfig that leads nowhere."""
        return (
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
            "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
            f"users: [{{name: {user}, user: {{token: none}}}}]\n"
            f"contexts: [{{name: c, context: {{cluster: c, user: {user}}}}}]\n"
        )

    async def admit(self, cluster_id: str, subject: str, kind: str) -> None:
        """Take no part: this backend runs no cluster whose users it could admit."""

    async def install_metrics_agent(self, cluster_id: str) -> None:
        """No API to extend."""

    async def stop(self, cluster_id: str) -> None:
        """Nothing to stop."""

    async def start(self, cluster_id: str) -> None:
        """Nothing to start."""

    async def delete(self, cluster_id: str) -> None:
        """Nothing to delete."""

    async def close(self) -> None:
        """Nothing to end."""
