"""Count the volumes that the deletion of a platform would destroy with its cluster, before anything is deleted.

A deletion that destroys user data waits for a confirmation with this count (`deletion.py`).
"""

import logging
from collections.abc import Iterable, Sequence

import aiohttp
from azure.core.exceptions import AzureError
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.cluster import find_cluster
from notebook_platform.azure.scope import AzureScope
from notebook_platform.cluster_clients import ClusterClients
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.history import read_history
from notebook_platform.helm.ledger import ReleaseLedger
from notebook_platform.hubs.users.claims import named_claims
from notebook_platform.hubs.users.count import count_all
from notebook_platform.hubs.users.volumes import Place, UserInventory

UNFINISHED = frozenset({"Creating", "Failed", "Canceled"})
"""Provisioning states of a cluster that may never have run."""

UNREADABLE = (ApiException, aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError, AttributeError)
"""The errors of reading a Helm release record, which any user of the cluster may have written."""

log = logging.getLogger(__name__)


async def count_volumes(
    scope: AzureScope, clusters: ClusterClients, contents: Sequence[ChartAdapter], ledger: ReleaseLedger, *, reached: bool
) -> UserInventory | None:
    """Count the volumes of the platform's own cluster.

    Empty when Azure reports no cluster, or one that is already being deleted; None when there may be volumes that cannot be
    counted now. `reached`: the platform had a cluster that answered. Nothing is counted for a platform that never had one,
    while Azure cannot be reached or the creation of the cluster is in progress or failed.
    """
    nothing = None if reached else UserInventory()
    try:
        cluster = await find_cluster(scope)
        if cluster is None or cluster.state == "Deleting":
            return UserInventory()
        nothing = nothing if cluster.state in UNFINISHED else None
        if not cluster.exists:
            return nothing
        api = (await clusters.connection(scope, cluster)).api
    except (StepError, AzureError) as error:
        owner = scope.owner
        log.warning("%s/%s: cannot count the volumes: %s", owner.namespace, owner.name, type(error).__name__)
        return nothing
    empty = await _unused(api, contents, ledger)
    doomed = [cluster.node_resource_group, scope.spec.azure.resource_group]
    return await count_all(api, named=named_by(scope.spec), empty=empty, doomed=doomed) or nothing


async def _unused(api: client.ApiClient, contents: Iterable[ChartAdapter], ledger: ReleaseLedger) -> list[Place]:
    """Return the claims of the platform's releases that hold no user data; only a record of the operator's proves it."""
    found: list[Place] = []
    try:
        await ledger.load()
    except (StepError, ApiException):
        return found
    for content in contents:
        place = (content.namespace, content.release)
        try:
            owned = ledger.release(place)
            release = (await read_history(api, *place, owned)).own if owned is not None else None
            found += await content.unused_claims(api, release) if release is not None else ()
        except UNREADABLE as error:  # its claims count as user data
            log.warning("cannot read release %s in namespace %s: %s", place[1], place[0], type(error).__name__)
    return found


def named_by(spec: NotebookPlatformSpec) -> frozenset[Place]:
    """Return the claims that a spec itself names as user volumes; those in `valuesFrom` are found through the pods that mount
    them. Pure."""
    found: list[Place] = []
    if hub := spec.jupyterhub:
        found += [(hub.namespace, claim.name) for claim in named_claims(hub.values)]
        found += [(hub.namespace, claim) for claim in hub.single_user.storage.claims]
    if binder := spec.binderhub:
        found += [(binder.namespace, claim.name) for claim in named_claims(binder.values)]
    return frozenset(found)
