"""The number of running user servers, from the hub and from its pods. The larger number counts, because a server that starts
has no pod yet, and a pod may outlive its record in the hub."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.reasons import Reason
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.helm.history import read_history
from notebook_platform.helm.ledger import ReleaseLedger
from notebook_platform.hubs.fields.hub import COUNTER
from notebook_platform.hubs.health import hub as hub_health
from notebook_platform.hubs.inputs import HubContext, base_path, url_of
from notebook_platform.hubs.net.hub_api import HubApi, Server
from notebook_platform.hubs.users import user_counts
from notebook_platform.hubs.users.user_counts import USERNAME, UserCounts
from notebook_platform.paths import at
from notebook_platform.workload.paging import whole


def token_in(values: Mapping[str, Any]) -> str | None:
    """Return the operator's token in a release with these values; None: there is none."""
    found = at(values, "hub", "services", COUNTER, "apiToken")
    return found if isinstance(found, str) and found else None


async def query_servers(urls: Iterable[str | None], token: str | None, *, allow_private: bool) -> tuple[Server, ...] | None:
    """Return the answer of the hub at the first of its addresses that answers; None: none does."""
    for url in filter(None, urls if token else ()):
        found = await HubApi(url=url, token=token or "", allow_private=allow_private).servers()
        if found is not None:
            return found
    return None


def urls_of(spec: JupyterHubSpec, hub_context: HubContext, address: str | None) -> tuple[str | None, ...]:
    """Return the URLs of the hub: its host name, at its endpoint's own address."""
    return (f"http://{address}{base_path(spec)}" if address else None), url_of(spec, hub_context)


async def query_hub(
    api: client.ApiClient, ledger: ReleaseLedger, spec: JupyterHubSpec, hub_context: HubContext, *, allow_private: bool
) -> tuple[Server, ...] | None:
    """Find the hub in its cluster and query it; None: it does not exist, or does not answer."""
    try:
        await ledger.load()
        owned = ledger.release((spec.namespace, spec.release))
        newest = (await read_history(api, spec.namespace, spec.release, owned)).own if owned else None
        address = await hub_health.address_of(client.CoreV1Api(api), spec.namespace)
    except (ApiException, TimeoutError, aiohttp.ClientError, OSError):
        return None
    token = token_in(newest.config) if newest else None
    return await query_servers(urls_of(spec, hub_context, address), token, allow_private=allow_private)


def with_servers(users: UserCounts, servers: Sequence[Server] | None) -> UserCounts:
    """Return the counts, completed with the hub's own. Pure."""
    return replace(users, servers=max(users.servers, len(servers or ())))


async def missed_pod_events(
    api: client.ApiClient, namespace: str, servers: Sequence[Server] | None, start_timeout: timedelta
) -> tuple[HealthIssue, ...]:
    """Return whether the hub no longer receives events from Kubernetes, which it does not notice. `start_timeout` is how long a
    start may take."""
    starting = {server.user for server in servers or () if server.pending == "spawn"}
    if not starting:
        return ()
    pods = await whole(client.CoreV1Api(api).list_namespaced_pod, namespace, label_selector=user_counts.SERVERS)
    return tuple(unreported_starts(starting, pods, datetime.now(UTC) - start_timeout))


def unreported_starts(starting: Iterable[str], pods: Iterable[Any], since: datetime) -> Iterator[HealthIssue]:
    """Return the users for whom the hub waits although their pod was ready before `since`. Pure.

    https://github.com/jupyterhub/kubespawner/issues/282
    """
    ready = {(pod.metadata.annotations or {}).get(USERNAME) for pod in pods if _ready_since(pod) < since}
    late = sorted(user for user in starting if user in ready)
    if late:
        yield HealthIssue(
            1,
            Reason.HUB_STALE,
            f"the hub still waits for the servers of {user_counts.named(late)}, whose pods are ready: it no longer receives events from "
            "Kubernetes; restart Deployment hub (users keep their servers)",
        )


def _ready_since(pod: Any) -> datetime:
    for condition in pod.status.conditions or ():
        if condition.type == "Ready" and condition.status == "True" and condition.last_transition_time:
            since: datetime = condition.last_transition_time
            return since
    return datetime.max.replace(tzinfo=UTC)
