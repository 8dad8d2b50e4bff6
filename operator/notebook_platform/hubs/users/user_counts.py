"""Users' servers and home volumes: counted, shown, and never destroyed without a confirmation."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.engine.step import Notice
from notebook_platform.workload.paging import each

SERVERS = "component=singleuser-server"
HOMES = "component=singleuser-storage"
"""Labels that KubeSpawner gives (https://jupyterhub-kubespawner.readthedocs.io)."""

USERNAME, SERVER_NAME = "hub.jupyter.org/username", "hub.jupyter.org/servername"
SHOWN = 5
TIMEOUT = 20
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class UserCounts:
    """The number of running servers, and the home volumes by (user, server name, claim)."""

    servers: int = 0
    homes: tuple[tuple[str, str, str], ...] = ()

    @property
    def users(self) -> list[str]:
        """Return the owners of the homes."""
        return sorted({user for user, _, _ in self.homes})


async def read(api: client.ApiClient, namespace: str | None = None) -> UserCounts:
    """Count the servers that run and list the home volumes, in one namespace or in all. Raises ApiException, DocumentRefused."""
    core = client.CoreV1Api(api)
    where: dict[str, str] = {} if namespace is None else {"namespace": namespace}
    list_pods = core.list_pod_for_all_namespaces_without_preload_content
    list_claims = core.list_persistent_volume_claim_for_all_namespaces_without_preload_content
    if namespace is not None:
        list_pods = core.list_namespaced_pod_without_preload_content
        list_claims = core.list_namespaced_persistent_volume_claim_without_preload_content
    pods = [pod async for pod in each(list_pods, label_selector=SERVERS, **where)]
    claims = [claim async for claim in each(list_claims, label_selector=HOMES, **where)]
    servers = sum(1 for pod in pods if not pod["metadata"].get("deletionTimestamp"))
    return UserCounts(servers=servers, homes=tuple(sorted(map(_home, claims))))


def _home(claim: Mapping[str, Any]) -> tuple[str, str, str]:
    name, marks = claim["metadata"]["name"], claim["metadata"].get("annotations") or {}
    return str(marks.get(USERNAME, name)), str(marks.get(SERVER_NAME, "")), name


def notices(users: UserCounts, field: str) -> tuple[Notice, ...]:
    """Return a notice for two home volumes of one server: after a change of the naming scheme the user gets an empty home,
    while the old one still exists."""
    claims = Counter((user, server) for user, server, _ in users.homes)
    twice = sorted({user for (user, _), count in claims.items() if count > 1})
    if not twice:
        return ()
    message = (
        f"{field}: {named(twice)} {'have' if len(twice) > 1 else 'has'} two home volumes for one server: the older one has the "
        "data from before the names of volumes changed. Copy the data, then delete the old volume claim"
    )
    return (Notice(condition=ConditionType.DUPLICATE_HOMES, reason=Reason.DUPLICATE_HOME_CLAIMS, message=message),)


def named(users: list[str]) -> str:
    """Return some of the names, and the number of the rest."""
    more = len(users) - SHOWN
    return ", ".join(users[:SHOWN]) + (f" and {more} more" if more > 0 else "")


async def count_users(api: client.ApiClient) -> UserCounts | None:
    """Count the users of a whole cluster, which a deletion of the cluster ends; None when it does not answer."""
    try:
        async with asyncio.timeout(TIMEOUT):
            return await read(api)
    except (ApiException, DocumentRefused, TimeoutError, aiohttp.ClientError, OSError):
        return None


async def end_servers(api: client.ApiClient, namespace: str) -> None:
    """Delete users' servers together with their hub; their homes stay."""
    await client.CoreV1Api(api).delete_collection_namespaced_pod(namespace, label_selector=SERVERS)
