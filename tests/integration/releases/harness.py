"""Releases on a real API server with real Helm. There is no Azure here: the engine reconciles with a workload cluster that exists
already."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kubernetes.aio import client
from notebook_platform.api.conditions import Condition
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.releases import ReleaseSpec
from notebook_platform.engine import Deferred, Inputs, Unblocking
from notebook_platform.engine.conditions import condition_of, fold_conditions
from notebook_platform.engine.drift import Baseline
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.engine.teardown import teardown
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.compared import ComparedObjects
from notebook_platform.helm.ledger import OwnedRelease, ReleaseLedger
from notebook_platform.helm.ownership import ReleaseScope
from notebook_platform.helm.prune import RetiredReleases
from notebook_platform.helm.release import digest_of, packed, unpacked
from notebook_platform.helm.releases import AnyChart, in_order
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import State
from notebook_platform.helm.step import ReleaseStep
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.jupyterhub import JupyterHub
from notebook_platform.hubs.users.retirement import retirement_concerns
from notebook_platform.hubs.users.user_counts import end_servers
from notebook_platform.kube.secrets import Platform, SecretStore
from notebook_platform.observability.metrics import HELM_RUNS

from sandbox.kubernetes.binaries import find
from tests.integration.releases.cluster import Cluster, ExistingCluster

TOKEN = re.compile(r"data-[0-9a-f]{12}")
TIMEOUT = 60.0
ORDINARY = frozenset({"UpToDate", "Installing", "Upgrading"})


@dataclass
class ReleaseHarness:
    """One platform's releases. Each reconcile reads `wants` (spec.releases) and `hub` (spec.jupyterhub) again, as the operator
    does."""

    cluster: Cluster
    helm: Helm
    namespace: str
    wants: list[dict[str, Any]]
    hub: dict[str, Any] | None = None
    scraped: bool = False
    """Whether managed Prometheus scrapes the hub."""
    owner: str = ""
    """Each harness is a platform of its own, independent of what earlier tests left."""
    situation: str = ""
    adoption: str = "Never"
    approved: frozenset[str] = frozenset()
    ledgers: dict[str, ReleaseLedger] = field(default_factory=dict)
    """By owner: a harness may become another platform."""
    compared: ComparedObjects = field(default_factory=ComparedObjects)
    warns: bool = False
    """spec.driftPolicy: Warn."""
    asks: bool = False
    """Whether an uninstallation that concerns volumes waits for approval, as in the operator."""
    suspended: bool = False
    """spec.suspend."""
    baseline: Baseline = field(default_factory=lambda: Baseline(generation=1, steps={}))
    spec: Any = None
    """The wants of the last reconcile."""
    results: dict[str, Result] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    """The conditions of the platform's status after the last reconcile."""

    def __post_init__(self) -> None:
        self.owner = self.owner or f"tests/platforms/{self.namespace}/uid-1"

    def graph(self, *, deleting: bool = False) -> Graph:
        secrets = self.secrets
        specs = [ReleaseSpec.model_validate(w) for w in self.wants]
        found: dict[str, ChartAdapter] = {spec.name: AnyChart(spec, secrets=secrets, helm=self.helm) for spec in specs}
        if self.hub is not None:
            hub = JupyterHubSpec.model_validate(self.hub)
            context = HubContext(scraped=self.scraped)
            found["jupyterhub"] = JupyterHub(hub, hub_context=context, secrets=secrets, helm=self.helm, allow_private=True)
        contents = in_order(found, {spec.name: spec.needs for spec in specs})
        places = frozenset((content.namespace, content.release) for content in contents)
        keeping = ReleaseScope(
            owner=self.owner,
            uid=self.owner,
            helm=self.helm,
            ledger=self.ledger,
            adoption=self.adoption,
            deleting=deleting,
            approved=self.approved,
            compared=self.compared,
            wanted=places,
            planning=self.suspended,
        )
        steps = [ReleaseStep(content, keeping) for content in contents]
        concerns = partial(retirement_concerns, allow_private=True) if self.asks else nothing
        retired = RetiredReleases(keeping, places, {JupyterHub.name: end_servers}, concerns)
        return Graph([ExistingCluster(self.cluster.target), *steps, retired])

    @property
    def secrets(self) -> SecretStore:
        """Return the platform's Secrets."""
        return SecretStore(self.cluster.target.api, Platform(namespace="default", name=self.namespace, uid="uid-1"))

    @property
    def ledger(self) -> ReleaseLedger:
        """Return the platform's ledger."""
        return self.ledgers.setdefault(self.owner, ReleaseLedger(self.secrets, self.owner))

    async def owned(self, release: str = "little") -> OwnedRelease | None:
        """Return the ledger's entry of the release."""
        await self.ledger.load()
        return self.ledger.release((self.namespace, release))

    async def once(self, policy: Policy | None = None) -> dict[str, Result]:
        if (self.wants, self.hub) != self.spec:
            self.spec, self.baseline = deepcopy((self.wants, self.hub)), self.baseline.at(self.baseline.generation + 1)
        policy = policy or Policy(correct_drift=not self.warns, mode=Mode.PLAN if self.suspended else Mode.APPLY)
        self.results = await reconcile(self.graph(), replace(policy, is_drift=self.baseline.is_drift))
        self.baseline = self.baseline.after(self.results)
        self.conditions = fold_conditions(self.results, self.conditions, generation=1, now=datetime.now(UTC))
        return self.results

    async def state(self, step: str = "ReleaseLittle") -> State:
        """Return the state of the release once no Helm process of the operator works on it. Writes nothing."""
        inputs = Inputs(self.cluster.target)

        async def check() -> Any:
            looking = self.graph().steps[step]
            observed = await looking.observe(await looking.prepare(inputs), fresh=True)
            return None if observed.busy else observed

        found = (await self.soon(check)).found
        return found.state if found is not None else State.ABSENT

    def condition(self, type_: str) -> Condition:
        """Return a condition by its type."""
        return next(one for one in self.conditions if one.type == type_)

    async def until(self, what: Callable[[Any], Any], step: str = "ReleaseLittle", policy: Policy | None = None) -> Any:
        """Reconcile until the step's outcome matches; a Failed step is retried when it asks for that."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TIMEOUT
        while loop.time() < end:
            outcome = (await self.once(policy))[step].outcome
            if what(outcome):
                _, reason, message = condition_of(outcome)
                if reason not in ORDINARY:
                    self.cluster.messages.setdefault((self.situation, reason), message)
                return outcome
            assert getattr(outcome, "reason", "") != "InternalError", outcome
            await asyncio.sleep(0.2)
        raise AssertionError(f"never came true; at last {outcome}")

    async def soon(self, check: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat `check` until it returns a true value, and return that."""
        for _ in range(int(TIMEOUT * 10)):
            if found := await check():
                return found
            await asyncio.sleep(0.1)
        raise AssertionError("never came true")

    async def ready(self, step: str = "ReleaseLittle") -> Any:
        return (await self.until(lambda outcome: isinstance(outcome, Unblocking), step)).output

    async def reason(self, reason: str, step: str = "ReleaseLittle") -> Any:
        return await self.until(lambda outcome: getattr(outcome, "reason", "") == reason, step)

    async def approve(self, step: str = "ReleaseLittle") -> None:
        """Approve the release's change with the token that its condition names."""
        outcome = await self.until(lambda it: isinstance(it, Deferred) and TOKEN.search(it.message), step)
        self.approved = frozenset(TOKEN.findall(outcome.message))

    async def delete(self) -> None:
        """Delete until no object of the platform is left."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TIMEOUT
        while loop.time() < end:
            results = await teardown(self.graph(deleting=True), {})
            if all(isinstance(result.outcome, Unblocking) for result in results.values()):
                return
            await asyncio.sleep(0.2)
        raise AssertionError(f"never went: {results}")

    def set(self, **values: Any) -> None:
        self.wants[0]["values"] = values

    async def records(self) -> list[tuple[int, str]]:
        """Return Helm's records as (revision, status)."""
        listed = await self.cluster.core.list_namespaced_secret(self.namespace, label_selector="owner=helm")
        return sorted((int(s.metadata.labels["version"]), s.metadata.labels["status"]) for s in listed.items)

    async def stands(self, *records: tuple[int, str]) -> bool:
        """Return whether Helm's records are exactly these."""
        return await self.records() == list(records)

    async def deployment(self) -> Any:
        return await client.AppsV1Api(self.cluster.target.api).read_namespaced_deployment("little", self.namespace)

    async def warn(self, kind: str, name: str, reason: str, message: str) -> None:
        """Create a Warning about an object of the release, as a controller does."""
        event = {
            "metadata": {"generateName": "e-", "namespace": self.namespace},
            "involvedObject": {"kind": kind, "name": name, "namespace": self.namespace},
            "type": "Warning",
            "reason": reason,
            "message": message,
        }
        await self.cluster.core.create_namespaced_event(self.namespace, event)

    async def pod(self) -> Any:
        return (await self.cluster.core.list_namespaced_pod(self.namespace, label_selector="app=little")).items[0]


async def nothing(api: client.ApiClient, release: Any) -> list[Any]:
    return []


def helm_runs() -> float:
    samples = [sample for metric in HELM_RUNS.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


async def rewritten(harness: ReleaseHarness, change: Callable[[dict[str, Any]], None], *, ours: bool = False) -> None:
    """Change Helm's last record. `ours`: as if the operator's Helm had written it."""
    revision = (await harness.records())[-1][0]
    name = f"sh.helm.release.v1.little.v{revision}"
    secret = await harness.cluster.core.read_namespaced_secret(name, harness.namespace)
    document = unpacked(secret.data["release"])
    change(document)
    if ours:
        place, digest = (harness.namespace, "little"), digest_of(document)
        await harness.ledger.change(place, lambda owned: owned.with_record(revision, digest, new=False))
    patch = {"metadata": {"labels": {"status": document["info"]["status"]}}, "data": {"release": packed(document)}}
    await harness.cluster.core.patch_namespaced_secret(
        name, harness.namespace, patch, _content_type="application/merge-patch+json"
    )


async def interrupted(harness: ReleaseHarness, status: str) -> None:
    """Leave the release as a killed Helm process does."""
    await rewritten(harness, lambda document: document["info"].update(status=status))


async def by_hand(harness: ReleaseHarness, *words: str) -> asyncio.subprocess.Process:
    """Run helm as an administrator does, apart from the operator."""
    kubeconfig = harness.cluster.directory / "kubeconfig"
    kubeconfig.write_text(harness.cluster.kubeconfig)
    command = [*words, "--namespace", harness.namespace, "--kubeconfig", str(kubeconfig)]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(str(find().path("helm")), *command, stdout=nowhere, stderr=nowhere)
    harness.cluster.theirs.append(process)
    return process
