"""The forms of the simulated Azure's answers: which members and headers are there and which are not, as real Azure answers."""

from typing import Any

import pytest

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.simulator.client import AKS, GROUP, POOL, TODAY, Client

NETWORKS = f"{GROUP}/providers/Microsoft.Network/virtualNetworks"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ident"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones"


async def test_the_answer_has_no_member_that_was_not_sent(azure: Client) -> None:
    body = (await azure.cluster()).body
    properties, (pool,) = body["properties"], body["properties"]["agentPoolProfiles"]
    absent = {"enableAutoScaling", "minCount", "tags", "nodeTaints", "nodeLabels", "scaleSetPriority", "availabilityZones"}
    assert absent & pool.keys() == set()
    assert {
        "apiServerAccessProfile",
        "autoScalerProfile",
        "addonProfiles",
        "disableLocalAccounts",
        "aadProfile",
    } & properties.keys() == set()
    assert "upgradeChannel" not in properties["autoUpgradeProfile"] and "tags" not in body
    assert pool["upgradeSettings"] == {"maxSurge": "10%"} and properties["supportPlan"] == "KubernetesOfficial"
    assert {"podCidrs", "serviceCidrs", "loadBalancerProfile", "ipFamilies"} <= properties["networkProfile"].keys()
    assert "tags" not in (await azure.call("GET", GROUP)).body


async def test_the_answer_has_each_sent_member_and_the_whole_autoscaler_profile(azure: Client) -> None:
    scaled = {**POOL, "enableAutoScaling": True, "minCount": 1, "maxCount": 3, "nodeTaints": [], "tags": {"team": "Alpha"}}
    body = (await azure.cluster(pools=[scaled], tags={}, apiServerAccessProfile={"enablePrivateCluster": False})).body
    (pool,) = body["properties"]["agentPoolProfiles"]
    assert (pool["enableAutoScaling"], pool["nodeTaints"], pool["tags"]) == (True, [], {"team": "Alpha"}) and body["tags"] == {}
    assert body["properties"]["autoScalerProfile"]["scan-interval"] == "10s"


async def test_only_ids_of_aks_and_identities_spell_resourcegroups_in_lower_case(azure: Client) -> None:
    assert "/resourcegroups/g/" in (await azure.cluster()).body["id"]
    identity = await azure.call("PUT", IDENTITY, {"location": "eastus"})
    assert "/resourcegroups/g/" in identity.body["id"] and identity.headers["Location"] == identity.body["id"]
    assert "Location" not in (await azure.call("PUT", IDENTITY, {"location": "eastus"})).headers
    network = await azure.call("PUT", f"{NETWORKS}/n", network_body())
    assert "/resourceGroups/g/" in network.body["id"]


@pytest.mark.parametrize(
    ("api", "there"),
    [
        ("2021-05-01", False),
        ("2023-11-02-preview", False),
        ("2024-04-02-preview", True),
        ("2025-07-01", False),
        ("2025-08-01", True),
        (TODAY, True),
    ],
)
async def test_etags_are_in_bodies_of_previews_and_of_ga_versions_after_july_2025(slow: Client, api: str, there: bool) -> None:
    await slow.cluster()
    for path in (f"{AKS}/c", AKS, f"{AKS}/c/agentPools", f"{AKS}/c/agentPools/system"):
        assert ('"eTag"' in str((await slow.call("GET", path, api=api)).body).replace("'", '"')) is there, path


async def test_refusals_hold_no_details_where_there_are_none(slow: Client) -> None:
    missing = await slow.call("GET", f"{AKS}/none")
    assert missing.body["error"].keys() == {"code", "message"} and missing.code == "ResourceNotFound"
    assert (await slow.call("GET", f"{AKS}/none/agentPools/x")).code == "ParentResourceNotFound"
    await slow.cluster()
    pool = await slow.call("GET", f"{AKS}/c/agentPools/none")
    assert pool.status == 404 and {**pool.body, "message": ""} == {
        "code": "NotFound",
        "details": None,
        "message": "",
        "subcode": "",
    }
    assert (await slow.call("DELETE", f"{AKS}/c/agentPools/none")).status == 204
    busy = await slow.cluster()
    assert (busy.status, busy.code) == (409, "OperationNotAllowed") and busy.body["details"] is None and "subcode" in busy.body


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"kubernetesVersion": "1.31"}, "K8sVersionNotSupported"),
        ({"kubernetesVersion": "1.31", "supportPlan": "AKSLongTermSupport"}, "InvalidParameter"),
        ({"kubernetesVersion": "1.31", "supportPlan": "AKSLongTermSupport", "sku": {"name": "Base", "tier": "Premium"}}, None),
        ({"pools": [{**POOL, "vmSize": "Standard_NC4as_T4_v3", "availabilityZones": ["2"]}]}, "AvailabilityZoneNotSupported"),
        ({"pools": [{**POOL, "vmSize": "Standard_NC24ads_A100_v4", "availabilityZones": ["1"]}]}, "AvailabilityZoneNotSupported"),
        ({"pools": [{**POOL, "vmSize": "Standard_NC24ads_A100_v4", "availabilityZones": ["2"]}]}, None),
        ({"autoScalerProfile": {"scan-interval": "1m"}}, "InvalidParameter"),
        ({"autoScalerProfile": {"scale-down-unneeded-time": "90s"}}, "InvalidParameter"),
        ({"autoScalerProfile": {"scale-down-delay-after-failure": "0m"}}, "InvalidParameter"),
        ({"autoScalerProfile": {"scale-down-utilization-threshold": "1.5"}}, "InvalidParameter"),
        ({"autoScalerProfile": {"expander": "price"}}, "InvalidParameter"),
        ({"autoScalerProfile": {"scan-interval": "60s", "scale-down-unneeded-time": "5m", "expander": "least-waste"}}, None),
        ({"apiServerAccessProfile": {"enablePrivateCluster": True, "privateDNSZone": "system"}}, None),
        ({"apiServerAccessProfile": {"privateDNSZone": f"{ZONE}/my.example"}}, "InvalidParameter"),
        ({"apiServerAccessProfile": {"privateDNSZone": f"{ZONE}/privatelink.eastus.azmk8s.io"}}, "CustomPrivateDNSZoneMissingPermissionError"),
    ],
)  # fmt: skip
async def test_aks_refuses_invalid_properties_of_a_new_cluster(
    slow: Client, properties: dict[str, Any], code: str | None
) -> None:
    reply = await slow.cluster(**properties)
    assert (reply.code if reply.status >= 400 else None) == code, reply.body


async def test_a_zone_of_the_owners_own_needs_an_identity_with_a_role_there(slow: Client) -> None:
    identity = (await slow.call("PUT", IDENTITY, {"location": "eastus"})).body
    zone = f"{ZONE}/privatelink.eastus.azmk8s.io"
    given = {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}}
    profile = {"enablePrivateCluster": True, "privateDNSZone": zone}
    refused = await slow.cluster(identity=given, apiServerAccessProfile=profile)
    assert refused.code == "CustomPrivateDNSZoneMissingPermissionError"
    role = "/providers/Microsoft.Authorization/roleDefinitions/b12aa53e-6015-4669-85d0-8515ebb3ae7f"
    assigned = {
        "roleDefinitionId": role,
        "principalId": identity["properties"]["principalId"],
        "principalType": "ServicePrincipal",
    }
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/33333333-3333-3333-3333-333333333333"
    assert (await slow.call("PUT", path, {"properties": assigned})).status == 201
    assert (await slow.cluster(identity=given, apiServerAccessProfile=profile)).status == 201


async def test_a_setting_of_monitor_holds_what_monitor_fills_in(azure: Client) -> None:
    await azure.finish(await azure.cluster(nodeResourceGroup="nodes"))
    root = GROUP.replace("/g", "/nodes") + "/providers"
    (scale_set,) = (await azure.call("GET", f"{root}/Microsoft.Compute/virtualMachineScaleSets")).body["value"]
    trigger = {
        "metricName": "Percentage CPU", "metricResourceUri": scale_set["id"], "timeGrain": "PT1M", "statistic": "Average",
        "timeWindow": "PT10M", "timeAggregation": "Average", "operator": "GreaterThan", "threshold": 70,
    }  # fmt: skip
    action = {"direction": "Increase", "type": "ChangeCount", "value": "1", "cooldown": "PT5M"}
    profile = {"name": "p", "capacity": {"minimum": "1", "maximum": "3", "default": "1"}}
    profile["rules"] = [{"metricTrigger": trigger, "scaleAction": action}]
    setting = {"location": "eastus", "properties": {"targetResourceUri": scale_set["id"], "profiles": [profile]}}
    properties = (await azure.call("PUT", f"{root}/Microsoft.Insights/autoscaleSettings/s", setting)).body["properties"]
    assert properties.keys() == {"enabled", "name", "notifications", "predictiveAutoscalePolicy", "profiles", "targetResourceUri"}
    shown = properties["profiles"][0]["rules"][0]["metricTrigger"]
    assert (shown["metricNamespace"], shown["dimensions"], shown["dividePerInstance"]) == ("", None, False)


async def test_names_of_tags_have_no_case_and_values_have(slow: Client) -> None:
    tags = f"{GROUP}/providers/Microsoft.Resources/tags/default"
    await slow.call("PATCH", tags, {"operation": "Merge", "properties": {"tags": {"team": "Alpha"}}})
    merged = await slow.call("PATCH", tags, {"operation": "Merge", "properties": {"tags": {"TEAM": "alpha"}}})
    assert merged.body["properties"]["tags"] == {"team": "alpha"}
    kept = await slow.call("PATCH", tags, {"operation": "Delete", "properties": {"tags": {"Team": "Alpha"}}})
    assert kept.body["properties"]["tags"] == {"team": "alpha"}
    gone = await slow.call("PATCH", tags, {"operation": "Delete", "properties": {"tags": {"Team": "alpha"}}})
    assert gone.body["properties"]["tags"] == {}
    double = await slow.call("PUT", GROUP, {"location": "eastus", "tags": {"team": "a", "Team": "b"}})
    assert (double.status, double.code) == (400, "InvalidRequestContent")


async def test_a_link_to_the_next_page_can_lead_to_nothing_and_keeps_the_filter(slow: Client) -> None:
    for name in ("a", "b", "c"):
        await slow.call("PUT", f"{NETWORKS}/{name}", network_body())
    await slow.call("PUT", IDENTITY, {"location": "eastus"})
    slow.simulator.world.page_size = 2
    url = f"{slow.simulator.url}{GROUP}/resources?$filter=resourceType eq 'Microsoft.Network/virtualNetworks'&api-version={TODAY}"
    names, pages = [], 0
    while url:
        page = (await slow.call("GET", url)).body
        names, pages, url = [*names, *(item["name"] for item in page["value"])], pages + 1, page.get("nextLink")
    assert (names, pages) == (["a", "b", "c"], 2)
    first = (await slow.call("GET", f"/subscriptions/{SUBSCRIPTION}/resourcegroups?$top=1")).body
    assert len(first["value"]) == 1 and first["nextLink"]
    slow.simulator.world.page_size = 100
    first = (await slow.call("GET", f"/subscriptions/{SUBSCRIPTION}/resources")).body
    assert len(first["value"]) == 4
    assert (await slow.call("GET", first["nextLink"])).body == {"value": []}


def network_body() -> dict[str, Any]:
    return {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}}
