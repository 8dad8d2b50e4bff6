"""Count of all volumes of the workload cluster, before the deletion of a platform destroys them."""

import asyncio
from collections.abc import Collection

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.hubs.users.volumes import (
    HUB,
    SERVER,
    Kind,
    Place,
    UserInventory,
    Volume,
    claim_of,
    is_reclaimed,
    short,
    survives_in,
    volume_of,
)
from notebook_platform.workload.paging import each

TIMEOUT = 45.0
"""Seconds for all lists together: 50,000 claims are 500 pages."""

PODS = f"component in ({SERVER},{HUB})"


async def count_all(
    api: client.ApiClient,
    *,
    named: Collection[Place] = (),
    empty: Collection[Place] = (),
    doomed: Collection[str] = (),
) -> UserInventory | None:
    """Count the users' servers and the volumes of all namespaces; None when the cluster does not answer in full.

    `named`: claims that the spec names as users' volumes; `empty`: databases of hubs that no user has signed in to, which hold
    nothing of users; `doomed`: the resource groups that are deleted with the platform.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            return await _counted(client.CoreV1Api(api), frozenset(named), frozenset(empty), frozenset(doomed))
    except (ApiException, TimeoutError, aiohttp.ClientError, OSError, DocumentRefused):
        return None
    except (AttributeError, KeyError, TypeError):  # parts of objects of a shape that no API server of Kubernetes gives
        return None


async def _counted(
    core: "client.CoreV1Api", named: frozenset[Place], empty: frozenset[Place], doomed: frozenset[str]
) -> UserInventory:
    servers, mounted = await _pods(core)
    claimed: dict[str, Place | None] = {}
    groups: dict[str, str] = {}
    async for one in each(core.list_persistent_volume_without_preload_content):
        if not is_reclaimed(one):
            name = str(one["metadata"]["name"])
            claimed[name], groups[name] = claim_of(one), survives_in(one, doomed)
    found = []
    async for claim in each(core.list_persistent_volume_claim_for_all_namespaces_without_preload_content):
        place = (str(claim["metadata"]["namespace"]), str(claim["metadata"]["name"]))
        volume = str((claim.get("spec") or {}).get("volumeName") or "")
        is_bound = claimed.get(volume) == place
        if is_bound:
            del claimed[volume]
        if place not in empty:
            found.append(volume_of(claim, named, mounted, groups[volume] if is_bound else ""))
    unclaimed = [Volume(kind=Kind.UNCLAIMED, name=short(name), survives_in=groups[name]) for name in claimed]
    return UserInventory(servers=servers, volumes=(*found, *unclaimed))


async def _pods(core: "client.CoreV1Api") -> tuple[int, dict[Place, set[str]]]:
    """Return the number of running user servers, and the components that mount each claim."""
    servers = 0
    mounted: dict[Place, set[str]] = {}
    async for pod in each(core.list_pod_for_all_namespaces_without_preload_content, label_selector=PODS):
        metadata = pod["metadata"]
        component = metadata["labels"]["component"]
        servers += component == SERVER and not metadata.get("deletionTimestamp")
        for volume in (pod.get("spec") or {}).get("volumes") or ():
            if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                mounted.setdefault((str(metadata["namespace"]), str(claim)), set()).add(component)
    return servers, mounted
