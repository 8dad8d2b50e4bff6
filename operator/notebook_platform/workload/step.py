"""WorkloadCluster: the workload cluster's API answers, its nodes are Ready, and `<platform>-kubeconfig` holds a kubeconfig for
users.

The Secret has the key `value`, as Cluster API names it, so that Argo CD and Flux can use it
(https://cluster-api.sigs.k8s.io/developer/core/controllers/cluster#contracts). It is an output: the operator never connects
with it.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.bounded.unanswered import why
from notebook_platform.engine import Action, Change, Degraded, Failed, Inputs, Observed, Outcome, Ready, Step
from notebook_platform.engine.change import Scheduled
from notebook_platform.kube.secrets import Contents, SecretStore
from notebook_platform.versions import minor
from notebook_platform.workload.access import TOKEN_LEFT, Connection, WorkloadClusters
from notebook_platform.workload.client import TIMEOUT_SECONDS
from notebook_platform.workload.kubeconfig import ClusterAccess
from notebook_platform.workload.paging import each
from notebook_platform.workload.served import served_version

LOOK_AGAIN = 2.0
NODES_SECONDS = 30.0
NODES_STALL_AFTER = 900.0
"""Seconds. Nodes that are not Ready for longer do not become Ready without user action."""


@dataclass(frozen=True, kw_only=True)
class WorkloadClusterOutput:
    """The reachable cluster, as the steps that install into it need it.

    `served_version`: (major, minor) that its API reports. `api` and `access` are None while the cluster is only planned.
    """

    api: client.ApiClient | None = field(repr=False)
    access: ClusterAccess | None = field(repr=False)
    cluster_id: str
    secret_name: str
    served_version: tuple[int, int]
    nodes: int
    ready_nodes: int


def kubeconfig_secret(platform: str) -> str:
    """Return the name of the Secret with the kubeconfig for users of a platform's cluster."""
    return f"{platform}-kubeconfig"


def planned_cluster(cluster_id: str, secret_name: str, kubernetes_version: str) -> WorkloadClusterOutput:
    """Return a cluster that does not exist yet, without nodes."""
    return WorkloadClusterOutput(
        api=None,
        access=None,
        cluster_id=cluster_id,
        secret_name=secret_name,
        served_version=minor(kubernetes_version),
        nodes=0,
        ready_nodes=0,
    )


@dataclass(frozen=True)
class Found:
    """The cluster if it answers, else why it does not (`trouble`).

    `published`: how the Secret compares with the wanted kubeconfig.
    """

    target: WorkloadClusterOutput | None
    failure: str | None = None
    published: Contents = "current"


class WorkloadCluster(Step[outputs.Cluster, Found, WorkloadClusterOutput]):
    """The step. `connect` returns the connection to the Cluster step's output (from memory or from Azure), `publish` the text
    of the kubeconfig for users; at least `least` nodes must be Ready."""

    name = "WorkloadCluster"
    provides = WorkloadClusterOutput
    needs = (outputs.NodePools, outputs.ClusterRoles, outputs.Cluster)
    deleted_with = outputs.Cluster

    def __init__(
        self,
        *,
        secrets: SecretStore,
        clusters: WorkloadClusters,
        connect: Callable[[outputs.Cluster], Awaitable[Connection]],
        publish: Callable[[outputs.Cluster, ClusterAccess], str],
        least: int,
        deleting: bool = False,
    ) -> None:
        self._secrets = secrets
        self._clusters = clusters
        self._connect = connect
        self._publish = publish
        self._least = least
        self._deleting = deleting
        self._secret_name = kubeconfig_secret(secrets.platform.name)

    def desired(self, inputs: Inputs) -> outputs.Cluster | None:
        cluster = inputs.get(outputs.Cluster)
        return None if cluster is None or cluster.power_state == "Stopped" else cluster

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        cluster = inputs.get(outputs.Cluster)
        if cluster is not None and cluster.planned:
            await self._secrets.compare(self._secret_name, dict, basis=0)  # reject a taken name before there is a cluster
        if cluster is None or cluster.planned or cluster.power_state == "Stopped":
            return Observed()  # a stopped cluster cannot be observed
        connection = await self._connect(cluster)
        found = await self._read(connection, cluster)
        if not self._deleting:
            wanted = partial(self._wanted, cluster, connection.access)
            basis = hash((cluster, connection.access))
            found = replace(found, published=await self._secrets.compare(self._secret_name, wanted, basis=basis))
        ends = connection.access.expires
        renewed_in = max(ends - time.time() - TOKEN_LEFT, LOOK_AGAIN) if ends is not None else None
        return Observed(found=found, requeue_after=renewed_in)

    async def _read(self, connection: Connection, cluster: outputs.Cluster) -> Found:
        core, uid = client.CoreV1Api(connection.api), self._secrets.platform.uid
        try:
            listing = core.list_node_without_preload_content
            nodes = [_is_ready(node) async for node in each(listing, _request_timeout=TIMEOUT_SECONDS)]
            if (version := self._clusters.served(uid, cluster.kubernetes_version)) is None:
                version = await served_version(connection.api)
        except ApiException as error:
            return Found(None, f"its API answered {error.status} {error.reason}")
        except (TimeoutError, aiohttp.ClientError, OSError, DocumentRefused) as error:
            self._clusters.unreachable(uid)
            return Found(None, f"its API did not answer: {why(error)}")
        self._clusters.reached(uid)
        self._clusters.note_served(uid, cluster.kubernetes_version, version)
        target = WorkloadClusterOutput(
            api=connection.api,
            access=connection.access,
            cluster_id=str(cluster.id),
            secret_name=self._secret_name,
            served_version=version,
            nodes=len(nodes),
            ready_nodes=sum(nodes),
        )
        return Found(target)

    def plan(self, desired: outputs.Cluster | None, found: Found | None) -> Sequence[Change]:
        if desired is None or (found is not None and found.published == "current"):
            return ()
        path, text = f"secrets/{self._secret_name}", "kubeconfig of the cluster"
        if found is None or found.published == "missing":
            return [Change(path=path, action=Action.CREATE, after=text, drift=False)]
        return [Change(path=path, action=Action.UPDATE, before="another", after=text, gate=Scheduled())]

    async def apply(self, desired: outputs.Cluster | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None
        connection = await self._connect(desired)
        wanted = self._wanted(desired, connection.access)
        await self._secrets.apply(self._secret_name, wanted, hidden=connection.access.secrets)
        return Ready()

    def _wanted(self, cluster: outputs.Cluster, access: ClusterAccess) -> dict[str, str]:
        return {"value": self._publish(cluster, access), "clusterId": str(cluster.id)}

    def check_health(self, found: Found | None) -> Outcome | None:
        if found is None:  # the cluster is stopped
            return None
        if found.target is None:
            return Failed(
                reason=Reason.CLUSTER_UNREACHABLE,
                message=f"spec.cluster: the managed cluster cannot be reached: {found.failure}",
                remedy="The operator retries. If the cluster is private, check the network from the operator to it. "
                "If spec.cluster.apiServer.authorizedIPRanges is set, add the address from which the operator connects.",
                retry_in=10,
            )
        if found.target.ready_nodes < self._least:
            message = f"ready nodes: {found.target.ready_nodes}, required: at least {self._least}"
            return Degraded(
                reason=Reason.NODES_NOT_READY, message=message, requeue_after=LOOK_AGAIN, stall_after=NODES_STALL_AFTER
            )
        return None

    def output(self, found: Found | None) -> WorkloadClusterOutput | None:
        return found.target if found else None

    def planned_output(self, desired: outputs.Cluster) -> WorkloadClusterOutput | None:
        return planned_cluster(desired.id, self._secret_name, desired.kubernetes_version)

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return NODES_SECONDS if any(change.action is Action.CREATE for change in changes) else 0.0

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        await self._secrets.delete(self._secret_name)
        return Ready()


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
