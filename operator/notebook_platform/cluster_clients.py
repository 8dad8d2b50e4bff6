"""Connect to the workload clusters of platforms.

Access comes from Azure with the platform's own credentials, and is kept for the operator's next process (`stored_access.py`).
`SharedClients` uses this module for the steps that drain pools, check removed APIs and install releases.
"""

import logging

from azure.core.exceptions import AzureError

from notebook_platform import outputs
from notebook_platform.azure.agent_pools import bounds_of, initial_count
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.cluster import find_cluster
from notebook_platform.azure.kubeconfig import cluster_access, cluster_key, published_kubeconfig
from notebook_platform.azure.scope import AzureScope, Drain, FindRemovedApis
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.deprecated_apis import removed_apis_in_use
from notebook_platform.workload.access import Connection, WorkloadClusters
from notebook_platform.workload.drain import drain
from notebook_platform.workload.kubeconfig import ClusterAccess
from notebook_platform.workload.step import WorkloadCluster, WorkloadClusterOutput, kubeconfig_secret, planned_cluster
from notebook_platform.workload.stored_access import AccessStore

log = logging.getLogger(__name__)


class ClusterClients:
    """The connections to workload clusters that all platforms of a process share, and the calls that use them."""

    def __init__(self, store: AccessStore | None = None) -> None:
        """`store`: where access is kept for the next process; None: nowhere."""
        self._clusters = WorkloadClusters()
        self._store = store

    async def connection(self, scope: AzureScope, cluster: outputs.Cluster) -> Connection:
        """Return the connection to a platform's cluster, from memory or from Azure. Raises StepError."""

        key, store = cluster_key(scope.session, cluster), self._store

        async def ask(from_azure: bool) -> ClusterAccess:
            known = await store.load(scope.owner.uid, key) if store and not from_azure else None
            access = await cluster_access(scope.session, cluster, known)
            await scope.secrets.redact_from_now_on("access to the cluster", access.secrets)
            if store and known is None:
                await store.save(scope.secrets.platform, key, access)
            return access

        return await self._clusters.connection(scope.owner.uid, key, ask)

    async def own_cluster(self, scope: AzureScope) -> Connection | None:
        """Return the connection to the cluster that Azure reports as the platform's own.

        None when there is no such cluster, it is stopped, or it cannot be reached.
        """
        try:
            cluster = await find_cluster(scope)
            return await self.connection(scope, cluster) if cluster is not None and cluster.exists else None
        except (StepError, AzureError) as error:
            owner = scope.owner
            log.warning("%s/%s: the cluster cannot be reached: %s", owner.namespace, owner.name, type(error).__name__)
            return None

    def drain(self, scope: AzureScope) -> Drain:
        """Return the call that empties the nodes of an agent pool."""

        async def empty(cluster: outputs.Cluster, pool: str) -> str | None:
            return await drain((await self.connection(scope, cluster)).api, pool)

        return empty

    def find_removed_apis(self, scope: AzureScope) -> FindRemovedApis:
        """Return the call that finds objects whose API a newer Kubernetes version removes."""

        async def find(cluster: outputs.Cluster, current: str, wanted: str) -> str | None:
            return await removed_apis_in_use((await self.connection(scope, cluster)).api, current, wanted)

        return find

    @staticmethod
    def planned(scope: AzureScope) -> WorkloadClusterOutput:
        """Return the cluster that the spec asks for, before it exists."""
        wanted, secret = scope.spec.cluster, kubeconfig_secret(scope.secrets.platform.name)
        return planned_cluster(scope.id_of(CLUSTERS.name, wanted.name), secret, wanted.kubernetes_version)

    def step(self, scope: AzureScope) -> WorkloadCluster:
        """Return the step WorkloadCluster of one reconcile."""

        async def connect(cluster: outputs.Cluster) -> Connection:
            return await self.connection(scope, cluster)

        def publish(cluster: outputs.Cluster, access: ClusterAccess) -> str:
            return published_kubeconfig(scope.session, cluster, access)

        pools = [pool for pool in scope.spec.node_pools if not pool.spot]
        return WorkloadCluster(
            secrets=scope.secrets,
            clusters=self._clusters,
            connect=connect,
            publish=publish,
            least=sum((bounds_of(pool, scope.now) or (initial_count(pool),))[0] for pool in pools),
            deleting=scope.deleting,
        )

    def rest(self, uid: str) -> None:
        """Close the connections of a platform before a long wait; the next request opens new ones."""
        self._clusters.rest(uid)

    async def drop(self, uid: str) -> None:
        """Close the connection of a platform."""
        await self._clusters.drop(uid)

    async def delete_access(self, uid: str) -> None:
        """Delete what is kept of the access to the cluster of a platform. Raises ApiException."""
        if self._store is not None:
            await self._store.delete(uid)

    async def delete_left_access(self, uid: str) -> None:
        """Delete what is kept of the access to the cluster of a platform that no longer exists. Logs a failure."""
        if self._store is not None:
            await self._store.delete_left(uid)

    async def close(self) -> None:
        """Close all connections."""
        await self._clusters.close()
