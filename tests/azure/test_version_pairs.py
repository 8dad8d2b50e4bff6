"""Upgrades of Kubernetes together with other features: driftIgnore, upgrade channels, windows, edits in the middle."""

from typing import Any

import pytest
from notebook_platform.azure.cluster_changes import VERSION_PATH
from notebook_platform.engine.outcome import Deferred, Ready
from notebook_platform.engine.reconcile import Mode, Policy

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER
from tests.unit.azure.specs import with_cluster

WINDOW = "spec.cluster.maintenanceWindow opens on Saturday 02:00 UTC"


def at(version: str, **changes: Any) -> dict[str, Any]:
    """Return the platform with this version and a pool of users, which has no nodes."""
    spec = with_cluster(kubernetesVersion=version) | changes
    spec["nodePools"].append(
        {"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "autoscaling": {"minCount": 0, "maxCount": 3}}
    )
    return spec


async def versions(estate: Estate) -> dict[str, str]:
    """Return the minor versions that run, by the name of the cluster or pool."""
    resources = (await estate.state())["resources"]
    found = {"cluster": resources[CLUSTER]["properties"]["currentKubernetesVersion"]}
    for id_, body in resources.items():
        if "/agentpools/" in id_:
            found[id_.rsplit("/", 1)[1]] = body["properties"]["currentOrchestratorVersion"]
    return {name: version.rsplit(".", 1)[0] for name, version in found.items()}


async def half_way(estate: Estate, *, warn: bool = False) -> None:
    """Ask a cluster of 1.34 for 1.36, until the first of the two upgrades is sent."""
    await settled(estate, at("1.34"))
    estate.warn = warn
    while not (await estate.once(at("1.36")))["Cluster"].applied:
        await estate.simulator.world.clock.sleep(10)


def all_at(version: str) -> dict[str, str]:
    return dict.fromkeys(("cluster", "nodepool1", "users"), version)


async def test_pools_follow_a_control_plane_that_another_client_upgrades(estate: Estate) -> None:
    await settled(estate, at("1.34"))
    estate.ignored = [f"Cluster.{VERSION_PATH}"]
    spec = at("1.36", driftIgnore=estate.ignored)
    await settled(estate, spec)
    assert await versions(estate) == all_at("1.34")
    upgraded = {"properties": {"kubernetesVersion": "1.35", "currentKubernetesVersion": "1.35.1"}}
    await estate.control("PATCH", f"/resources{CLUSTER}", upgraded)
    await settled(estate, spec)
    assert await versions(estate) == all_at("1.35")


async def test_an_upgrade_says_so_when_it_waits_for_a_pool_that_another_client_upgrades(estate: Estate) -> None:
    await settled(estate, at("1.34"))
    estate.ignored = ["NodePools.agentPools[users].orchestratorVersion"]
    spec = at("1.36", driftIgnore=estate.ignored)
    outcome = (await estate.settle(spec))["Cluster"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and "from upgrading users: " in outcome.message
    assert await versions(estate) == {"cluster": "1.35", "nodepool1": "1.35", "users": "1.34"}
    upgraded = {"properties": {"orchestratorVersion": "1.35", "currentOrchestratorVersion": "1.35.1"}}
    await estate.control("PATCH", f"/resources{CLUSTER}/agentPools/users", upgraded)
    results = await estate.settle(spec)
    assert (await versions(estate))["cluster"] == "1.36" and isinstance(results["Cluster"].outcome, Ready)


async def test_a_control_plane_that_is_upgraded_without_effect_holds_up_nothing_else(estate: Estate) -> None:
    await settled(estate, at("1.34"))
    old = {"properties": {"kubernetesVersion": "1.34", "currentKubernetesVersion": "1.34.2"}}
    for _ in range(12):
        results = await estate.once(at("1.35"))
        if isinstance(results["Cluster"].outcome, Deferred):
            break
        await estate.simulator.world.clock.sleep(700)
        await estate.control("PATCH", f"/resources{CLUSTER}", old)
    assert results["Cluster"].outcome.reason == "ChangeWithoutEffect"  # type: ignore[union-attr]
    pools = results["NodePools"].outcome
    assert isinstance(pools, Deferred) and pools.reason == "ControlPlanePending"
    assert isinstance(results["Autoscale"].outcome, Ready)


async def test_a_member_of_a_pool_that_is_written_without_effect_holds_up_no_upgrade(estate: Estate) -> None:
    await settled(estate, at("1.34"))
    spec = at("1.35")
    spec["nodePools"][1]["nodeLabels"] = {"team": "alpha"}
    for _ in range(30):
        results = await estate.once(spec)
        await estate.simulator.world.clock.sleep(700)
        if (await versions(estate))["users"] == "1.35":
            break
        await estate.control("PATCH", f"/resources{CLUSTER}/agentPools/users", {"properties": {"nodeLabels": {"team": None}}})
    assert await versions(estate) == all_at("1.35"), results["NodePools"].outcome


@pytest.mark.parametrize("warn", [False, True])
async def test_a_window_that_closes_between_two_minor_versions_holds_the_second(estate: Estate, warn: bool) -> None:
    await half_way(estate, warn=warn)
    estate.window_gate = WINDOW
    results = await estate.settle(at("1.36"))
    assert await versions(estate) == all_at("1.34") | {"cluster": "1.35"}
    assert WINDOW in results["Cluster"].outcome.message and WINDOW in results["NodePools"].outcome.message  # type: ignore[union-attr]
    estate.window_gate = ""
    await settled(estate, at("1.36"))
    assert await versions(estate) == all_at("1.36")


@pytest.mark.parametrize("warn", [False, True])
async def test_an_upgrade_that_is_suspended_half_way_goes_on_afterwards(estate: Estate, warn: bool) -> None:
    await half_way(estate, warn=warn)
    mark = await estate.mark()
    for _ in range(40):
        await estate.once(at("1.36", suspend=True), Policy(mode=Mode.PLAN))
        await estate.simulator.world.clock.sleep(60)
    assert await estate.writes(mark) == [] and (await versions(estate))["cluster"] == "1.35"
    await settled(estate, at("1.36"))
    assert await versions(estate) == all_at("1.36")


async def test_an_upgrade_that_is_taken_back_half_way_keeps_what_runs_and_says_so(estate: Estate) -> None:
    await half_way(estate)
    results = await estate.settle(at("1.34"))
    outcome = results["Cluster"].outcome
    assert isinstance(outcome, Deferred) and outcome.reason == "VersionDowngrade" and outcome.needs_user
    assert isinstance(results["NodePools"].outcome, Ready)
    await settled(estate, at("1.35"))
    assert await versions(estate) == all_at("1.35")


@pytest.mark.parametrize("warn", [False, True])
async def test_a_channel_that_is_ahead_of_the_spec_is_kept_when_it_is_turned_off(estate: Estate, warn: bool) -> None:
    def spec_of(version: str, channel: str) -> dict[str, Any]:
        spec = at(version)
        spec["cluster"]["upgrades"] = {"channel": channel}
        return spec

    await settled(estate, spec_of("1.34", "stable"))
    estate.warn = warn
    upgraded = {"properties": {"kubernetesVersion": "1.35", "currentKubernetesVersion": "1.35.1"}}
    await estate.control("PATCH", f"/resources{CLUSTER}", upgraded)
    await settled(estate, spec_of("1.34", "stable"))
    await settled(estate, spec_of("1.35", "stable"))
    assert await versions(estate) == all_at("1.35")
    outcome = (await estate.settle(spec_of("1.34", "none")))["Cluster"].outcome
    assert isinstance(outcome, Deferred) and outcome.reason == "VersionDowngrade"
    resources = (await estate.state())["resources"]
    assert resources[CLUSTER]["properties"]["autoUpgradeProfile"]["upgradeChannel"] == "none"
