"""Several replicas under leases: one acts on a platform, another takes over, and a replica that has lost its lease writes nothing."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from notebook_platform.leases.elector import Elector
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.shards import shards
from notebook_platform.leases.store import LeaseStore, Timing

from sandbox.kubernetes.api import api_client
from sandbox.operator_process import NAMESPACE, OperatorProcess
from tests.forked_operator import ForkedOperator
from tests.integration.conftest import Field, runbook

DURATION = 8
"""Seconds of a lease."""


class Replicas:
    """Replicas of one installation, beside no other operator."""

    def __init__(self, site: Field, directory: Path, **settings: str) -> None:
        self.site, self._directory, self._settings = site, directory, settings
        self.running: list[OperatorProcess] = []

    def launch(self) -> OperatorProcess:
        directory = self._directory / str(len(self.running))
        settings = {"lease_duration": str(DURATION), **self._settings}
        found = ForkedOperator(self.site.environment, directory, **settings)
        self.running.append(found)
        found.start()
        return found

    def lease(self) -> dict[str, Any]:
        """Return the lease of the one shard."""
        text = self.site.kubectl("get", "lease", "notebook-platform", "-n", NAMESPACE, "-o", "json")
        return dict(json.loads(text)["spec"])

    def taken(self, replica: OperatorProcess, since: float) -> float:
        """Wait until a replica holds the lease. Returns the seconds from `since` (Unix time) to when it took it."""
        self.site.until("another replica holds the lease", lambda: self.lease().get("holderIdentity") == identity(replica))
        return datetime.fromisoformat(self.lease()["acquireTime"]).timestamp() - since

    def end(self) -> None:
        for one in self.running:
            try:
                os.kill(one.pid, signal.SIGCONT)
            except ProcessLookupError:
                continue
            one.stop()


def identity(replica: OperatorProcess) -> str:
    return (replica.work_dir / "replica").read_text()


def metric(replica: OperatorProcess, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", replica.metrics(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


@pytest.fixture
def replicas(site: Field, tmp_path: Path) -> Iterator[Callable[..., Replicas]]:
    site.clear()
    site.operator.stop()
    made: list[Replicas] = []

    def make(**settings: str) -> Replicas:
        made.append(Replicas(site, tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        one.end()
    site.operator.start()
    site.clear()


def edited(site: Field, value: str) -> None:
    """Change a tag, which is one write to the group and one to the network."""
    patch = json.dumps({"spec": {"azure": {"tags": {"edit": value}}}})
    site.kubectl("patch", "nbp", "leased", "-n", "platforms", "--type=merge", "-p", patch)


def until_applied(site: Field) -> None:
    """Wait until the network is as the present spec wants it; the simulated Azure refuses the cluster, which would take longer."""

    def applied() -> bool:
        generation = (site.platform("leased") or {})["metadata"]["generation"]
        found = site.condition("leased", "NetworkReady")
        return found["status"] == "True" and found.get("observedGeneration") == generation

    site.until("the network is as the spec wants it", applied)


def applications(replica: OperatorProcess) -> int:
    return replica.log.read_text().count("applying ")


def test_one_replica_acts_and_another_takes_over_from_one_that_ends_freezes_or_dies(
    replicas: Callable[..., Replicas], site: Field, record_property: Callable[[str, object], None]
) -> None:
    pair = replicas()
    first, second = pair.launch(), pair.launch()
    document = runbook("leased", identity={"type": "SystemAssigned"})
    del document["spec"]["jupyterhub"]
    refused = {"status": 400, "code": "BadRequest", "message": "no cluster here", "count": None}
    site.control("POST", "/faults", {"method": "PUT", "path": "managedClusters/aks-leased$", **refused})
    site.apply(document)
    until_applied(site)
    assert (metric(first, "notebook_platform_leases_held"), metric(second, "notebook_platform_leases_held")) == (1, 0)
    assert metric(second, "notebook_platform_platforms") == 0 and applications(second) == 0

    began = time.time()
    os.kill(first.pid, signal.SIGTERM)
    record_property("hand_over_seconds", handed := pair.taken(second, began))
    assert handed < DURATION / 2, "a released lease does not have to expire"
    first.stop()
    edited(site, "after SIGTERM")
    until_applied(site)
    assert applications(second) > 0

    third = pair.launch()
    began = time.time()
    os.kill(second.pid, signal.SIGSTOP)
    edited(site, "while the holder is frozen")
    took = pair.taken(third, began)
    until_applied(site)
    before, mark = applications(second), site.mark()
    os.kill(second.pid, signal.SIGCONT)
    site.until("the second has noticed", lambda: "lost: its reconcilers have ended" in second.log.read_text())
    edited(site, "after the wake-up")
    until_applied(site)
    assert applications(second) == before, "the replica that woke without its lease has written"
    assert site.writes(mark, accepted=True) == ["PATCH tags/default"] * 2, "one for the group and one for the network"
    assert metric(second, "notebook_platform_platforms") == 0

    began = time.time()
    third.kill()
    record_property("take_over_seconds", taken := pair.taken(second, began))
    assert DURATION / 2 < took < 3 * DURATION and DURATION / 2 < taken < 3 * DURATION
    edited(site, "after SIGKILL")
    until_applied(site)


def test_four_shards_are_divided_between_two_replicas_and_each_platform_has_one(
    replicas: Callable[..., Replicas], site: Field
) -> None:
    pair = replicas(shards="4")
    first = pair.launch()
    names = [f"sharded-{number}" for number in range(8)]
    azure = {key: value for key, value in runbook()["spec"]["azure"].items() if key != "credentials"}
    site.apply(*(runbook(name, azure=azure) for name in names))  # with no identity that they may use, they keep nothing in Azure
    site.until("one replica has all shards", lambda: metric(first, "notebook_platform_leases_held") == 4)
    site.until("it has all platforms", lambda: metric(first, "notebook_platform_platforms") == len(names))
    second = pair.launch()
    both = (first, second)
    site.until("each has two shards", lambda: [metric(one, "notebook_platform_leases_held") for one in both] == [2, 2])
    site.until("no platform has none", lambda: sum(metric(one, "notebook_platform_platforms") for one in both) == len(names))
    assert all(metric(one, "notebook_platform_platforms") < len(names) for one in both)
    first.stop()
    site.until("the second has all", lambda: metric(second, "notebook_platform_platforms") == len(names))
    for name in names:
        assert site.condition(name, "CredentialsReady")["reason"] == "IdentityNotAllowed"


class Work:
    """The work of a shard that notes when it began and ended."""

    ready, failed = True, False

    def __init__(self, log: list[tuple[str, int]], count: int) -> None:
        self._log, self._count = log, count
        log.append(("begins", count))

    def abort(self) -> None:
        """Nothing has to be cancelled."""

    async def quiesce(self) -> None:
        self._log.append(("ends", self._count))

    async def stop(self) -> None:
        """Nothing is watched."""


async def test_another_number_of_shards_begins_when_the_last_lease_of_the_earlier_one_has_ended(site: Field) -> None:
    kubeconfig = await asyncio.to_thread(Path(site.environment["KUBECONFIG"]).read_text)
    api, log = await api_client(kubeconfig), list[tuple[str, int]]()
    electors, stops = {}, {}
    for count in (2, 3):
        store = LeaseStore(api, "default", "counted", Timing(DURATION))
        electors[count] = Elector(store, shards(count), Identity(None), lambda shard, fence, count=count: Work(log, count))
        stops[count] = asyncio.Event()
    async with asyncio.TaskGroup() as running:
        running.create_task(electors[2].run(stops[2]))
        await until(lambda: electors[2].held == 2)
        running.create_task(electors[3].run(stops[3]))
        await until(lambda: electors[3].leases_failing() is None)
        await asyncio.sleep(1.5 * DURATION)
        assert electors[3].held == 0 and electors[2].held == 2, "a standby holds nothing"
        assert [electors[3].leases_failing(), electors[3].watch_failing()] == [None, None], "a standby is ready"
        stops[2].set()
        await until(lambda: electors[3].held == 3)
        stops[3].set()
    assert log == [("begins", 2)] * 2 + [("ends", 2)] * 2 + [("begins", 3)] * 3 + [("ends", 3)] * 3
    await api.close()


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
