"""Features that act on the same resource at the same time; each has tests of its own elsewhere."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from notebook_platform.engine.outcome import Progressing

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, NIGHTS, with_pool
from tests.azure.test_registry import REGISTRY, SECRET, binder_spec
from tests.unit.azure.specs import runbook_spec, with_cluster

DAY, NIGHT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC), datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
WINDOW = "spec.cluster.maintenanceWindow opens on Saturday 02:00 UTC"
POOL = f"{CLUSTER}/agentpools/nodepool1"
ROTATED = {"vmSize": "Standard_D4s_v3", "replacement": "Rotate"}


async def rest(estate: Estate, spec: dict[str, Any]) -> dict[str, Any]:
    """Settle, and return the resources in Azure; changes may wait."""
    await estate.settle(spec)
    resources: dict[str, Any] = (await estate.state())["resources"]
    return resources


async def settled_after_window(estate: Estate, spec: dict[str, Any]) -> dict[str, Any]:
    """Reconcile once while disruptive changes wait for the window, then settle, and return the resources in Azure."""
    estate.window_gate = WINDOW
    await estate.once(spec)
    estate.window_gate = ""
    return await settled(estate, spec)


async def test_with_warn_a_night_makes_no_change_by_hand_the_wish_of_the_spec(estate: Estate) -> None:
    spec, estate.warn, estate.now = with_cluster(powerSchedules=NIGHTS), True, DAY
    await settled(estate, spec)
    await estate.control("PATCH", f"/resources{POOL}", {"properties": {"maxCount": 9}})
    await estate.once(spec)
    for estate.now in (NIGHT, MORNING):
        await estate.settle(spec)
    results = await estate.once(spec)
    assert [change.path for change in results["NodePools"].drift] == ["agentPools[nodepool1].maxCount"]
    assert (await estate.state())["resources"][POOL]["properties"]["maxCount"] == 9


@pytest.mark.parametrize("warn", [False, True])
async def test_an_edit_at_night_takes_effect_in_the_morning(estate: Estate, warn: bool) -> None:
    spec, estate.warn, estate.now = with_cluster(powerSchedules=NIGHTS), warn, DAY
    await settled(estate, spec)
    estate.now = NIGHT
    await settled(estate, spec)
    spec = with_cluster(powerSchedules=NIGHTS, tier="Premium" if spec["cluster"].get("tier") == "Standard" else "Standard")
    await settled(estate, spec)
    estate.now = MORNING
    awake = await settled(estate, spec)
    assert awake[CLUSTER]["sku"]["tier"] == spec["cluster"]["tier"]


async def test_what_is_taken_out_of_the_spec_at_night_is_removed_in_the_morning(estate: Estate) -> None:
    def spec_of(**tags: str) -> dict[str, Any]:
        spec = with_cluster(powerSchedules=NIGHTS)
        spec["azure"]["tags"] = {"cost": "R1", **tags}
        if tags:
            spec["nodePools"][0]["maxSurge"] = "33%"
            spec["cluster"]["autoscalerProfile"] = {"scanInterval": "20s"}
        return spec

    estate.now = DAY
    await settled(estate, spec_of(team="Alpha"))
    estate.now = NIGHT
    await settled(estate, spec_of(team="Alpha"))
    await settled(estate, spec_of())
    estate.now = MORNING
    awake = await settled(estate, spec_of())
    pool = awake[POOL]["properties"]
    assert "team" not in awake[CLUSTER]["tags"] and "team" not in pool["tags"] and pool["upgradeSettings"]["maxSurge"] == "10%"
    assert awake[CLUSTER]["properties"]["autoScalerProfile"]["scan-interval"] == "10s"


@pytest.mark.parametrize("warn", [False, True])
async def test_a_rotation_that_waited_for_the_window_is_finished(estate: Estate, warn: bool) -> None:
    await settled(estate, with_pool())
    estate.warn = warn
    resources = await settled_after_window(estate, with_pool(**ROTATED))
    pools = {i.rsplit("/", 1)[1]: r["properties"]["vmSize"] for i, r in resources.items() if "/agentpools/" in i}
    assert pools["users"] == "Standard_D4s_v3" and len(pools) == 2


@pytest.mark.parametrize("warn", [False, True])
async def test_custom_autoscale_follows_a_pool_whose_rotation_waited(estate: Estate, warn: bool) -> None:
    def spec_of(**members: Any) -> dict[str, Any]:
        spec = runbook_spec()
        spec["nodePools"][0] |= members
        return spec

    await settled(estate, spec_of())
    estate.warn = warn
    resources = await settled_after_window(estate, spec_of(**ROTATED))
    setting = next(r for i, r in resources.items() if "/autoscalesettings/" in i)
    sets = [i for i in resources if "/virtualmachinescalesets/" in i]
    assert setting["properties"]["targetResourceUri"].lower() in sets


@pytest.mark.parametrize("warn", [False, True])
async def test_roles_follow_an_identity_whose_change_waited(estate: Estate, warn: bool) -> None:
    registry = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/reg/providers/Microsoft.ContainerRegistry/registries/images"
    spec = with_cluster(registries=[registry])
    spec["identity"] = {"type": "UserAssigned", "userAssigned": {"name": "prd-id"}}
    await settled(estate, spec)
    spec["identity"], estate.warn, estate.window_gate = {"type": "SystemAssigned"}, warn, WINDOW
    assert (await estate.settle(spec))["Cluster"].changes
    estate.window_gate = ""
    resources = await settled(estate, spec)
    roles = [r["properties"] for i, r in resources.items() if "/roleassignments/" in i]
    assert resources[CLUSTER]["identity"]["principalId"] in [role["principalId"] for role in roles]


async def test_with_warn_a_failed_pool_is_repaired(estate: Estate) -> None:
    await settled(estate, with_pool())
    estate.warn = True
    await estate.control("PATCH", f"/resources{CLUSTER}/agentpools/users", {"properties": {"provisioningState": "Failed"}})
    resources = await settled(estate, with_pool())
    assert resources[f"{CLUSTER}/agentpools/users"]["properties"]["provisioningState"] == "Succeeded"


async def test_with_warn_or_drift_ignore_a_registry_that_differs_gets_new_passwords(estate: Estate) -> None:
    await settled(estate, binder_spec())
    first, estate.warn = estate.secrets.data[SECRET]["password"], True
    await estate.control("PATCH", f"/resources{REGISTRY}", {"sku": {"name": "Premium"}})
    estate.now = datetime.now(UTC) + timedelta(days=61)
    results = await estate.settle(binder_spec())
    assert [change.path for change in results["Registry"].drift] == ["sku.name"]
    assert estate.secrets.data[SECRET]["password"] != first


async def test_with_warn_secrets_of_the_operator_that_were_lost_are_made_anew(estate: Estate) -> None:
    await settled(estate, binder_spec())
    first, estate.warn = estate.secrets.data.pop(SECRET), True
    principal = estate.secrets.data.pop("prd-jhub-service-principal")
    await settled(estate, binder_spec())
    assert estate.secrets.data[SECRET]["password"] != first["password"]
    assert estate.secrets.data["prd-jhub-service-principal"]["secretId"] != principal["secretId"]


async def test_an_ignored_immutable_property_rotates_no_pool(estate: Estate) -> None:
    await settled(estate, with_pool())
    spec, estate.ignored = with_pool(**ROTATED, nodeLabels={"team": "physics"}), ["NodePools.agentPools[users].vmSize"]
    mark = await estate.mark()
    resources = await settled(estate, spec)
    pool = resources[f"{CLUSTER}/agentpools/users"]["properties"]
    assert pool["vmSize"] == "Standard_D2s_v3" and pool["nodeLabels"] == {"team": "physics"}
    assert {write for write in await estate.writes(mark) if "agentpools/" in write.lower()} == {"PUT agentPools/users"}
    estate.ignored = []
    resources = await settled(estate, spec)
    assert resources[f"{CLUSTER}/agentpools/users"]["properties"]["vmSize"] == "Standard_D4s_v3"


async def test_a_window_that_closes_during_a_rotation_holds_it_though_a_label_changes(estate: Estate) -> None:
    await settled(estate, with_pool())
    await estate.once(with_pool(**ROTATED))
    estate.window_gate = WINDOW
    resources = await rest(estate, with_pool(**ROTATED, nodeLabels={"team": "physics"}))
    pool = resources[f"{CLUSTER}/agentpools/users"]["properties"]
    assert pool["vmSize"] == "Standard_D2s_v3" and pool["nodeLabels"] == {"team": "physics"}
    estate.window_gate = ""
    resources = await settled(estate, with_pool(**ROTATED, nodeLabels={"team": "physics"}))
    assert resources[f"{CLUSTER}/agentpools/users"]["properties"]["vmSize"] == "Standard_D4s_v3"


async def test_a_night_that_begins_while_the_cluster_gets_a_secret_rolls_its_nodes_once(estate: Estate) -> None:
    spec, estate.now = with_cluster(powerSchedules=NIGHTS), DAY
    await settled(estate, spec)
    principal = estate.secrets.data["prd-jhub-service-principal"]
    estate.now = datetime.fromisoformat(principal["expires"]).replace(hour=12) - timedelta(days=5)
    mark = await estate.mark()
    while not isinstance((await estate.once(spec))["PrincipalSecret"].outcome, Progressing):
        await estate.simulator.world.clock.sleep(5)
    for hours in (9, 15):
        estate.now += timedelta(hours=hours)
        await settled(estate, spec)
    writes = [w.removeprefix("POST prd-aks-jhub/") for w in await estate.writes(mark) if w.startswith("POST prd-aks-jhub/")]
    assert writes == ["resetServicePrincipalProfile", "stop", "start"]
