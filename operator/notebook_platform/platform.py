"""The whole platform on one page: the steps, and who needs whom.

Credentials ── Providers ── Preflight ── ResourceGroup ─┬─ Network ──┬─ RoleAssignment ─┐
                                                        └─ Identity ─┘                  │
                                         ┌──────────────────────────────────── Cluster ─┘
                                     NodePools ─┬─ Autoscale
                                                └─ TargetCluster ── JupyterHub
"""

import base64
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure import outputs
from notebook_platform.azure.arm.cloud import CLOUDS, Cloud
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.errors import speaking_of
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.session import CORRELATION, AzureSession, Sessions
from notebook_platform.azure.autoscale import Autoscale
from notebook_platform.azure.cluster import Cluster
from notebook_platform.azure.context import AzureContext
from notebook_platform.azure.credentials import Credentials
from notebook_platform.azure.identity import identity
from notebook_platform.azure.network import Network
from notebook_platform.azure.node_pools import NodePools
from notebook_platform.azure.preflight import Preflight
from notebook_platform.azure.providers import Providers
from notebook_platform.azure.resource_group import ResourceGroup
from notebook_platform.azure.role_assignment import RoleAssignment
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Operation, Refused
from notebook_platform.engine.step import Step
from notebook_platform.engine.walk import Result
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.runner import Helm
from notebook_platform.hubs.jupyterhub import JupyterHub
from notebook_platform.kube.secrets import Platform, SecretStore
from notebook_platform.target.clients import Targets
from notebook_platform.target.step import TargetCluster

TOKEN_REFUSED = frozenset({"TokenExpired", "TokenRefused"})


def cloud_of(config: OperatorConfig) -> Cloud:
    """The Azure that the operator's configuration names."""
    known = CLOUDS[config.cloud]
    return Cloud(
        resource_manager=(config.resource_manager_url or known.resource_manager).rstrip("/"),
        authority=(config.authority_url or known.authority).rstrip("/"),
        graph=(config.graph_url or known.graph).rstrip("/"),
        ca_file=config.ca_file,
    )


class Workshop:
    """What all platforms of a process share: Azure sessions, clients of target clusters, helm. Makes each pass its graph."""

    def __init__(self, config: OperatorConfig) -> None:
        self._config = config
        self._sessions = Sessions(cloud_of(config))
        self._targets = Targets()
        work_dir = config.work_dir or Path(tempfile.mkdtemp(prefix="notebook-platform-"))
        charts = ChartSource(
            directory=config.charts,
            repository=config.chart_repository,
            allowed=(config.chart_repository, *config.allowed_chart_repositories),
        )
        self._helm = Helm(executable=config.helm, work_dir=work_dir, charts=charts, timeout=config.helm_timeout)
        self._open: dict[str, AzureSession] = {}

    async def warm_up(self) -> None:
        """Load beside the loop what the first pass will need."""
        await self._sessions.warm_up()

    async def graph(
        self,
        platform: Platform,
        spec: NotebookPlatformSpec,
        secrets: SecretStore,
        operations: Mapping[str, Operation],
        *,
        deleting: bool = False,
    ) -> Graph:
        """The steps of one platform for one pass."""
        CORRELATION.set(str(uuid.uuid4()))
        owner = Owner(cluster_id=self._config.cluster_id, namespace=platform.namespace, name=platform.name, uid=platform.uid)
        context = AzureContext(
            spec=spec,
            owner=owner,
            signed_in=await self._signed_in(platform, spec, secrets),
            secrets=secrets,
            operations=operations,
            deleting=deleting,
        )
        return Graph([*azure_steps(context), *self._hub_steps(context)])

    def _hub_steps(self, context: AzureContext) -> list[Step[Any, Any]]:
        async def kubeconfig(cluster: outputs.Cluster) -> str:
            return await admin_kubeconfig(context.session, cluster)

        target = TargetCluster(
            secrets=context.secrets,
            targets=self._targets,
            fetch=kubeconfig,
            least=sum(p.autoscaling.min_count if p.autoscaling else (p.count or 1) for p in context.spec.node_pools),
        )
        hub = JupyterHub(
            spec=context.spec,
            owner=context.owner.tag,
            secrets=context.secrets,
            helm=self._helm,
            allow_private=self._config.allow_private_addresses,
            deleting=context.deleting,
        )
        return [target, hub]

    async def _signed_in(self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore) -> AzureSession | Failed:
        try:
            wanted = await sign_in(spec.azure.credentials, self._sessions.cloud, secrets)
        except Refused as refused:
            return refused.failed
        session = self._sessions.of(wanted, spec.azure.subscription_id)
        before, self._open[platform.uid] = self._open.get(platform.uid), session
        if before is not None and before not in self._open.values():
            await self._sessions.drop(before)  # the Secret has changed, and nobody else signs in the old way
        return session

    async def after(self, platform: Platform, results: Mapping[str, Result]) -> None:
        """A token that Azure refused is not used again: the next pass signs in anew."""
        outcomes = [r.outcome for r in results.values() if isinstance(r.outcome, Failed)]
        if any(failed.reason in TOKEN_REFUSED for failed in outcomes) and platform.uid in self._open:
            await self._sessions.drop(self._open.pop(platform.uid))

    async def forget(self, platform: Platform) -> None:
        """A platform is gone: its clients are closed."""
        self._open.pop(platform.uid, None)
        await self._targets.drop(platform.uid)

    async def close(self) -> None:
        """End everything that is open."""
        await self._helm.close()
        await self._targets.close()
        await self._sessions.close()


def azure_steps(context: AzureContext) -> list[Step[Any, Any]]:
    """The steps on the Azure side."""
    return [
        Credentials(context),
        Providers(context),
        Preflight(context),
        ResourceGroup(context),
        Network(context),
        identity(context),
        RoleAssignment(context),
        Cluster(context),
        NodePools(context),
        Autoscale(context),
    ]


async def admin_kubeconfig(session: AzureSession, cluster: outputs.Cluster) -> str:
    """The kubeconfig that Azure gives for a cluster. Raises Refused as the error table says."""
    clusters = session.container_service.managed_clusters
    async with speaking_of("spec.cluster"):
        answer = await clusters.list_cluster_admin_credentials(cluster.resource_group, cluster.name)
    value = answer.kubeconfigs[0].value
    return (value if isinstance(value, bytes) else base64.b64decode(value)).decode()
