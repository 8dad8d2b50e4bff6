"""An Azure Container Registry for a binder: created with its roles, its builder's password renewed, registries of another owner
untouched."""

from datetime import UTC, datetime, timedelta
from typing import Any

from notebook_platform.engine.outcome import Failed, Ready

from sandbox.azure.authorization import ROLES
from tests.azure.conftest import Estate, settled
from tests.unit.azure.specs import group_id, runbook_spec

REGISTRY = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerregistry/registries/universitybinder"
TOKEN = f"{REGISTRY}/tokens/notebook-platform-builder"
SCOPE_MAP = f"{REGISTRY}/scopemaps/notebook-platform-builder"
SECRET = "prd-jhub-registry"


def binder_spec(**registry: Any) -> dict[str, Any]:
    binder = {
        "chart": {"version": "1.0.0-0.dev.git.3941.h9056a226"},
        "address": {"dnsLabels": {"binder": "u-binder", "hub": "u-binder-hub"}},
        "registry": {"azure": {"name": "universitybinder", **registry}},
    }
    return runbook_spec(binderhub=binder)


def passwords(resources: dict[str, Any]) -> list[str]:
    return [p["name"] for p in resources[TOKEN]["properties"]["credentials"]["passwords"]]


async def test_a_registry_is_made_with_a_token_that_may_only_push_the_builders_images(estate: Estate) -> None:
    resources = await settled(estate, binder_spec())
    registry = resources[REGISTRY]
    assert registry["sku"]["name"] == "Standard" and registry["properties"]["adminUserEnabled"] is False
    assert registry["tags"]["notebookplatform-owner"] == "test/platforms/prd-jhub/uid-1"
    assert resources[SCOPE_MAP]["properties"]["actions"] == [
        "repositories/binder/*/content/read",
        "repositories/binder/*/content/write",
        "repositories/binder/*/metadata/read",
    ]
    assert resources[TOKEN]["properties"]["scopeMapId"].lower() == SCOPE_MAP and passwords(resources) == ["password1"]
    kept = estate.secrets.data[SECRET]
    assert (kept["server"], kept["username"]) == ("universitybinder.azurecr.io", "notebook-platform-builder")
    assert len(kept["password"]) > 20 and kept["password"] not in str((await estate.state())["resources"])
    state = await estate.state()
    assert state["providers"]["Microsoft.ContainerRegistry"] == "Registered"


async def test_the_nodes_may_pull_from_it(estate: Estate) -> None:
    resources = await settled(estate, binder_spec())
    (pull,) = [r["properties"] for i, r in resources.items() if i.startswith(f"{REGISTRY}/") and "/roleassignments/" in i]
    assert pull["roleDefinitionId"].endswith(ROLES["AcrPull"])
    application = next(a for a in (await estate.state())["applications"] if a["displayName"] == "sp_aks_jhub")
    principal = next(p for p in (await estate.state())["servicePrincipals"] if p["appId"] == application["appId"])
    assert pull["principalId"] == principal["id"]


async def test_its_making_is_one_write_each_and_a_password_once(estate: Estate) -> None:
    await settled(estate, binder_spec())
    writes = [w for w in await estate.writes(accepted=True) if not w.startswith("PUT roleAssignments")]
    about = [w for w in writes if "universitybinder" in w or "builder" in w]
    assert about == [
        "PUT registries/universitybinder",
        "PUT scopeMaps/notebook-platform-builder",
        "PUT tokens/notebook-platform-builder",
        "POST universitybinder/generateCredentials",
    ]


async def test_a_password_that_ends_soon_is_renewed_and_the_old_one_stays_good(estate: Estate) -> None:
    await settled(estate, binder_spec())
    first = dict(estate.secrets.data[SECRET])
    estate.now = datetime.now(UTC) + timedelta(days=61)
    resources = await settled(estate, binder_spec())
    second = estate.secrets.data[SECRET]
    assert sorted(passwords(resources)) == ["password1", "password2"]
    assert second["passwordName"] == "password2" and second["password"] != first["password"]
    assert datetime.fromisoformat(second["expires"]) > datetime.fromisoformat(first["expires"])


async def test_a_password_that_was_lost_or_taken_away_is_made_anew(estate: Estate) -> None:
    await settled(estate, binder_spec())
    first = estate.secrets.data.pop(SECRET)
    await settled(estate, binder_spec())
    assert estate.secrets.data[SECRET]["password"] != first["password"]
    await estate.new_operator()
    await estate.control("PATCH", f"/resources{TOKEN}", {"properties": {"credentials": {"passwords": []}}})
    resources = await settled(estate, binder_spec())
    assert passwords(resources) == [estate.secrets.data[SECRET]["passwordName"]]


async def test_a_widened_scope_map_and_a_disabled_token_are_corrected(estate: Estate) -> None:
    await settled(estate, binder_spec())
    await estate.control("PATCH", f"/resources{SCOPE_MAP}", {"properties": {"actions": ["repositories/*/content/delete"]}})
    await estate.control("PATCH", f"/resources{TOKEN}", {"properties": {"status": "disabled"}})
    mark = await estate.mark()
    resources = await settled(estate, binder_spec())
    assert resources[TOKEN]["properties"]["status"] == "enabled"
    assert "content/delete" not in str(resources[SCOPE_MAP]["properties"]["actions"])
    assert await estate.writes(mark) == ["PUT scopeMaps/notebook-platform-builder", "PUT tokens/notebook-platform-builder"]


async def test_another_tier_is_one_write(estate: Estate) -> None:
    await settled(estate, binder_spec())
    mark = await estate.mark()
    resources = await settled(estate, binder_spec(sku="Premium"))
    assert resources[REGISTRY]["sku"]["name"] == "Premium"
    assert await estate.writes(mark) == ["PATCH registries/universitybinder"]


async def test_a_name_in_use_in_azure_is_reported_before_creation(estate: Estate) -> None:
    stranger = "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/theirs"
    id_ = f"{stranger}/providers/Microsoft.ContainerRegistry/registries/universitybinder"
    await estate.control("PUT", f"/resources{id_}", {"properties": {"provisioningState": "Succeeded"}})
    outcome = (await estate.settle(binder_spec()))["Preflight"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "NameTaken" and outcome.retry_in is None
    assert "spec.binderhub.registry.azure.name" in outcome.message and "Choose another" in outcome.remedy
    assert not [write for write in await estate.writes() if write.startswith("PUT")]


async def test_an_unowned_registry_is_adopted_only_with_adoption(estate: Estate) -> None:
    body = {
        "location": "eastus",
        "sku": {"name": "Standard"},
        "tags": {},
        "properties": {"loginServer": "universitybinder.azurecr.io", "provisioningState": "Succeeded", "adminUserEnabled": True},
    }
    spec = binder_spec()
    await estate.once_past_group(spec)
    await estate.control("PUT", f"/resources{REGISTRY}", body)
    mark = await estate.mark()
    outcome = (await estate.settle(spec))["Registry"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "NotOwned"
    assert not [w for w in await estate.writes(mark) if "universitybinder" in w]
    resources = await settled(estate, {**spec, "adoption": "IfUnowned"})
    assert resources[REGISTRY]["properties"]["adminUserEnabled"] is True, "what the spec does not speak of stays"
    assert not [w for w in await estate.writes(mark) if w == "PUT registries/universitybinder"]


async def test_a_password_that_would_be_renewed_at_once_is_refused(estate: Estate) -> None:
    outcome = (await estate.settle(binder_spec(tokenLifetime="7d", renewBefore="1w")))["Registry"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "RenewalTooEarly" and outcome.retry_in is None


async def test_the_registry_is_deleted_with_the_platform_or_orphaned(estate: Estate) -> None:
    await settled(estate, binder_spec())
    await estate.orphan(binder_spec())
    resources = (await estate.state())["resources"]
    assert REGISTRY in resources and "notebookplatform-owner" not in resources[REGISTRY]["tags"]
    await estate.new_operator()
    await settled(estate, binder_spec() | {"adoption": "IfUnowned"})
    await estate.new_operator()
    results = await estate.delete(binder_spec())
    assert all(isinstance(r.outcome, Ready) for r in results.values()), {n: r.outcome for n, r in results.items()}
    assert not [i for i in (await estate.state())["resources"] if "universitybinder" in i]
    assert SECRET not in estate.secrets.data


async def test_a_registry_that_was_taken_out_of_the_spec_stays_until_the_platform_goes(estate: Estate) -> None:
    await settled(estate, binder_spec())
    await estate.new_operator()
    resources = await settled(estate, runbook_spec())
    assert REGISTRY in resources, "its images may still be wanted"
    await estate.new_operator()
    results = await estate.delete(runbook_spec())
    assert all(isinstance(r.outcome, Ready) for r in results.values()), {n: r.outcome for n, r in results.items()}
    assert "DELETE registries/universitybinder" in await estate.writes()
    assert not [i for i in (await estate.state())["resources"] if "universitybinder" in i]
    assert SECRET not in estate.secrets.data


async def test_a_platform_without_a_binder_has_no_registry(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    state = await estate.state()
    assert state["providers"]["Microsoft.ContainerRegistry"] == "NotRegistered"
    assert not [i for i in state["resources"] if "containerregistry" in i]
