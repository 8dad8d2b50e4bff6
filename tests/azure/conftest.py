"""The Azure steps against the simulator, through the real SDK over TLS; the clusters have no Kubernetes API."""

import copy
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from notebook_platform.api.drift_ignore import ignored_by
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.azure.last_applied import Record, claims_of, confirmed, joined
from notebook_platform.azure.scope import AzureScope, Drain, FindRemovedApis
from notebook_platform.engine.drift import Baseline
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Operation, Progressing, Rechecked, StepError, Unblocking
from notebook_platform.engine.reconcile import Policy, reconcile
from notebook_platform.engine.result import Result, operations_in_progress, operations_not_polled, up_to_date
from notebook_platform.engine.teardown import orphan, teardown
from notebook_platform.steps import azure_steps

from sandbox.azure.backend import NoClusters
from sandbox.azure.server import AzureSimulator
from tests.unit.kube.memory import Secrets

SPEED = 2000
PASSES = 400


@dataclass
class Estate:
    """A platform's resources in the simulator, with ways to reconcile them, read them, and change them outside the operator."""

    simulator: AzureSimulator
    sessions: SessionPool
    http: aiohttp.ClientSession
    secrets: Secrets = field(default_factory=Secrets)
    operations: dict[str, Operation] = field(default_factory=dict)
    applied: dict[str, Record] = field(default_factory=dict)
    uid: str = "uid-1"
    name: str = "prd-jhub"
    passes: int = 0
    now: datetime | None = None
    ignored: list[str] = field(default_factory=list)
    window_gate: str = ""
    warn: bool = False
    """driftPolicy: Warn"""
    max_age: float = 0.0
    find_removed_apis: FindRemovedApis | None = None
    drain: Drain | None = None
    baseline: Baseline = field(default_factory=lambda: Baseline(generation=0, steps={}))
    _spec: dict[str, Any] | None = None

    async def graph(self, spec: dict[str, Any], *, deleting: bool = False) -> Graph:
        parsed = NotebookPlatformSpec.model_validate(spec)
        try:
            wanted = await sign_in(parsed.azure.credentials, self.sessions.cloud, self.secrets)  # type: ignore[arg-type]
            signed_in = self.sessions.of(wanted, parsed.azure.subscription_id)
        except StepError as refused:
            signed_in = refused.failed  # type: ignore[assignment]
        context = AzureScope(
            spec=parsed,
            owner=Owner(cluster_id="test", namespace="platforms", name=self.name, uid=self.uid),
            signed_in=signed_in,
            secrets=self.secrets,  # type: ignore[arg-type]
            operations=dict(self.operations),
            applied=self.applied,
            deleting=deleting,
            max_age=self.max_age,
            find_removed_apis=self.find_removed_apis,
            drain=self.drain,
            **({"now": self.now} if self.now else {}),
        )
        return Graph(azure_steps(context))

    async def once(self, spec: dict[str, Any], policy: Policy | None = None) -> dict[str, Result]:
        """Reconcile once; operations and what was applied are recorded as the operator records them."""
        self.passes += 1
        if spec != self._spec:
            self._spec, self.baseline = copy.deepcopy(spec), self.baseline.at(self.baseline.generation + 1)
        policy = policy or Policy()
        policy = replace(
            policy,
            correct_drift=policy.correct_drift and not self.warn,
            ignored=ignored_by(self.ignored),
            window_gate=self.window_gate,
            is_drift=self.baseline.is_drift,
        )
        claims = claims_of(NotebookPlatformSpec.model_validate(spec))
        self.applied = joined(self.applied, claims)
        results = await reconcile(await self.graph(spec), policy)
        self.applied, self.baseline = confirmed(self.applied, claims, up_to_date(results)), self.baseline.after(results)
        self._remember(results)
        return results

    async def once_past_group(self, spec: dict[str, Any]) -> dict[str, Result]:
        """Reconcile until the resource group exists."""
        for _ in range(PASSES):
            results = await self.once(spec)
            if isinstance(results["ResourceGroup"].outcome, Unblocking):
                return results
            await self._rest(results, 15)
        raise AssertionError(f"no group: {results}")

    async def _rest(self, results: Mapping[str, Result], seconds: float) -> None:
        """Let simulated time pass until the next reconcile, also until those that wait for a token get one."""
        queued = [r.outcome for r in results.values() if isinstance(r.outcome, Progressing) and r.outcome.reason == "Queued"]
        await self.simulator.world.clock.sleep(max([seconds, *(one.requeue_after for one in queued)]))

    async def new_operator(self) -> None:
        """Start a new operator, with an empty cache and full rate limits."""
        await self.sessions.close()
        self.sessions = SessionPool(self.sessions.cloud, clock=self.sessions.buckets.clock)

    def new_platform(self) -> None:
        """Let the next reconcile be the first of a platform that was created again under the same name."""
        self.uid, self.applied, self.baseline, self._spec = "uid-2", {}, Baseline(generation=0, steps={}), None

    async def orphan(self, spec: dict[str, Any], given_up: Collection[str] = ()) -> dict[str, Result]:
        """Delete with deletionPolicy: Orphan until no operation is in progress. `given_up`: steps that failed often enough."""
        for _ in range(PASSES):
            results = await orphan(await self.graph(spec, deleting=True), given_up)
            if all(isinstance(r.outcome, Unblocking) for r in results.values()):
                return results
            await self._rest(results, 15)
        raise AssertionError(f"did not come to rest: {results}")

    def _remember(self, results: Mapping[str, Result]) -> None:
        self.operations = {**operations_not_polled(results, self.operations), **operations_in_progress(results)}

    async def settle(self, spec: dict[str, Any]) -> dict[str, Result]:
        """Reconcile until no operation is in progress; retryable failures are retried."""
        fresh: dict[str, Result] = {}
        for _ in range(PASSES):
            results = await self.once(spec, Policy(result_cache=fresh))
            waits = [r.outcome for r in results.values()]
            retrying = [o for o in waits if isinstance(o, Failed) and o.retry_in is not None]
            soon = any(r.requeue_after is not None and r.requeue_after < 60 for r in results.values())
            still = soon or retrying or any(isinstance(o, Rechecked) for o in waits)
            if not fresh and not still:
                return results
            fresh = {n: r for n, r in results.items() if isinstance(r.outcome, Unblocking) and not r.changes} if still else {}
            await self._rest(results, 25)
        raise AssertionError(f"did not come to rest: {results}")

    async def delete(self, spec: dict[str, Any]) -> dict[str, Result]:
        """Delete until no operation is in progress."""
        for _ in range(PASSES):
            results = await teardown(await self.graph(spec, deleting=True), {})
            self._remember(results)
            outcomes = [r.outcome for r in results.values()]
            if not any(isinstance(o, Rechecked) for o in outcomes):
                return results
            await self._rest(results, 15)
        raise AssertionError(f"did not come to rest: {results}")

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control endpoint of the simulator."""
        async with self.http.request(method, f"{self.simulator.url}/_sandbox{path}", json=body) as answer:
            return await answer.json() if answer.status != 204 else None

    async def state(self) -> dict[str, Any]:
        """Return everything in Azure, resources by lower-case id."""
        state: dict[str, Any] = await self.control("GET", "/state")
        state["resources"] = {key.lower(): value for key, value in state["resources"].items()}
        return state

    async def writes(self, since: int = 0, *, accepted: bool = False) -> list[str]:
        """Return the writes that Azure received, as `PUT managedClusters/prd-aks-jhub`; with `accepted` only those it
        accepted."""
        found = (await self.control("GET", f"/journal?writes=1&since={since}"))["value"]
        return [f"{e['method']} {'/'.join(e['path'].split('/')[-2:])}" for e in found if e["status"] < 400 or not accepted]

    async def mark(self) -> int:
        """Return the current position in the journal."""
        return int((await self.control("GET", "/journal"))["next"])


async def settled(estate: Estate, spec: dict[str, Any]) -> dict[str, Any]:
    """Settle, assert that no change is left, and return the resources in Azure."""
    results = await estate.settle(spec)
    assert all(isinstance(r.outcome, Unblocking) for r in results.values()), {n: r.outcome for n, r in results.items()}
    mark = await estate.mark()
    again = await estate.once(spec)
    assert not any(r.changes for r in again.values()), {n: r.changes for n, r in again.items() if r.changes}
    assert await estate.writes(mark) == []
    resources: dict[str, Any] = (await estate.state())["resources"]
    return resources


@asynccontextmanager
async def running_estate(directory: Path) -> AsyncIterator[Estate]:
    """Yield an empty estate; its simulator keeps its files in `directory`. The operator's rate limits run on the simulated clock: in real
    time a test would wait for most of its tokens."""
    simulator = AzureSimulator(backend=NoClusters(), state_dir=directory, speed=SPEED)
    await simulator.start()
    url, ca = simulator.url, simulator.ca_file
    cloud, clock = Cloud(resource_manager=url, authority=url, graph=url, ca_file=ca), simulator.world.clock
    sessions = SessionPool(cloud, clock=lambda: clock.now().timestamp())
    context = ssl.create_default_context(cafile=str(ca))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        found = Estate(simulator, sessions, http)
        yield found
        await found.sessions.close()
    await simulator.close()


@pytest.fixture
async def estate(tmp_path: Path) -> AsyncIterator[Estate]:
    async with running_estate(tmp_path) as found:
        yield found
