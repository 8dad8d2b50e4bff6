"""Health of a binder beyond its workloads and its hub: its address, its image builder, and its own health checks."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver
from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import Budget, parse_json
from notebook_platform.bounded.text import printable, shortened
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.helm.health.snapshot import take_snapshot
from notebook_platform.helm.health.workloads import NOT_READY
from notebook_platform.helm.release import Release
from notebook_platform.hubs.field_paths import BINDERHUB
from notebook_platform.hubs.health import hub as hub_health
from notebook_platform.hubs.net.probe import SECONDS
from notebook_platform.hubs.net.public_addresses import SYSTEM, AddressNotAllowed, NameUnknown
from notebook_platform.hubs.net.safe_http import NoAnswer, SafeHttp
from notebook_platform.hubs.users import user_counts
from notebook_platform.workload.paging import whole

SERVICE, INGRESS = "binder", "binderhub"
BUILDS = "component=binderhub-build"
NO_SOCKET = "is not a socket file"
MOST_BYTES = 64 * 1024
BUDGET = Budget(bytes=MOST_BYTES, nodes=2_000, depth=10)
LONGEST_NAME, SHOWN = 80, 5
"""Characters of a check's name, and so many checks: the names are the binder's."""

CHECKS: Mapping[str, tuple[Reason, str]] = {
    "Docker registry": (
        Reason.REGISTRY_UNREACHABLE,
        "the binder cannot reach its registry, so that each launch builds the image again and nothing can be pushed: check spec.binderhub.registry",
    ),
    "JupyterHub API": (
        Reason.HUB_UNREACHABLE,
        "the binder cannot reach its hub's API: check the pods of Deployments hub and proxy",
    ),
}
"""What the binder checks itself that matters, by its own names (https://binderhub.readthedocs.io)."""


async def read_health(api: client.ApiClient, release: Release) -> hub_health.Health:
    """Observe the workloads, the hub, the endpoint and the builds; the address is that of the binder's Service or Ingress."""
    of_hub = await hub_health.read_health(api, release, BINDERHUB.root)
    address, waiting = await _door(api, release)
    builds = await _builds(api, release)
    return hub_health.Health(tuple(sorted([*of_hub.issues, *waiting, *builds])), address, of_hub.notices)


async def _door(api: client.ApiClient, release: Release) -> tuple[str | None, list[HealthIssue]]:
    """Return the address of the Ingress, or else of the Service, and the Ingresses without one. Services are covered by the
    workloads."""
    kinds = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in release.objects()}
    if ("Ingress", INGRESS) not in kinds:
        service = await client.CoreV1Api(api).list_namespaced_service(
            release.namespace, field_selector=f"metadata.name={SERVICE}"
        )
        return next((_address(one) for one in service.items), None), []
    listed = (await client.NetworkingV1Api(api).list_namespaced_ingress(release.namespace)).items
    ours = [one for one in listed if ("Ingress", one.metadata.name) in kinds]
    waiting = [_without_address(one) for one in ours if _address(one) is None]
    return next((_address(one) for one in ours if one.metadata.name == INGRESS), None), waiting


def _address(manifest: Any) -> str | None:
    for ingress in (manifest.status.load_balancer and manifest.status.load_balancer.ingress) or ():
        return str(ingress.ip or ingress.hostname)
    return None


def _without_address(ingress: Any) -> HealthIssue:
    name, since = ingress.metadata.name, ingress.metadata.creation_timestamp.strftime("%Y-%m-%d %H:%M UTC")
    kind = ingress.spec.ingress_class_name or "the default class"
    return HealthIssue(
        NOT_READY,
        Reason.ADDRESS_PENDING,
        f"Ingress {name} has been waiting for an address since {since}: check that an ingress controller for {kind} runs in the cluster",
    )


async def _builds(api: client.ApiClient, release: Release) -> list[HealthIssue]:
    """Yield an issue when builds started before the builder: the node then has a directory where its socket should be."""
    listed = await whole(client.CoreV1Api(api).list_namespaced_pod, release.namespace, label_selector=BUILDS)
    pending = [pod for pod in listed if pod.status.phase == "Pending" and pod.spec.node_name]
    if not pending:
        return []
    snapshot = await take_snapshot(api, release.namespace)
    return [
        HealthIssue(
            1,
            Reason.BUILDER_NOT_READY,
            f"builds on node {pod.spec.node_name} wait for the builder ({warning}): delete its pod on that node; it is created again",
        )
        for pod in pending
        if NO_SOCKET in (warning := snapshot.latest_warning("Pod", pod.metadata.name, "FailedMount"))
    ]


async def ask(url: str, address: str | None, *, allow_private: bool, names: AbstractResolver = SYSTEM) -> tuple[HealthIssue, ...]:
    """Ask the binder's health endpoint. Empty when all is well, or when it may not or cannot be reached from here.

    In plain http its address is asked, under its name; with TLS the name itself, if it leads anywhere from here.
    """
    parts = urlsplit(url)
    if parts.scheme == "http" and address is None:
        return ()
    asked = f"{url}health" if parts.scheme == "https" else f"http://{address}{parts.path}health"
    try:
        async with SafeHttp(allow_private=allow_private, names=names, seconds=SECONDS) as http:
            answer = await http.get(asked, most=MOST_BYTES, headers={"Host": parts.netloc})
    except (AddressNotAllowed, NameUnknown):
        return ()
    except NoAnswer as why:
        return (HealthIssue(3, Reason.UNREACHABLE, f"{asked} does not answer ({why})"),)
    return tuple(response_issues(answer.status, answer.body, asked))


def response_issues(status: int, body: str | bytes, asked: str) -> Iterator[HealthIssue]:
    """Yield the issues that an answer of /health reports. Pure."""
    if status == 200:
        return
    try:
        checks = parse_json(body, BUDGET).get("checks", ())
        failed = [shortened(printable(str(check["service"])), LONGEST_NAME) for check in checks if not check["ok"]]
    except (ValueError, AttributeError, KeyError, TypeError):
        failed = []
    known = [CHECKS[name] for name in failed if name in CHECKS]
    for reason, sentence in known:
        yield HealthIssue(2, reason, sentence)
    if not known:
        more = f" ({', '.join(failed[:SHOWN])})" if failed else ""
        yield HealthIssue(3, Reason.UNHEALTHY, f"{asked} answers {status}{more}")


async def end_all(api: client.ApiClient, namespace: str) -> None:
    """Delete launched servers and builds together with their binder."""
    await user_counts.end_servers(api, namespace)
    await client.CoreV1Api(api).delete_collection_namespaced_pod(namespace, label_selector=BUILDS)
