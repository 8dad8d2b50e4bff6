"""Upgrades of several pools in order; and the small number of reads while nothing changes."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.arm.session_pool import SignedIn
from notebook_platform.azure.cluster_changes import VERSION_PATH
from notebook_platform.engine.outcome import Deferred, Progressing, Ready, StepError
from notebook_platform.engine.reconcile import Policy, reconcile
from notebook_platform.outputs import Cluster
from notebook_platform.policy import oldest_read

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import PASSES, Estate
from tests.unit.azure.specs import group_id, runbook_spec

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"

LISTS = ("/managedclusters", "/virtualnetworks", "/virtualmachinescalesets", "/resourcegroups", "/roleassignments")


def three_pools(version: str) -> dict[str, Any]:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = version
    spec["nodePools"] += [{"name": name, "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1} for name in ("users", "builds")]
    return spec


async def test_three_pools_follow_the_control_plane_minor_by_minor_one_at_a_time(estate: Estate) -> None:
    await estate.settle(three_pools("1.34"))
    mark = await estate.mark()
    results = await estate.settle(three_pools("1.36"))
    assert all(isinstance(r.outcome, Ready) for r in results.values())
    entries = (await estate.control("GET", f"/journal?writes=1&since={mark}"))["value"]
    assert {e["status"] for e in entries} == {200}, "nothing was sent while something ran"
    order = [e["path"].rsplit("/", 1)[1] for e in entries]
    assert order == ["prd-aks-jhub", "nodepool1", "users", "builds"] * 2
    resources = (await estate.state())["resources"]
    versions = {
        i.rsplit("/", 1)[1]: r["properties"]["currentOrchestratorVersion"] for i, r in resources.items() if "/agentpools/" in i
    }
    assert versions == dict.fromkeys(("nodepool1", "users", "builds"), "1.36.0")


async def test_an_upgrade_that_azure_accepts_without_effect_is_not_sent_without_end(estate: Estate) -> None:
    await estate.settle(three_pools("1.34"))
    mark, pools = await estate.mark(), estate.simulator.world.store.resources
    before = dict(pools[f"{CLUSTER}/agentpools/users"].body["properties"])
    versions = {key: before[key] for key in ("orchestratorVersion", "currentOrchestratorVersion")}
    rounds = 0
    while rounds < 3:  # three more after the bound was reached
        results = await estate.once(three_pools("1.35"))
        rounds += getattr(results["NodePools"].outcome, "reason", "") == "ChangeWithoutEffect"
        assert estate.passes < PASSES, results["NodePools"].outcome
        await estate.simulator.world.clock.sleep(25)
        users = pools[f"{CLUSTER}/agentpools/users"].body["properties"]
        if users["provisioningState"] == "Succeeded":
            users.update(versions)
    outcome = results["NodePools"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and outcome.reason == "ChangeWithoutEffect", outcome
    assert "spec.nodePools[users]: Azure accepted" in outcome.message and "3 times and still has '1.34.2'" in outcome.message
    sent = Counter(await estate.writes(mark, accepted=True))
    assert (sent["PUT agentPools/users"], sent["PUT agentPools/builds"]) == (3, 1), sent


async def test_while_the_pools_upgrade_the_cluster_reports_what_it_waits_for(estate: Estate) -> None:
    await estate.settle(three_pools("1.34"))
    messages = set()
    for _ in range(200):
        results = await estate.once(three_pools("1.36"))
        outcome = results["Cluster"].outcome
        if isinstance(outcome, Deferred):
            messages.add(outcome.message)
        if all(isinstance(r.outcome, Ready) and not r.changes for r in results.values()):
            break
        await estate.simulator.world.clock.sleep(25)
    assert any("are upgraded to 1.35" in words and "is upgraded to 1.36" in words for words in messages), messages


async def test_kubernetes_waits_for_releases_with_removed_apis_and_is_upgraded_once_they_are_gone(
    estate: Estate,
) -> None:
    asked: list[tuple[str, str]] = []

    async def leaves(cluster: Cluster, current: str, wanted: str) -> str | None:
        asked.append((current, wanted))
        return "release jhub in namespace jhub (jupyterhub-0.11.1) has X (x/v1beta1), which it no longer serves"

    await estate.settle(three_pools("1.34"))
    mark, estate.find_removed_apis = await estate.mark(), leaves
    results = await estate.settle(three_pools("1.36"))
    outcome = results["Cluster"].outcome
    assert (
        isinstance(outcome, Deferred)
        and outcome.needs_user
        and outcome.reason == "RemovedApisInUse"
        and outcome.output is not None
    )
    assert "spec.cluster.kubernetesVersion 1.36 is deferred, because release jhub in namespace jhub" in outcome.message
    assert isinstance(pools := results["NodePools"].outcome, Deferred) and pools.reason == "ControlPlanePending"
    assert await estate.writes(mark) == [] and asked[0][1] == "1.36"
    assert [(c.path, c.gate and c.gate.failed.reason) for c in results["Cluster"].changes] == [(VERSION_PATH, "RemovedApisInUse")]
    estate.find_removed_apis = None
    await estate.settle(three_pools("1.36"))
    assert "PUT managedClusters/prd-aks-jhub" in await estate.writes(mark)


async def test_settled_platforms_share_their_reads(estate: Estate) -> None:
    """Two platforms of one subscription: a second reconcile of both lists each type once, and reads no single resource."""
    first, second = runbook_spec(), runbook_spec()
    second["azure"]["resourceGroup"] = "second"
    second["cluster"] |= {"name": "second", "nodeResourceGroup": "second_nodes"}
    await estate.settle(first)
    estate.uid, estate.name = "uid-2", "second"
    await estate.settle(second)
    await estate.new_operator()
    mark, estate.max_age = await estate.mark(), 300
    for spec, owner in ((first, "uid-1"), (second, "uid-2"), (first, "uid-1"), (second, "uid-2")):
        estate.uid, estate.name = owner, "prd-jhub" if owner == "uid-1" else "second"
        results = await estate.once(spec)
        assert not any(r.changes for r in results.values())
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    reads = Counter(e["path"].lower() for e in entries if not e["path"].endswith("/token"))
    assert set(reads.values()) == {1}, reads
    assert not [path for path in reads if "/resourcegroups/" in path], "nothing is read that belongs to one platform alone"


async def test_scale_sets_are_read_only_for_custom_autoscale(estate: Estate) -> None:
    await estate.settle(runbook_spec(autoscale=[]))
    entries = (await estate.control("GET", "/journal?since=0"))["value"]
    assert not [entry for entry in entries if "/virtualmachinescalesets" in entry["path"].lower()]
    assert all(isinstance(r.outcome, Ready) for r in (await estate.settle(runbook_spec())).values())


async def test_an_operator_that_starts_reads_once_for_all_its_platforms(estate: Estate) -> None:
    """All platforms start at the same moment: a read in progress is shared."""
    await estate.settle(runbook_spec())
    await estate.new_operator()
    mark, estate.max_age = await estate.mark(), 300
    results = await asyncio.gather(*(estate.once(runbook_spec()) for _ in range(10)))
    assert not [name for passed in results for name, r in passed.items() if r.changes or not isinstance(r.outcome, Ready)]
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    reads = Counter(e["path"].lower() for e in entries if not e["path"].endswith("/token"))
    assert set(reads.values()) == {1}, reads


async def _signed_in(estate: Estate) -> SignedIn:
    """Return the session that the platform of the runbook uses."""
    spec = NotebookPlatformSpec.model_validate(runbook_spec())
    return estate.sessions.of(await sign_in(spec.azure.credentials, estate.sessions.cloud, estate.secrets), SUBSCRIPTION)  # type: ignore[arg-type]


async def test_whoever_accepts_an_older_list_does_not_wait_for_one_who_reads_it_anew(estate: Estate) -> None:
    """A user's edit comes while a periodic reconcile reads the list, which takes seconds for a thousand platforms."""
    await estate.settle(runbook_spec())
    cache = (await _signed_in(estate)).cache
    known = await cache.list_subscription(CLUSTERS, max_age=oldest_read(600))
    await estate.control("POST", "/faults", {"path": "/managedClusters$", "count": None, "lost": "silence"})
    reading = asyncio.create_task(cache.list_subscription(CLUSTERS, max_age=0))
    await asyncio.sleep(0.2)
    assert await asyncio.wait_for(cache.list_subscription(CLUSTERS, max_age=oldest_read(600, edited=True)), 5) == known
    assert not reading.done()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await estate.control("DELETE", "/faults")


async def test_an_operation_is_polled_once_a_reconcile(estate: Estate) -> None:
    await estate.settle(three_pools("1.34"))
    await estate.new_operator()
    estate.max_age = 300
    await estate.once(three_pools("1.35"))
    mark = await estate.mark()
    results = await estate.once(three_pools("1.35"))
    assert isinstance(results["Cluster"].outcome, Progressing)
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    assert len([e for e in entries if "/operations/" in e["path"]]) == 1


async def test_while_polls_are_scarce_one_list_tells_all_platforms_which_clusters_azure_works_on(estate: Estate) -> None:
    """Azure allows two polls a second for the clusters of a subscription, and each of 400 platforms would send one every five seconds."""
    await estate.settle(three_pools("1.34"))
    await estate.new_operator()
    now = time.monotonic()
    estate.sessions.buckets.clock = lambda: now  # on a slow machine the limits would fill up between two reconciles
    await estate.control("POST", "/clock", {"speed": 1})
    await estate.once(three_pools("1.35"))
    (operation,) = estate.operations.values()
    session, cache = (signed_in := await _signed_in(estate)).session, signed_in.cache
    while session.share_left("GET", operation.url) >= 0.5:
        await session.send("GET", operation.url)
    mark, estate.max_age = await estate.mark(), 300
    running = [(await estate.once(three_pools("1.35")))["Cluster"].outcome for _ in range(3)]
    assert {type(one) for one in running} == {Progressing} and not any(one.queued for one in running)  # type: ignore[union-attr]
    assert await _sent(estate, mark, "/operations/") == 0
    assert await _sent(estate, mark, "/providers/microsoft.containerservice/managedclusters") <= 1
    await estate.control("POST", "/clock", {"seconds": 700})
    await cache.list_subscription(CLUSTERS, max_age=0)
    mark = await estate.mark()
    await estate.once(three_pools("1.35"))
    assert await _sent(estate, mark, "/operations/") == 1


async def _sent(estate: Estate, mark: int, end: str) -> int:
    """Return the number of requests whose path ends with the words or, with a slash at their end, has them."""
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    return sum(end in f"{e['path'].lower()}/" if end.endswith("/") else e["path"].lower().endswith(end) for e in entries)


async def test_an_operation_is_not_forgotten_while_the_operator_holds_its_calls_back(estate: Estate) -> None:
    """The subscription's rate limit is used up by other clients: the operation is known all the same."""
    await estate.settle(three_pools("1.34"))
    await estate.new_operator()  # with all of its share
    estate.sessions.buckets.clock = lambda: 0.0  # nothing of it comes back
    results = await estate.once(three_pools("1.35"))
    before = dict(estate.operations)
    session = (await _signed_in(estate)).session
    with pytest.raises(StepError, match="Queued"):
        for _ in range(1000):
            await session.send("GET", f"/subscriptions/{SUBSCRIPTION}", api_version="2022-12-01")
    fresh = {name: r for name, r in results.items() if isinstance(r.outcome, Ready) and not r.changes}
    results = await estate.once(three_pools("1.35"), Policy(result_cache=fresh))
    assert isinstance(results["Cluster"].outcome, Progressing)
    assert estate.operations.keys() == before.keys() == {"Cluster"}


async def test_a_principal_without_permission_to_list_the_subscription_reads_its_own_resources(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    fault = {"method": "GET", "path": "/providers/[^/]+/(managedClusters|virtualNetworks)$", "count": None, "status": 403}
    await estate.control("POST", "/faults", fault | {"code": "AuthorizationFailed"})
    fault["path"] = "/subscriptions/[^/]+/resourcegroups$"
    await estate.control("POST", "/faults", fault | {"code": "AuthorizationFailed"})
    mark = await estate.mark()
    results = await estate.once(runbook_spec())
    assert all(isinstance(r.outcome, Ready) and not r.changes for r in results.values()), results
    assert await estate.writes(mark) == []


async def test_a_cached_read_is_refreshed_before_a_write(estate: Estate) -> None:
    """A shared read is minutes old; what it seems to lack is read again before the operator writes."""
    await estate.settle(runbook_spec())
    estate.max_age = 300
    await estate.once(runbook_spec())
    spec, mark = runbook_spec(), await estate.mark()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    await estate.control("PATCH", f"/resources{CLUSTER}/agentpools/nodepool1", {"properties": {"maxCount": 8}})
    results = await reconcile(await estate.graph(spec), Policy())
    assert not results["NodePools"].changes and await estate.writes(mark) == []


async def test_after_a_write_only_what_was_written_is_read_again(estate: Estate) -> None:
    """Once the pool has changed, its cluster and the nodes' group are read again, and no list of the subscription."""
    await estate.settle(runbook_spec())
    estate.max_age = 300
    await estate.once(runbook_spec())
    spec = runbook_spec()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    mark = await estate.mark()
    await estate.settle(spec)
    assert await estate.writes(mark)
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    read = {e["path"].lower() for e in entries if e["method"] == "GET"}
    whole = {path for path in read if "resourcegroups/" not in path and path.startswith(f"/subscriptions/{SUBSCRIPTION}/")}
    assert not [path for path in whole if path.endswith(LISTS)], whole
    assert CLUSTER.lower() in read
    mark = await estate.mark()
    await estate.once(spec)
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    assert [e["path"] for e in entries if e["method"] == "GET"] == []


async def test_a_creation_reads_no_resource_twice_before_it_is_written(estate: Estate) -> None:
    """The first read of an observation goes past the list when the resource group was just written."""
    estate.max_age = 300
    await estate.settle(runbook_spec())
    entries = (await estate.control("GET", "/journal?since=0"))["value"]
    reads: Counter[str] = Counter()
    twice = set()
    for entry in entries:
        path = entry["path"].lower()
        reads[path] += entry["method"] == "GET"
        if entry["write"]:
            twice |= {path} if reads.pop(path, 0) > 1 else set()
    assert not twice
