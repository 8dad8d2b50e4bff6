"""PodMonitors of a hub on a real API server: created once its kind is served, corrected, removed, and never taken from another owner."""

import base64
from typing import Any

import pytest
import pytest_asyncio
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.engine import Failed, Progressing, Ready, Waiting
from notebook_platform.engine.drift import Baseline, StepBaseline
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.engine.teardown import orphan, teardown
from notebook_platform.hubs.metrics.monitors import BINDER, GROUP, HUB, PLURAL, PROXY, ScrapedHub
from notebook_platform.hubs.metrics.step import HubMetrics

from sandbox.kubernetes.metrics_agent import DEFINITION, install
from tests.integration.releases.cluster import Cluster, ExistingCluster
from tests.integration.releases.harness import ReleaseHarness

pytestmark = pytest.mark.asyncio(loop_scope="package")

OWNER, OTHER = "tests/platforms/hub/uid-1", "tests/platforms/other/uid-2"


@pytest_asyncio.fixture(loop_scope="package")
async def agent(cluster: Cluster) -> None:
    """The metrics agent has brought its API, which is served."""
    await install(cluster.target.api)
    await served(cluster, True)


async def served(cluster: Cluster, wanted: bool) -> None:
    for _ in range(200):
        try:
            await client.CustomObjectsApi(cluster.target.api).get_api_resources(*GROUP)
            found = True
        except ApiException as error:
            assert error.status == 404
            found = False
        if found is wanted:
            return
    raise AssertionError(f"served: {not wanted}")


class Platform:
    """The step of one platform, with a namespace of its own."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.custom = client.CustomObjectsApi(cluster.target.api)

    def graph(
        self, *, scraped: bool = True, owner: str = OWNER, deleting: bool = False, version: str = "4.4.0", binder: bool = False
    ) -> Graph:
        path = "/binder" if binder else None
        hub = ScrapedHub(namespace=self.namespace, release="jhub", version=version, binder_path=path)
        hubs = [hub] if scraped else []
        step = HubMetrics(hubs, owner=owner, applied={self.namespace: ""}, after=[], deleting=deleting)
        return Graph([ExistingCluster(self.cluster.target), step])

    async def once(self, policy: Policy | None = None, **options: Any) -> Result:
        return (await reconcile(self.graph(**options), policy or Policy()))["HubMetrics"]

    async def read(self, name: str = HUB) -> Any:
        try:
            return await self.custom.get_namespaced_custom_object(*GROUP, self.namespace, PLURAL, name)
        except ApiException as error:
            assert error.status == 404
            return None

    async def change(self, body: dict[str, Any], name: str = HUB) -> None:
        merge = "application/merge-patch+json"
        await self.custom.patch_namespaced_custom_object(*GROUP, self.namespace, PLURAL, name, body, _content_type=merge)

    async def create(self, owner: str | None) -> None:
        annotations = {"notebookplatform.io/owner": owner} if owner else {}
        spec = {"selector": {"matchLabels": {"app": "theirs"}}, "podMetricsEndpoints": [{"port": "theirs"}]}
        metadata = {"name": HUB, "annotations": annotations}
        body = {"apiVersion": "/".join(GROUP), "kind": "PodMonitor", "metadata": metadata, "spec": spec}
        await self.custom.create_namespaced_custom_object(*GROUP, self.namespace, PLURAL, body)


@pytest_asyncio.fixture(loop_scope="package")
async def platform(cluster: Cluster, harness: ReleaseHarness) -> Platform:
    await cluster.core.create_namespace({"metadata": {"name": harness.namespace}})
    return Platform(cluster, harness.namespace)


async def test_it_waits_for_the_agent_and_then_creates_them(cluster: Cluster, platform: Platform) -> None:
    try:
        await client.ApiextensionsV1Api(cluster.target.api).delete_custom_resource_definition(DEFINITION["metadata"]["name"])
    except ApiException as error:
        assert error.status == 404
    await served(cluster, False)
    assert (await platform.once(scraped=False)).changes == ()
    planned = await platform.once(Policy(mode=Mode.PLAN))
    assert [change.path for change in planned.changes] == [f"podMonitors[{platform.namespace}/{name}]" for name in (HUB, PROXY)]
    waits = (await platform.once()).outcome
    assert isinstance(waits, Progressing) and waits.reason == "MetricsAgentPending" and waits.stall_after == 1800
    assert "metrics agent" in waits.message and "ama-metrics" in waits.remedy
    await install(cluster.target.api)
    await served(cluster, True)
    done = await platform.once()
    assert isinstance(done.outcome, Ready) and done.outcome.output == ((platform.namespace, HUB), (platform.namespace, PROXY))
    (endpoint,) = (await platform.read())["spec"]["podMetricsEndpoints"]
    key = "hub.services.notebook-platform-metrics.apiToken"
    assert endpoint["authorization"]["credentials"] == {"name": "hub", "key": key} and endpoint["path"] == "/hub/metrics"
    found = await platform.read(PROXY)
    assert found["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "notebook-platform"}
    assert found["metadata"]["annotations"]["notebookplatform.io/owner"] == OWNER


@pytest.mark.usefixtures("agent")
async def test_settled_it_writes_nothing_and_corrects_drift(platform: Platform) -> None:
    await platform.once()
    before = await platform.read()
    again = await platform.once()
    assert again.changes == () and (await platform.read())["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    await platform.change({"spec": {"labelLimit": 1, "sampleLimit": 5}})
    settled = Baseline(generation=1, steps={"HubMetrics": StepBaseline(remaining=())}).is_drift
    warned = await platform.once(Policy(is_drift=settled, correct_drift=False))
    assert warned.drift and (await platform.read())["spec"]["labelLimit"] == 1
    corrected = await platform.once(Policy(is_drift=settled))
    assert [change.path for change in corrected.changes] == [f"podMonitors[{platform.namespace}/{HUB}].spec.labelLimit"]
    spec = (await platform.read())["spec"]
    assert (spec["labelLimit"], spec["sampleLimit"]) == (63, 5), "what others add is theirs"
    await platform.custom.delete_namespaced_custom_object(*GROUP, platform.namespace, PLURAL, PROXY)
    assert (await platform.once(Policy(is_drift=settled))).drift and await platform.read(PROXY)


@pytest.mark.usefixtures("agent")
async def test_monitors_that_leave_the_spec_are_deleted(platform: Platform) -> None:
    await platform.once()
    older = await platform.once(version="0.11.1")
    assert [change.action for change in older.changes if change.path.endswith(f"{PROXY}]")] == ["delete"]
    assert await platform.read(PROXY) is None
    assert (await platform.read())["spec"]["podMetricsEndpoints"][0]["authorization"]["credentials"]["name"] == "hub-secret"
    await platform.once()
    assert isinstance((await platform.once(scraped=False)).outcome, Ready)
    assert await platform.read() is None and await platform.read(PROXY) is None
    assert (await platform.once(scraped=False)).changes == ()


@pytest.mark.usefixtures("agent")
async def test_a_binders_own_is_created_corrected_and_deleted_with_the_binder(platform: Platform) -> None:
    created = await platform.once(binder=True)
    assert [change.path for change in created.changes][-1] == f"podMonitors[{platform.namespace}/{BINDER}]"
    assert (await platform.once(binder=True)).changes == (), "the API server keeps each member as it was written"
    (endpoint,) = (await platform.read(BINDER))["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == "binder" and endpoint["path"] == "/binder/metrics" and "authorization" not in endpoint
    await platform.once()
    assert await platform.read(BINDER) is None and await platform.read()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(("owner", "reason"), [(None, "NotOwned"), (OTHER, "OwnedByAnother")])
async def test_a_foreign_one_is_never_touched(platform: Platform, owner: str | None, reason: str) -> None:
    await platform.create(owner)
    before = await platform.read()
    failed = (await platform.once()).outcome
    assert isinstance(failed, Failed) and failed.reason == reason and HUB in failed.message
    assert "spec.monitoring" in failed.message and "spec.monitoring.hubMetrics" in failed.remedy
    assert OTHER not in failed.message, "an author does not learn who the other owner is"
    assert isinstance((await platform.once(scraped=False)).outcome, Ready)
    await teardown(platform.graph(deleting=True), {})
    assert await platform.read() == before and await platform.read(PROXY) is None


@pytest.mark.usefixtures("agent")
async def test_a_deletion_removes_them_and_an_orphan_keeps_them_without_an_owner(platform: Platform) -> None:
    await platform.once()
    results = await orphan(platform.graph(deleting=True))
    assert isinstance(results["HubMetrics"].outcome, Ready)
    kept = await platform.read()
    assert kept["spec"] and "notebookplatform.io/owner" not in (kept["metadata"].get("annotations") or {})
    for name in (HUB, PROXY):
        await platform.change({"metadata": {"annotations": {"notebookplatform.io/owner": OWNER}}}, name)
    await teardown(platform.graph(deleting=True), {})
    assert await platform.read() is None and await platform.read(PROXY) is None


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("version", ["0.11.1", "4.4.0"])
async def test_the_installed_release_has_the_token_and_the_rules(harness: ReleaseHarness, version: str) -> None:
    quick = {"prePuller": {"hook": {"enabled": False}}, "scheduling": {"userScheduler": {"enabled": False}}}
    auth = {"dummy": {"insecure": True, "allowAll": True}}
    harness.wants, harness.scraped = [], True
    harness.hub = {"chart": {"version": version}, "auth": auth, "namespace": harness.namespace, "values": quick}
    hub = ScrapedHub(namespace=harness.namespace, release="jhub", version=version)

    def graph(*, deleting: bool = False) -> Graph:
        metrics = HubMetrics([hub], owner=harness.owner, applied={}, after=["JupyterHub"], deleting=deleting)
        return Graph([*harness.graph(deleting=deleting).steps.values(), metrics])

    assert "HubMetrics" in graph().dependents["JupyterHub"], "it is deleted before the release"
    waits = (await reconcile(graph(), Policy()))["HubMetrics"].outcome
    assert isinstance(waits, Waiting) and waits.on == ("JupyterHub",)
    await harness.ready("JupyterHub")
    assert isinstance((await reconcile(graph(), Policy()))["HubMetrics"].outcome, Ready)
    custom, core = client.CustomObjectsApi(harness.cluster.target.api), harness.cluster.core
    found = await custom.get_namespaced_custom_object(*GROUP, harness.namespace, PLURAL, HUB)
    (endpoint,) = found["spec"]["podMetricsEndpoints"]
    named, labels = endpoint["authorization"]["credentials"], found["spec"]["selector"]["matchLabels"]
    secret = await core.read_namespaced_secret(named["name"], harness.namespace)
    assert len(base64.b64decode(secret.data[named["key"]])) == 64
    (pod,) = (
        await core.list_namespaced_pod(harness.namespace, label_selector=",".join(f"{k}={v}" for k, v in labels.items()))
    ).items
    assert endpoint["port"] in {port.name for container in pod.spec.containers for port in container.ports}
    rules = await client.NetworkingV1Api(harness.cluster.target.api).read_namespaced_network_policy("hub", harness.namespace)
    assert "kube-system" in str(rules.spec.ingress[-1]._from)
    await teardown(graph(deleting=True), {})
    assert (await custom.list_namespaced_custom_object(*GROUP, harness.namespace, PLURAL))["items"] == []
    harness.scraped = False
    await harness.delete()
