"""TargetCluster: the cluster can be reached with the kubeconfig kept in `<platform>-kubeconfig`, and its nodes are Ready.

The Secret has the key `value`, as Cluster API names it, so that Argo CD and Flux can use it
(https://cluster-api.sigs.k8s.io/developer/core/controllers/cluster#contracts).
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.engine import Action, Ailing, Change, Done, Failed, InProgress, Inputs, Observed, Outcome, Step
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.target.clients import TIMEOUT_SECONDS, Targets

LOOK_AGAIN = 2.0
TOKEN_LEFT = 600.0
"""Seconds before its end at which a token in a kubeconfig is renewed."""
NODES_SECONDS = 30.0
NODES_PATIENCE = 900.0
"""Nodes that are not Ready for so long do not come by themselves."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The reachable cluster, handed to the steps that install into it. `served_version`: (major, minor) that its API tells.
    `api` is None while the cluster is only planned."""

    api: client.ApiClient | None = field(repr=False)
    kubeconfig: str = field(repr=False)
    cluster_id: str
    secret_name: str
    served_version: tuple[int, int]
    nodes: int
    ready_nodes: int


@dataclass(frozen=True)
class Kubeconfig:
    """A kubeconfig as YAML; `expires` (Unix time) when it holds a token that ends."""

    text: str = field(repr=False)
    expires: float | None = None


@dataclass(frozen=True)
class Found:
    """The kubeconfig, and the cluster behind it when it answers; `trouble` says why it does not. `kept`: it lies in the Secret."""

    target: Target | None
    trouble: str | None = None
    fetched: bool = False
    stale: bool = False
    kept: bool = True


class TargetCluster(Step[str, Found]):
    """`fetch` asks Azure for a kubeconfig given the Cluster step's output; `least` nodes must be Ready. A plan (`planning`) looks
    into a cluster that is there although its kubeconfig is not kept yet."""

    name = "TargetCluster"
    needs = ("NodePools", "ClusterRoles", "Cluster")
    goes_with = "Cluster"

    def __init__(
        self,
        *,
        secrets: SecretStore,
        targets: Targets,
        fetch: Callable[[Any], Awaitable[Kubeconfig]],
        least: int,
        planning: bool = False,
    ) -> None:
        self._planning = planning
        self._secrets = secrets
        self._targets = targets
        self._fetch = fetch
        self._least = least
        self._secret_name = f"{secrets.platform.name}-kubeconfig"
        self._cluster: Any = None
        self._fetched = False

    def desired(self, inputs: Inputs) -> str | None:
        self._cluster = inputs["Cluster"]
        return None if self._asleep else str(self._cluster.id)

    @property
    def _asleep(self) -> bool:
        return self._cluster is None or self._cluster.power_state == "Stopped"

    async def observe(self, inputs: Inputs) -> Observed[Found]:
        cluster = inputs.get("Cluster")
        if cluster is None or cluster.planned or cluster.power_state == "Stopped":
            return Observed()  # nothing in one that sleeps can be looked at, and nothing need be
        kept = await self._secrets.find(self._secret_name)
        if kept is None or kept.get("clusterId", "").lower() != cluster.id.lower():
            if not self._planning:
                return Observed()
            return Observed(found=replace(await self._look((await self._fetch(cluster)).text, str(cluster.id)), kept=False))
        found = await self._look(kept["value"], str(cluster.id))
        left = float(kept.get("expires") or "inf") - time.time()
        wait = max(left - TOKEN_LEFT, LOOK_AGAIN) if left != float("inf") else None
        return Observed(found=replace(found, stale=left < TOKEN_LEFT), look_again_in=wait)

    async def _look(self, kubeconfig: str, cluster_id: str) -> Found:
        api = await self._targets.of(self._secrets.platform.uid, kubeconfig)
        try:
            listed = await client.CoreV1Api(api).list_node(_request_timeout=TIMEOUT_SECONDS)
            told = await client.VersionApi(api).get_code(_request_timeout=TIMEOUT_SECONDS)
        except ApiException as error:
            return Found(None, f"its API answered {error.status} {error.reason}", self._fetched)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Found(None, f"its API did not answer ({type(error).__name__})", self._fetched)
        target = Target(
            api=api,
            kubeconfig=kubeconfig,
            cluster_id=cluster_id,
            secret_name=self._secret_name,
            served_version=(int(told.major), int(told.minor.rstrip("+"))),
            nodes=len(listed.items),
            ready_nodes=sum(map(_is_ready, listed.items)),
        )
        return Found(target)

    def plan(self, desired: str | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return ()
        if found is None or not found.kept:
            return [Change(path=f"secrets/{self._secret_name}", action=Action.CREATE, after="kubeconfig of the cluster")]
        if found.stale or (found.target is None and not found.fetched):
            return [Change(path=f"secrets/{self._secret_name}", action=Action.UPDATE, after="a new kubeconfig", due=True)]
        return ()

    async def apply(self, desired: str | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        kubeconfig = await self._fetch(self._cluster)
        self._fetched = True
        kept = {"value": kubeconfig.text, "clusterId": desired or ""}
        if kubeconfig.expires is not None:
            kept["expires"] = str(kubeconfig.expires)
        await self._secrets.keep(self._secret_name, kept)
        return Done()

    def judge(self, found: Found | None) -> Outcome | None:
        if self._asleep:
            return None
        if found is None or found.target is None:
            trouble = found.trouble if found else "its kubeconfig is not there yet"
            return Failed(
                reason="TargetUnreachable",
                message=f"spec.cluster: the managed cluster cannot be reached: {trouble}",
                remedy="See whether the operator can reach the API server (private cluster, authorized ranges); it is tried again.",
                retry_in=10,
            )
        if found.target.ready_nodes < self._least:
            message = f"{found.target.ready_nodes} of at least {self._least} nodes are Ready"
            return InProgress(
                reason="NodesNotReady", message=message, look_again_in=LOOK_AGAIN, ailing=Ailing(patience=NODES_PATIENCE)
            )
        return None

    def output(self, found: Found | None) -> Any:
        return found.target if found else None

    def promise(self, desired: str) -> Any:
        major, minor, *_ = map(int, self._cluster.kubernetes_version.split("."))
        return Target(
            api=None,
            kubeconfig="",
            cluster_id=desired,
            secret_name=self._secret_name,
            served_version=(major, minor),
            nodes=0,
            ready_nodes=0,
        )

    def takes(self, changes: Sequence[Change]) -> float:
        return NODES_SECONDS if any(change.action is Action.CREATE for change in changes) else 0.0

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        await self._secrets.drop(self._secret_name)
        return Done()


def _is_ready(node: Any) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or ())
