"""Warn, driftIgnore and Orphan together with custom autoscale, node auto-provisioning, the registry and rotations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from notebook_platform.azure.rotation import temporary_name
from notebook_platform.engine.outcome import Deferred, Progressing, Ready

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, with_pool
from tests.azure.test_drift import change_by_hand, drift, setting_of, values
from tests.azure.test_feature_pairs import ROTATED
from tests.azure.test_managed_prometheus import RULES, watched
from tests.azure.test_node_provisioning import mode_of, with_mode
from tests.azure.test_registry import REGISTRY, SECRET, binder_spec
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

USERS, TEMPORARY = f"{CLUSTER}/agentpools/users", temporary_name("users")
SCALED_BY_MONITOR = {"pool": "users", "capacity": {"minimum": 1, "maximum": 6, "default": 1}}


def with_scaled_pool(**members: Any) -> dict[str, Any]:
    spec = with_pool(**members)
    spec["autoscale"].append(SCALED_BY_MONITOR)
    return spec


async def scale_set_of(estate: Estate, pool: str) -> str:
    return next(i for i in (await estate.state())["resources"] if f"/virtualmachinescalesets/aks-{pool}-" in i)


async def test_with_warn_the_autoscale_setting_of_a_pool_that_another_client_deleted_waits(estate: Estate) -> None:
    spec = with_scaled_pool()
    before = await settled(estate, spec)
    estate.warn = True
    for id_ in (await scale_set_of(estate, "users"), USERS):
        await estate.control("DELETE", f"/resources{id_}")
    await estate.once(spec)
    spec["autoscale"][0]["rules"][0]["threshold"] = 80
    results = await estate.settle(spec)
    outcome = results["Autoscale"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and "agent pools users wait" in outcome.message
    resources = (await estate.state())["resources"]
    assert {i for i in before if "/autoscalesettings/" in i} <= resources.keys(), "the setting is left for when the pool is back"
    assert await values(estate) == (6, 80), "the other setting is written"
    estate.warn = False
    await settled(estate, spec)


async def test_the_autoscale_setting_of_a_pool_that_cannot_be_created_waits(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    results = await estate.settle(with_scaled_pool(vmSize="Standard_Z9"))
    assert isinstance(results["NodePools"].outcome, Deferred) and isinstance(results["Autoscale"].outcome, Deferred)
    await settled(estate, with_scaled_pool())


async def test_a_pool_without_a_scale_set_is_read_more_and_more_rarely(estate: Estate) -> None:
    await settled(estate, with_scaled_pool())
    await estate.control("DELETE", f"/resources{await scale_set_of(estate, 'users')}")
    outcome = (await estate.once(with_scaled_pool()))["Autoscale"].outcome
    assert (
        isinstance(outcome, Progressing) and outcome.longest_wait and outcome.stall_after and "spec.autoscale" in outcome.remedy
    )


@pytest.mark.parametrize(
    "ignored", [["Autoscale.*.properties.profiles", "NodePools.*.maxCount"], []], ids=["driftIgnore", "Warn"]
)
async def test_an_edit_of_an_autoscale_setting_leaves_its_rules_that_another_client_changed(
    estate: Estate, ignored: list[str]
) -> None:
    spec = runbook_spec()
    await settled(estate, spec)
    estate.ignored, estate.warn = ignored, not ignored
    await change_by_hand(estate)
    await estate.once(spec)
    spec["autoscale"][0]["notifications"] = {"emails": ["ops@example.org"]}
    results = await estate.settle(spec)
    setting = (await estate.state())["resources"][await setting_of(estate)]
    assert setting["properties"]["notifications"][0]["email"]["customEmails"] == ["ops@example.org"]
    assert await values(estate) == (9, 95) and isinstance(results["Autoscale"].outcome, Ready)
    assert bool(drift(await estate.once(spec))) is estate.warn


@pytest.mark.parametrize("ignored", [["AlertRules.properties.enabled"], []], ids=["driftIgnore", "Warn"])
async def test_alerts_that_another_client_turned_off_stay_off_when_their_action_groups_change(
    estate: Estate, ignored: list[str]
) -> None:
    group = f"{group_id('ops')}/providers/Microsoft.Insights/actionGroups/campus"
    spec = watched()
    await settled(estate, spec)
    estate.ignored, estate.warn = ignored, not ignored
    await estate.control("PATCH", f"/resources{RULES}", {"properties": {"enabled": False}})
    await estate.once(spec)
    spec["monitoring"]["alerts"] = {"actionGroups": [group]}
    await estate.settle(spec)
    rules = (await estate.state())["resources"][RULES]["properties"]
    assert rules["rules"][0]["actions"] == [{"actionGroupId": group}] and rules["enabled"] is False


@pytest.mark.parametrize("leaves", ["foreign", "driftIgnore", "Warn"])
async def test_node_provisioning_that_waits_for_an_autoscaler_of_another_client_says_so(estate: Estate, leaves: str) -> None:
    ignored = ["NodePools.agentPools[nodepool1].enableAutoScaling"] if leaves == "driftIgnore" else []
    known = {"driftIgnore": ignored, "driftPolicy": "Warn" if leaves == "Warn" else "Correct"}
    estate.ignored, estate.warn = ignored, leaves == "Warn"
    await settled(estate, with_mode("Manual", **known))
    path, on = f"{CLUSTER}/agentPools/nodepool1", {"enableAutoScaling": True, "minCount": 1, "maxCount": 5}
    if leaves == "foreign":
        path, on = f"{CLUSTER}/agentPools/precious", {**on, "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1}
        await estate.control("PUT", f"/resources{path}", {"properties": on})
    else:
        await estate.control("PATCH", f"/resources{path}", {"properties": on})
    await estate.once(with_mode("Manual", **known))
    outcome = (await estate.settle(with_mode("Auto", **known)))["Cluster"].outcome
    assert isinstance(outcome, Deferred) and "az aks nodepool update --disable-cluster-autoscaler" in outcome.message
    assert outcome.needs_user or leaves == "Warn"
    await estate.control("PATCH", f"/resources{path}", {"properties": {"enableAutoScaling": False}})
    assert mode_of(await settled(estate, with_mode("Auto", **known))) == "Auto"


async def test_a_change_of_the_cluster_that_waits_for_a_pool_is_made_soon_after(estate: Estate) -> None:
    await settled(estate, with_mode("Manual"))
    await estate.control("PATCH", f"/resources{CLUSTER}/agentPools/nodepool1", {"properties": {"provisioningState": "Updating"}})
    cluster = (await estate.once(with_mode("Auto")))["Cluster"]
    assert isinstance(cluster.outcome, Deferred) and "nodepool1" in cluster.outcome.message and cluster.requeue_after == 30


async def test_a_member_of_the_cluster_that_is_written_without_effect_holds_up_no_upgrade(estate: Estate) -> None:
    await settled(estate, with_cluster(kubernetesVersion="1.34"))
    spec = with_cluster(kubernetesVersion="1.35", tier="Standard")
    for _ in range(12):
        results = await estate.once(spec)
        if "upgrade" in getattr(results["Cluster"].outcome, "message", ""):
            break
        await estate.simulator.world.clock.sleep(700)
        await estate.control("PATCH", f"/resources{CLUSTER}", {"sku": {"tier": "Free"}})
    cluster = (await settled(estate, spec))[CLUSTER]["properties"]
    assert "upgrade" in results["Cluster"].outcome.message and cluster["currentKubernetesVersion"].startswith("1.35.")  # type: ignore[union-attr]


async def test_a_registry_whose_sku_another_client_resets_is_not_written_without_end(estate: Estate) -> None:
    await settled(estate, binder_spec())
    first = estate.secrets.data[SECRET]["password"]
    mark, estate.now = await estate.mark(), datetime.now(UTC) + timedelta(days=61)
    for _ in range(12):
        results = await estate.once(binder_spec(sku="Premium"))
        if isinstance(results["Registry"].outcome, Deferred):
            break
        await estate.simulator.world.clock.sleep(60)
        await estate.control("PATCH", f"/resources{REGISTRY}", {"sku": {"name": "Standard"}})
    outcome = results["Registry"].outcome
    assert isinstance(outcome, Deferred) and outcome.reason == "ChangeWithoutEffect" and "sku.name" in outcome.message
    assert (await estate.writes(mark)).count("PATCH registries/universitybinder") == 3
    assert estate.secrets.data[SECRET]["password"] != first, "what else is due is done"


async def test_an_ignored_role_stays_when_another_one_is_removed(estate: Estate) -> None:
    places = [f"{group_id('reg')}/providers/Microsoft.ContainerRegistry/registries/{name}" for name in ("first", "second")]
    await settled(estate, with_cluster(registries=places))
    estate.ignored = ["RolePruning.*registries/first"]
    resources = await settled(estate, with_cluster())
    scopes = [str(body["properties"]["scope"]) for id_, body in resources.items() if "/roleassignments/" in id_]
    assert [place for place in places if place in scopes] == places[:1]


async def test_a_secret_that_the_cluster_takes_at_once_is_given_once(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    quick = {"path": "resetServicePrincipalProfile", "odd": {"without": ["Azure-AsyncOperation", "Location"]}, "count": None}
    await estate.control("POST", "/faults", quick)
    mark, estate.now = await estate.mark(), datetime.now(UTC) + timedelta(days=350)
    await settled(estate, runbook_spec())
    writes = [write for write in await estate.writes(mark) if write.startswith("POST")]
    assert writes.count("POST prd-aks-jhub/resetServicePrincipalProfile") == 1, writes


def adopting(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the platform for the resources that an orphaned one has left."""
    principal = {"secretRef": {"name": "prd-jhub-service-principal"}}
    return spec | {"adoption": "IfUnowned", "identity": {"type": "ServicePrincipal", "servicePrincipal": principal}}


@pytest.mark.parametrize("left", [{"users", TEMPORARY}, {TEMPORARY}], ids=["both pools", "the temporary pool"])
async def test_a_rotation_that_was_orphaned_is_finished_once_it_is_adopted(estate: Estate, left: set[str]) -> None:
    async def pools() -> set[str]:
        return {i.rsplit("/", 1)[1] for i in (await estate.state())["resources"] if "/agentpools/" in i} - {"nodepool1"}

    await settled(estate, with_pool())
    spec = with_pool(**ROTATED)
    while TEMPORARY not in await pools():
        await estate.once(spec)
        await estate.simulator.world.clock.sleep(10)
    if left == {TEMPORARY}:
        await estate.control("DELETE", f"/resources{USERS}")
    assert await pools() == left
    await estate.orphan(spec)
    assert await pools() == left, "the temporary pool has users' pods"
    estate.new_platform()
    resources = await settled(estate, adopting(spec))
    assert await pools() == {"users"} and resources[USERS]["properties"]["vmSize"] == "Standard_D4s_v3"


async def test_a_mark_that_azure_refuses_to_remove_keeps_no_other_in_place(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    refused = {"method": "PUT", "path": "agentPools/", "status": 400, "code": "InvalidParameter", "count": None}
    await estate.control("POST", "/faults", refused)
    await estate.orphan(runbook_spec())
    marked = [id_ for id_, body in (await estate.state())["resources"].items() if "notebookplatform-owner" in str(body)]
    assert [id_ for id_ in marked if "/agentpools/" not in id_ and "/virtualmachinescalesets/" not in id_] == []


async def test_a_pool_that_a_budget_keeps_from_being_drained_is_asked_more_and_more_rarely(estate: Estate) -> None:
    async def drain(cluster: object, pool: str) -> str:
        return f"waits for jhub/hub to leave its nodes; a PodDisruptionBudget blocks the eviction of jhub/hub ({pool})"

    await settled(estate, with_pool())
    estate.drain = drain
    outcome = (await estate.once(runbook_spec()))["NodePools"].outcome
    assert isinstance(outcome, Progressing) and outcome.stall_after and "kubectl get pdb" in outcome.remedy
    begun = replace(outcome, since=datetime.now(UTC))
    waits = [begun.next_poll(datetime.now(UTC) + timedelta(seconds=seconds)) for seconds in (1, 100, 10000)]
    assert waits == [3, pytest.approx(20, abs=1), 60]
