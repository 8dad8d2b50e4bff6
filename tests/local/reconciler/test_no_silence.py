"""No exception leaves a platform without a condition: every method of every step raises, and every call to the API server fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from notebook_platform.api import FINALIZER
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.clients import SharedClients
from notebook_platform.config import OperatorConfig
from notebook_platform.engine import Action, Change, Ready
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Outcome, StepError
from notebook_platform.engine.step import AnyStep, Inputs, Observed
from notebook_platform.kube.secrets import Platform, SecretStore
from notebook_platform.reconciler import PlatformReconciler

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, TENANT
from sandbox.operator_process import secret
from tests.local.reconciler.cluster import BrokenCall, Management
from tests.unit.azure.specs import runbook_spec

HIDDEN = "s3cret-words-of-an-exception"
OIDC = {"issuer": "https://login.example.org", "clientId": "hub", "clientSecretRef": {"name": "oidc"}, "adminUsers": ["a"]}
METHODS = ("prepare", "desired", "observe", "plan", "apply", "judge", "output", "promise", "takes", "explain", "delete", "let_go")
RAISED: Sequence[Callable[[], BaseException]] = (
    lambda: KeyError(HIDDEN),
    lambda: UnicodeDecodeError("utf-8", HIDDEN.encode(), 0, 1, HIDDEN),
    lambda: ExceptionGroup(HIDDEN, [OSError(HIDDEN), ValueError(HIDDEN)]),
    lambda: RecursionError(HIDDEN),
    lambda: StepError.of(Failed(reason="StepError", message="it is refused", remedy="Change it.")),
    lambda: asyncio.CancelledError(HIDDEN),
)


def whole_spec(**changes: Any) -> dict[str, Any]:
    """Return a platform that uses every step."""
    chart = {"version": "4.4.0"}
    release = {"name": "monitoring", "namespace": "monitoring", "chart": {"name": "monitoring", "version": "1.0.0"}}
    hub = {"chart": chart, "auth": {"oidc": OIDC}}
    spec = runbook_spec(jupyterhub=hub, releases=[release], deletionProtection=False)
    return {**spec, **changes}


class Raising(AnyStep):
    """Replaces a real step, with its name and needs, and raises in one method."""

    def __init__(self, real: AnyStep, method: str, error: Callable[[], BaseException] | None) -> None:
        self.name, self.needs, self.after, self.provides = real.name, real.needs, real.after, real.provides
        self._method, self._error = method, error
        self.reached = False

    def _at(self, method: str) -> None:
        raises = self._method == method or (self._method == "explain" and method == "observe")
        if self._error is not None and raises:
            self.reached = True
            raise self._error()

    async def prepare(self, inputs: Inputs) -> Inputs:
        self._at("prepare")
        return inputs

    def desired(self, inputs: Inputs) -> Any:
        self._at("desired")
        return "wanted"

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Any]:
        self._at("observe")
        return Observed(found=None if self._method in ("apply", "promise") else "found")

    def plan(self, desired: Any, found: Any) -> Sequence[Change]:
        self._at("plan")
        return [] if found else [Change(path="it", action=Action.CREATE, before=None, after="wanted")]

    async def apply(self, desired: Any, found: Any, changes: Sequence[Change]) -> Outcome:
        self._at("apply")
        return Ready(output="made")

    def check_health(self, found: Any) -> Outcome | None:
        self._at("judge")
        return None

    def output(self, found: Any) -> Any:
        self._at("output")
        return found

    def planned_output(self, desired: Any) -> Any:
        self._at("promise")
        return desired

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        self._at("takes")
        return 0.0

    def classify_error(self, error: Exception) -> Failed | None:
        self._at("explain")
        return None

    async def delete(self, found: Any, inputs: Inputs) -> Outcome:
        self._at("delete")
        return Ready()

    async def orphan(self, found: Any) -> Outcome:
        self._at("let_go")
        return Ready()


class RaisingClients(SharedClients):
    """Builds the real graph, with each step replaced."""

    def __init__(self, config: OperatorConfig, name: str, method: str, error: Callable[[], BaseException] | None) -> None:
        super().__init__(config)
        self.raising = name, method, error
        self.reached: list[Raising] = []

    async def graph(self, *arguments: Any, **options: Any) -> Graph:
        real = await super().graph(*arguments, **options)
        name, method, error = self.raising
        steps = [Raising(step, method, error if step.name == name else None) for step in real.steps.values()]
        self.reached = [step for step in steps if step.name == name]
        return Graph(steps)


def config(directory: Path) -> OperatorConfig:
    return OperatorConfig(work_dir=directory, helm="helm", chart_repository="https://charts.example.org", least_interval=1)


def management(spec: dict[str, Any], *more: dict[str, Any], deleting: bool = False) -> Management:
    credentials = {"tenantId": TENANT, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    metadata: dict[str, Any] = {"name": "lab", "namespace": "platforms", "uid": "uid-1", "generation": 1}
    if deleting:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FINALIZER]}
    platform = {"apiVersion": "notebookplatform.io/v1alpha1", "kind": "NotebookPlatform", "metadata": metadata, "spec": spec}
    secrets = (
        secret("azure-credentials", "platforms", credentials),
        secret("oidc", "platforms", {"clientSecret": "an-oidc-secret"}),
    )
    return Management(platform, *secrets, *more)


@asynccontextmanager
async def reconciling(cluster: Management, clients: SharedClients) -> AsyncIterator[None]:
    """Run a reconciler of the cluster's platform until the block ends."""
    task = asyncio.create_task(PlatformReconciler(json.loads(json.dumps(cluster.platform)), cluster.api, clients).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def shared(directory: Path, name: str = "Cluster", method: str = "judge") -> AsyncIterator[RaisingClients]:
    """Yield shared clients in which a step raises."""
    clients = RaisingClients(config(directory), name, method, lambda: KeyError(HIDDEN))
    yield clients
    await clients.close()


async def steps_of(cluster: Management, clients: SharedClients) -> list[str]:
    """Return the names of all steps, from the real graph."""
    platform = Platform(namespace="platforms", name="lab", uid="uid-1")
    spec = NotebookPlatformSpec.model_validate(cluster.platform["spec"])
    graph = await clients.graph(platform, spec, SecretStore(cluster.api, platform), {})
    return list(graph.steps)


@pytest.mark.parametrize("method", METHODS)
async def test_an_exception_of_any_method_of_any_step_is_a_condition(method: str, tmp_path: Path) -> None:
    changes: Mapping[str, Any] = {"promise": {"suspend": True}, "let_go": {"deletionPolicy": "Orphan"}}.get(method, {})
    deleting = method in ("delete", "let_go")
    async with management(whole_spec(**changes), deleting=deleting) as cluster, shared(tmp_path) as clients:
        names = await steps_of(cluster, clients)
        assert len(names) > 15
        for place, name in enumerate(names):
            clients.raising = name, method, RAISED[place % len(RAISED)]
            cluster.platform.pop("status", None)
            async with reconciling(cluster, clients):
                ready = await cluster.until(f"{name}.{method} is reported", lambda: cluster.condition("Ready"))
            assert any(step.reached for step in clients.reached), (name, method)
            assert ready["status"] == "False" and ready["reason"], (name, method, ready)
            assert HIDDEN not in json.dumps(cluster.platform["status"])


CALLS = {
    "read the operations": ("GET", "/secrets/lab-operations$"),
    "read the credentials": ("GET", "/secrets/azure-credentials$"),
    "read any Secret": ("GET", "/secrets/"),
    "read the platform": ("GET", "/notebookplatforms/lab$"),
    "set the finalizer": ("PATCH", "/notebookplatforms/lab$"),
    "create a Secret": ("POST", "/secrets$"),
    "create an Event": ("POST", "/events$"),
}
ANSWERS = [
    (0, ""),
    (403, "{}"),
    (404, "{}"),
    (409, "{}"),
    (413, ""),
    (422, "{}"),
    (500, "x"),
    (200, "[]"),
    (200, "{"),
    (200, "{}"),
]


@pytest.mark.parametrize(("status", "body"), ANSWERS, ids=[f"{status}-{body or 'none'}" for status, body in ANSWERS])
async def test_a_failure_of_any_call_to_the_api_server_is_a_condition(status: int, body: str, tmp_path: Path) -> None:
    async def reported(call: str, method: str, path: str) -> None:
        async with management(whole_spec()) as cluster, shared(tmp_path) as clients:
            cluster.broken = BrokenCall(method, path, status, body)
            async with reconciling(cluster, clients):
                ready = await cluster.until(f"{call} is reported", lambda: cluster.condition("Ready"))
            assert ready["status"] == "False" and ready["reason"] and ready["message"]

    gone = ("read the platform", 404)
    await asyncio.gather(*(reported(call, *request) for call, request in CALLS.items() if (call, status) != gone))


ODD_OPERATIONS: Sequence[Mapping[str, Any]] = [
    {"data": {"Cluster": "bm90IGpzb24="}},
    {"data": {"Cluster": "//8="}},
    {"data": {"Cluster": "!!!"}},
    {"data": {"Cluster": "bnVsbA=="}},
    {"data": {"Cluster": "e30="}},
    {"data": {"Cluster": "eyJraW5kIjogMX0="}},
    {"data": None, "metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "other"}]}},
]


@pytest.mark.parametrize("odd", ODD_OPERATIONS, ids=range(len(ODD_OPERATIONS)))
async def test_a_foreign_or_unreadable_operations_secret_leaves_a_condition(odd: Mapping[str, Any], tmp_path: Path) -> None:
    metadata = {"name": "lab-operations", "namespace": "platforms", **odd.get("metadata", {})}
    taken = {"apiVersion": "v1", "kind": "Secret", **odd, "metadata": metadata}
    async with management(whole_spec(), taken) as cluster, shared(tmp_path) as clients, reconciling(cluster, clients):
        ready = await cluster.until("it is reported", lambda: cluster.condition("Ready"))
        assert ready["status"] == "False" and ready["reason"]


async def test_a_status_that_the_api_server_refuses_is_replaced_by_its_summary(tmp_path: Path) -> None:
    async with management(whole_spec()) as cluster, shared(tmp_path) as clients:
        cluster.largest_status = 1500
        async with reconciling(cluster, clients):
            await cluster.until("the summary is written", lambda: cluster.condition("Stalled"))
        assert {c["type"] for c in cluster.platform["status"]["conditions"]} == {"Ready", "Reconciling", "Stalled"}


ODD_BODIES = [{"spec": None}, {"spec": {}}, {"spec": []}, {"spec": "x"}, {"status": {"conditions": "x"}}, {"status": []}]


@pytest.mark.parametrize("odd", ODD_BODIES, ids=map(str, ODD_BODIES))
async def test_an_odd_object_gets_a_condition_too(odd: dict[str, Any], tmp_path: Path) -> None:
    async with management(whole_spec()) as cluster, shared(tmp_path) as clients:
        cluster.platform.update(odd)
        reconciler = PlatformReconciler(json.loads(json.dumps(cluster.platform)), cluster.api, clients)
        cluster.platform["status"] = {}
        task = asyncio.create_task(reconciler.run())
        await cluster.until("it is reported", lambda: cluster.condition("Ready"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_unknown_error_has_the_same_incident_at_each_retry(tmp_path: Path) -> None:
    async with management(whole_spec()) as cluster, shared(tmp_path) as clients:
        cluster.broken = BrokenCall("GET", "/secrets/lab-operations$", 200, "[]")
        async with reconciling(cluster, clients):
            first = await cluster.until("it is reported", lambda: cluster.condition("Ready"))
        cluster.platform.pop("status", None)
        async with reconciling(cluster, clients):
            again = await cluster.until("it is reported again", lambda: cluster.condition("Ready"))
        assert "incident" in first["message"] and again["message"] == first["message"]
