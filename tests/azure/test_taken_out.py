"""Members that are taken out of the spec: removed, reset or left, as their description says; and what another client set is never changed."""

from typing import Any

from notebook_platform.engine.outcome import Deferred

from tests.azure.conftest import Estate, settled
from tests.unit.azure.specs import group_id, runbook_spec

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
WORKSPACE = "/subscriptions/{}/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/logs"


def rich() -> dict[str, Any]:
    spec = runbook_spec()
    workspace = WORKSPACE.format(spec["azure"]["subscriptionId"])
    spec["azure"]["tags"] = {"team": "Alpha", "cost": "R1"}
    spec["cluster"] |= {
        "monitoring": {"workspaceId": workspace},
        "autoscalerProfile": {"scanInterval": "20s", "expander": "least-waste"},
        "maintenanceWindow": {"days": ["Sunday"], "start": "03:00", "timeZone": "UTC"},
        "network": {"policy": "azure"},
    }
    spec["nodePools"][0]["maxSurge"] = "33%"
    spec["autoscale"][0]["notifications"] = {"emails": ["ops@example.org"]}
    return spec


async def test_a_removed_member_is_removed_and_the_members_of_another_client_stay(estate: Estate) -> None:
    before = await settled(estate, rich())
    tagged = [i for i, r in before.items() if (r.get("tags") or {}).get("team") == "Alpha" and "scalesets" not in i]
    assert len(tagged) >= 4, tagged
    for id_ in tagged:
        await estate.control("PATCH", f"/resources{id_}", {"tags": {"theirs": "kept"}})
    plain = rich()
    plain["azure"]["tags"] = {"cost": "R1"}
    del plain["cluster"]["monitoring"], plain["cluster"]["autoscalerProfile"], plain["cluster"]["maintenanceWindow"]
    del plain["nodePools"][0]["maxSurge"], plain["autoscale"][0]["notifications"]
    plain["cluster"]["network"] = {"policy": "none"}
    after = await settled(estate, plain)
    for id_ in tagged:
        assert after[id_]["tags"].get("team") is None and after[id_]["tags"]["cost"] == "R1", id_
        assert after[id_]["tags"]["theirs"] == "kept", id_
    properties = after[CLUSTER]["properties"]
    assert properties["addonProfiles"]["omsagent"]["enabled"] is False
    assert properties["autoScalerProfile"] | {"scan-interval": "10s", "expander": "random"} == properties["autoScalerProfile"]
    assert properties["networkProfile"]["networkPolicy"] == "none"
    pool = after[f"{CLUSTER}/agentpools/nodepool1"]["properties"]
    assert pool["upgradeSettings"]["maxSurge"] == "10%" and "team" not in pool["tags"]
    assert not [i for i in after if "maintenanceconfigurations" in i]
    (setting,) = [r for i, r in after.items() if "/autoscalesettings/" in i]
    assert not setting["properties"].get("notifications")
    assert estate.applied["Cluster"] == {"tags": {"cost": "R1"}, "members": {}}


async def test_properties_that_the_spec_never_set_are_unchanged(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    theirs = {"autoScalerProfile": {"scan-interval": "30s"}, "addonProfiles": {"omsagent": {"enabled": True, "config": {}}}}
    await estate.control("PATCH", f"/resources{CLUSTER}", {"tags": {"theirs": "kept"}, "properties": theirs})
    after = await settled(estate, runbook_spec())
    assert (
        after[CLUSTER]["properties"]["autoScalerProfile"]["scan-interval"] == "30s" and after[CLUSTER]["tags"]["theirs"] == "kept"
    )


async def test_a_removal_survives_an_operator_that_ends_before_it_is_made(estate: Estate) -> None:
    await settled(estate, rich())
    plain = rich()
    plain["azure"]["tags"] = {}
    await estate.control(
        "POST", "/faults", {"method": "PATCH", "path": "tags/default", "count": 3, "status": 503, "code": "ServerTimeout"}
    )
    await estate.once(plain)
    await estate.new_operator()
    after = await settled(estate, plain)
    assert not [i for i, r in after.items() if "team" in (r.get("tags") or {}) and "scalesets" not in i]


async def test_a_sign_in_that_aks_cannot_turn_off_is_reported_and_holds_up_nothing(estate: Estate) -> None:
    spec = runbook_spec()
    spec["cluster"]["entra"] = {"adminGroupObjectIDs": ["99999999-9999-9999-9999-999999999999"]}
    await settled(estate, spec)
    del spec["cluster"]["entra"]
    spec["cluster"]["tier"] = "Standard"
    results = await estate.settle(spec)
    outcome = results["Cluster"].outcome
    assert isinstance(outcome, Deferred) and outcome.needs_user and "spec.cluster.entra was removed" in outcome.message
    assert (await estate.state())["resources"][CLUSTER]["sku"]["tier"] == "Standard"
