"""Deletion: what the operator created goes; foreign resources, locked groups and the resources of other owners stay."""

from notebook_platform.engine.outcome import Failed

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate
from tests.azure.estates import CLUSTER, all_done
from tests.unit.azure.specs import group_id, runbook_spec


async def test_deletion_leaves_nothing_behind(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    results = await estate.delete(runbook_spec())
    assert all_done(results), {n: r.outcome for n, r in results.items()}
    state = await estate.state()
    assert state["resources"] == {}
    assert [a["displayName"] for a in state["applications"]] == ["notebook-platform-operator"]
    assert "prd-jhub-service-principal" not in estate.secrets.data


async def test_a_foreign_resource_survives_and_keeps_its_group(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    foreign = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/prd_rg_jhub/providers/Microsoft.Storage/storageAccounts/precious"
    await estate.control("PUT", f"/resources{foreign}", {"type": "Microsoft.Storage/storageAccounts", "location": "eastus"})
    results = await estate.delete(runbook_spec())
    outcome = results["ResourceGroup"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "ForeignResources" and "precious" in outcome.message
    left = (await estate.state())["resources"]
    assert set(left) == {group_id("prd_rg_jhub"), foreign.lower()}
    await estate.orphan(runbook_spec())
    left = (await estate.state())["resources"]
    assert set(left) == {group_id("prd_rg_jhub"), foreign.lower()}
    assert "notebookplatform-owner" not in str(left[group_id("prd_rg_jhub")])


async def test_all_agent_pools_lose_their_owner_tag(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    await estate.orphan(runbook_spec())
    assert "notebookplatform-owner" not in str((await estate.state())["resources"])


async def test_an_autoscale_setting_removed_from_the_spec_is_deleted_and_another_owners_stays(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    setting = next(i for i in (await estate.state())["resources"] if "/autoscalesettings/" in i)
    other = f"{setting.rsplit('/', 1)[0]}/theirs"
    await estate.control("PUT", f"/resources{other}", {"type": "Microsoft.Insights/autoscaleSettings", "properties": {}})
    assert all_done(await estate.settle(runbook_spec(autoscale=[])))
    left = [i for i in (await estate.state())["resources"] if "/autoscalesettings/" in i]
    assert left == [other]


async def test_a_deletion_in_the_middle_of_a_creation_takes_down_what_was_made_so_far(estate: Estate) -> None:
    for _ in range(200):
        results = await estate.once(runbook_spec())
        if results["Cluster"].changes and CLUSTER in (await estate.state())["resources"]:
            break
        await estate.simulator.world.clock.sleep(5)
    assert (await estate.state())["resources"][CLUSTER]["properties"]["provisioningState"] == "Creating"
    results = await estate.delete(runbook_spec())
    assert all_done(results), {n: r.outcome for n, r in results.items()}
    await estate.simulator.world.clock.sleep(600)
    assert (await estate.state())["resources"] == {}


async def test_a_group_with_a_lock_stays_with_all_that_is_in_it_until_the_lock_is_gone(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    lock = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/prd_rg_jhub/providers/Microsoft.Authorization/locks/keep"
    await estate.control("PUT", f"/resources{lock}", {"properties": {"level": "CanNotDelete"}})
    failed = [r.outcome for r in (await estate.delete(runbook_spec())).values() if isinstance(r.outcome, Failed)]
    assert failed and {outcome.reason for outcome in failed} == {"Locked"}
    assert all("lock" in outcome.remedy for outcome in failed)
    assert CLUSTER in (await estate.state())["resources"]
    await estate.control("DELETE", f"/resources{lock}")
    assert all_done(await estate.delete(runbook_spec()))
    await estate.simulator.world.clock.sleep(600)
    assert (await estate.state())["resources"] == {}


async def test_a_principal_that_is_already_deleted_is_no_obstacle(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    world = estate.simulator.world
    (application,) = [a for a in world.applications.values() if a["displayName"] == "sp_aks_jhub"]
    principal = world.principal_by_app(application["appId"])
    assert principal is not None
    del world.applications[application["id"]], world.principals[principal["id"]]
    assert all_done(await estate.delete(runbook_spec()))
    await estate.simulator.world.clock.sleep(600)
    assert (await estate.state())["resources"] == {}
