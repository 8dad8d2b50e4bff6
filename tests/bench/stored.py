"""Access to the clusters of cloned platforms, as an earlier operator would have kept it: without it the operator asks Azure for that of each
platform, which is bound by Azure's rate limit of writes and not by the operator."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kubernetes.aio import client
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import SignIn
from notebook_platform.kube.secrets import Platform
from notebook_platform.workload.access import ClusterKey
from notebook_platform.workload.stored_access import AccessStore

from sandbox.operator_process import NAMESPACE as OPERATORS
from sandbox.operator_process import azure_credentials
from tests.bench.process import NAMESPACE, Bench

TOGETHER = 16


async def clone_access(parts: Bench, api: client.ApiClient, names: Sequence[str], uids: Sequence[str]) -> None:
    """Keep for each platform after the first what the operator has kept for the first: all clusters are the same API server."""
    arm = parts.environment["SANDBOX_ARM"]
    cloud = Cloud(resource_manager=arm, authority=arm, graph=arm)
    digest = SignIn("ServicePrincipal", cloud, azure_credentials(parts.environment)).digest
    store, turn, clusters = AccessStore(api, OPERATORS), asyncio.Semaphore(TOGETHER), await parts.clusters()
    keys = [_key(clusters[f"aks-{name}"], digest) for name in names]
    access = await store.load(uids[0], keys[0])
    assert access is not None, "the operator has kept no access for this cluster and identity"

    async def keep(name: str, uid: str, key: ClusterKey) -> None:
        async with turn:
            await store.save(Platform(namespace=NAMESPACE, name=name, uid=uid), key, replace(access, stored=False))

    await asyncio.gather(*map(keep, names[1:], uids[1:], keys[1:]))


def _key(cluster: dict[str, Any], credential: str) -> ClusterKey:
    properties = cluster["properties"]
    return ClusterKey(
        cluster_id=cluster["id"].lower(),
        fqdn=properties["fqdn"],
        resource_uid=properties.get("resourceUID"),
        local_accounts=not properties.get("disableLocalAccounts"),
        credential=credential,
    )
