"""An unhealthy hub is reported with its cause, from its log, its endpoint and its users' pods."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import trustme
from aiohttp import web
from kubernetes.aio import client
from notebook_platform.engine import Degraded, Ready
from notebook_platform.hubs.health import hub as hub_health

from tests.integration.releases.cluster import Cluster
from tests.integration.releases.harness import ReleaseHarness

pytestmark = pytest.mark.asyncio(loop_scope="package")
MERGE = "application/merge-patch+json"
LOG_NODE = "aks-logs-12345678-vmss000000"
HUB: dict[str, Any] = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True, "allowAll": True}}}
QUICK = {"prePuller": {"hook": {"enabled": False}}, "scheduling": {"userScheduler": {"enabled": False}}}


@dataclass
class Kubelet:
    """The container logs of a node's kubelet."""

    log: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        assert request.query.get("previous") == "true" and "/hub" in request.path
        return web.Response(text=self.log)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def kubelet(cluster: Cluster) -> AsyncIterator[Kubelet]:
    """A node that the sandbox does not simulate, with a kubelet that the API server asks for logs."""
    found, app = Kubelet(), web.Application()
    app.router.add_get("/containerLogs/{path:.*}", found.answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    node = {"metadata": {"name": LOG_NODE, "labels": {"logs": "yes", "kubernetes.io/hostname": LOG_NODE}}}
    await cluster.core.create_node(node)
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "capacity": {"cpu": "8", "memory": "16Gi", "pods": "110"},
        "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "T", "message": "t", "lastHeartbeatTime": now}],
    }
    await cluster.core.patch_node_status(LOG_NODE, {"status": status}, _content_type=MERGE)
    taints = {"spec": {"taints": [{"key": "logs", "effect": "NoSchedule"}]}}
    await cluster.core.patch_node(LOG_NODE, taints, _content_type=MERGE)
    yield found
    await cluster.core.delete_node(LOG_NODE)
    await runner.cleanup()


@pytest.fixture
def hub(harness: ReleaseHarness) -> ReleaseHarness:
    harness.wants, harness.hub = [], {**HUB, "namespace": harness.namespace, "values": QUICK}
    return harness


CRASH_PATTERNS = [
    ("alembic.util.exc.CommandError: Can't locate revision identified by '4621fec11365'", "RollbackImpossible"),
    ("Found database schema version 1cebaf56856c != 4621fec11365. Backup your database", "DatabaseUpgradeRequired"),
    ("api_request to the proxy failed with status code 599, retrying...", "ProxyUnreachable"),
    ("sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection refused", "DatabaseUnreachable"),
    ("KeyError: 'hub.config.ConfigurableHTTPProxy.auth_token'", "SecretsRefused"),
    ("Exception while loading config file /usr/local/etc/jupyterhub/jupyterhub_config.py", "ConfigRefused"),
]


async def test_a_hub_that_crashes_is_explained_from_its_log(hub: ReleaseHarness, kubelet: Kubelet) -> None:
    core = {"corePods": {"tolerations": [{"key": "logs", "operator": "Exists"}]}}
    assert hub.hub is not None
    hub.hub["values"] = {
        **QUICK,
        "scheduling": {**QUICK["scheduling"], **core},
        "hub": {"nodeSelector": {"logs": "yes"}, "db": {"type": "sqlite-memory"}},
    }
    await hub.until(lambda outcome: isinstance(outcome, Degraded) and outcome.reason == "Progressing", "JupyterHub")
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    last = {"terminated": {"exitCode": 1, "reason": "Error"}}
    crashing = {"name": "hub", "image": "x", "imageID": "", "ready": False, "restartCount": 4, "state": state, "lastState": last}

    async def placed() -> Any:
        listed = await hub.cluster.core.list_namespaced_pod(hub.namespace, label_selector="component=hub")
        return next((pod for pod in listed.items if pod.spec.node_name == LOG_NODE), None)

    pod = await hub.soon(placed)
    patch = {"status": {"containerStatuses": [crashing]}}
    await hub.cluster.core.patch_namespaced_pod_status(pod.metadata.name, hub.namespace, patch, _content_type=MERGE)
    for log, reason in CRASH_PATTERNS:
        kubelet.log = f"[I JupyterHub] starting\n{log}\nsecret-in-a-log-8172\n"
        result = await hub.reason(reason, "JupyterHub")
        assert "Deployment hub: " in result.message and "keeps crashing" in result.message
        assert "secret-in-a-log" not in result.message


async def test_an_endpoint_that_refuses_connections_and_an_unhealthy_hub_are_reported(hub: ReleaseHarness) -> None:
    await hub.ready("JupyterHub")
    core = hub.cluster.core
    service = await core.read_namespaced_service("proxy-public", hub.namespace)
    address = service.status.load_balancer.ingress[0].ip
    for there, reason, words in (("127.0.250.250", "Unreachable", "does not answer"), (address, "Unhealthy", "answers 503")):
        ingress = {"status": {"loadBalancer": {"ingress": [{"ip": there}]}}}
        await core.patch_namespaced_service_status("proxy-public", hub.namespace, ingress, _content_type=MERGE)
        ill = {"metadata": {"annotations": {"sandbox.notebookplatform.io/ill": "yes" if reason == "Unhealthy" else None}}}
        await core.patch_namespace(hub.namespace, ill, _content_type=MERGE)
        outcome = await hub.reason(reason, "JupyterHub")
        assert f"http://{there}/hub/health {words}" in outcome.message
    well = {"metadata": {"annotations": {"sandbox.notebookplatform.io/ill": None}}}
    await core.patch_namespace(hub.namespace, well, _content_type=MERGE)
    await hub.ready("JupyterHub")


async def test_users_pods_without_a_scheduler_are_reported(hub: ReleaseHarness) -> None:
    """The pods are aged beyond the limit."""
    await hub.ready("JupyterHub")
    core, api = hub.cluster.core, hub.cluster.target.api
    spec = {"schedulerName": "jhub-user-scheduler", "containers": [{"name": "notebook", "image": "x"}]}
    labels = {"component": "singleuser-server"}
    await core.create_namespaced_pod(hub.namespace, {"metadata": {"name": "jupyter-ada", "labels": labels}, "spec": spec})
    pods = (await client.CoreV1Api(api).list_namespaced_pod(hub.namespace, label_selector=hub_health.SERVERS)).items
    assert not list(hub_health.unscheduled(pods, datetime.now(UTC) + timedelta(minutes=1)))
    (issue,) = hub_health.unscheduled(pods, datetime.now(UTC) + timedelta(minutes=3))
    assert issue.reason == "SchedulerNotRunning" and "jhub-user-scheduler" in issue.message
    assert isinstance((await hub.once())["JupyterHub"].outcome, Ready)


async def test_a_claim_without_a_class_is_reported_where_the_cluster_has_no_default(hub: ReleaseHarness) -> None:
    storage = client.StorageV1Api(hub.cluster.target.api)

    async def default(word: str) -> None:
        mark = {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": word}}}
        await storage.patch_storage_class("default", mark, _content_type=MERGE)

    await default("false")
    try:
        outcome = await hub.reason("VolumeNotBound", "JupyterHub")
        assert (
            "the volume claim hub-db-dir is not bound (it names no storage class, and the cluster has no default"
            in outcome.message
        )
    finally:
        await default("true")
    await hub.ready("JupyterHub")
