"""Networks beyond the runbook's: subnets of pools, existing ones, plugins, private clusters."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Deferred, Failed

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER, NETWORK, USER_POOL, with_pool
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster


async def test_each_pool_has_the_subnet_it_names(estate: Estate) -> None:
    spec = with_pool(subnet="gpu")
    spec["network"]["subnets"] = [{"name": "gpu", "addressPrefix": "10.241.0.0/24"}]
    resources = await settled(estate, spec)
    assert resources[f"{CLUSTER}/agentpools/users"]["properties"]["vnetSubnetID"].lower() == f"{NETWORK}/subnets/gpu"
    assert resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["vnetSubnetID"].lower() == f"{NETWORK}/subnets/default"


async def test_a_subnet_added_later_is_one_write_of_that_subnet(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    spec, mark = runbook_spec(), await estate.mark()
    spec["network"]["subnets"] = [{"name": "gpu", "addressPrefix": "10.241.0.0/24"}]
    await settled(estate, spec)
    assert await estate.writes(mark) == ["PUT subnets/gpu"]


async def test_an_existing_subnet_is_used_and_nothing_of_it_is_changed(estate: Estate) -> None:
    await estate.control(
        "PUT", f"/resources{group_id('net')}", {"location": "eastus", "properties": {"provisioningState": "Succeeded"}}
    )
    network = f"{group_id('net')}/providers/Microsoft.Network/virtualNetworks/campus"
    subnet = {"id": f"{network}/subnets/hubs", "name": "hubs", "properties": {"addressPrefix": "10.1.0.0/16"}}
    body = {"location": "eastus", "properties": {"provisioningState": "Succeeded", "subnets": [subnet]}}
    await estate.control("PUT", f"/resources{network}", body)
    spec = runbook_spec(network={"subnetId": f"{network}/subnets/hubs"})
    spec["cluster"]["network"]["serviceCidr"] = "172.16.0.0/16"
    spec["cluster"]["network"]["dnsServiceIP"] = "172.16.0.10"
    resources = await settled(estate, spec)
    assert resources[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["vnetSubnetID"] == f"{network}/subnets/hubs"
    scopes = [r["properties"]["scope"] for i, r in resources.items() if "/roleassignments/" in i]
    assert [scope.lower() for scope in scopes] == [f"{network}/subnets/hubs".lower()], "the subnet alone, not the whole campus"
    writes = await estate.writes()
    assert not [w for w in writes if w.startswith("PUT") and ("campus" in w or "subnets" in w)]
    await estate.delete(spec)
    assert network.lower() in (await estate.state())["resources"]


async def test_a_subnet_that_does_not_exist_is_named(estate: Estate) -> None:
    id_ = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/no/subnets/no"
    outcome = (await estate.once_past_group(runbook_spec(network={"subnetId": id_})))["Network"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "SubnetNotFound" and "spec.network.subnetId" in outcome.message


@pytest.mark.parametrize("network", [
    {"plugin": "azure", "pluginMode": "overlay", "podCidr": "192.168.0.0/16", "policy": "cilium"},
    {"plugin": "kubenet", "policy": "calico", "podCidr": "192.168.0.0/16"},
    {"plugin": "azure", "policy": "none", "outboundType": "managedNATGateway"},
])  # fmt: skip
async def test_networks_of_all_plugins_are_made_and_left_alone(estate: Estate, network: dict[str, Any]) -> None:
    resources = await settled(estate, with_cluster(network=network))
    profile = resources[CLUSTER]["properties"]["networkProfile"]
    assert profile["networkPlugin"] == network["plugin"] and profile.get("networkPluginMode") == network.get("pluginMode")


async def test_a_private_cluster_is_private(estate: Estate) -> None:
    resources = await settled(estate, with_cluster(apiServer={"private": True, "privateDNSZone": "system"}))
    assert resources[CLUSTER]["properties"]["apiServerAccessProfile"]["enablePrivateCluster"] is True


@pytest.mark.parametrize("replacement", ["Refuse", "Rotate"])
async def test_the_cluster_keeps_its_role_on_a_subnet_until_no_pool_is_in_it(estate: Estate, replacement: str) -> None:
    async def subnets() -> set[str]:
        scopes = [
            str(r["properties"]["scope"]) for i, r in (await estate.state())["resources"].items() if "/roleassignments/" in i
        ]
        return {scope.rsplit("/", 1)[1] for scope in scopes}

    def spec_of(subnet: str) -> dict[str, Any]:
        spec = with_pool(subnet=subnet, replacement=replacement)
        spec["network"]["subnets"] = [{"name": subnet, "addressPrefix": {"one": "10.1.0.0/16", "two": "10.2.0.0/16"}[subnet]}]
        spec["identity"]["roleScope"] = "Subnet"
        return spec

    await settled(estate, spec_of("one"))
    estate.window_gate = "spec.cluster.maintenanceWindow opens on Saturday 02:00 UTC"
    outcome = (await estate.settle(spec_of("two")))["NodePools"].outcome
    assert isinstance(outcome, Deferred) and await subnets() == {"default", "one", "two"}
    if replacement == "Refuse":
        assert "Set spec.nodePools[users].subnet to 'one'" in outcome.message
        return
    estate.window_gate = ""
    await settled(estate, spec_of("two"))
    assert await subnets() == {"default", "two"}


async def test_a_private_cluster_keeps_its_role_on_a_zone_that_the_spec_no_longer_names(estate: Estate) -> None:
    zone = f"{group_id('dns')}/providers/Microsoft.Network/privateDnsZones/privatelink.eastus.azmk8s.io"
    for id_, location in ((group_id("dns"), "eastus"), (zone, "global")):
        await estate.control("PUT", f"/resources{id_}", {"location": location, "properties": {"provisioningState": "Succeeded"}})
    before = await settled(estate, with_cluster(apiServer={"private": True, "privateDNSZone": zone}))
    for chosen in ({}, {"privateDNSZone": "system"}):
        await estate.settle(with_cluster(apiServer={"private": True, **chosen}))
        assert {i for i in before if "/roleassignments/" in i} <= (await estate.state())["resources"].keys()


async def test_an_authorized_address_that_azure_returns_as_a_network_is_no_change(estate: Estate) -> None:
    spec = with_cluster(apiServer={"authorizedIPRanges": ["198.51.100.7", "203.0.113.0/24"]})
    await settled(estate, spec)
    ranges = {"apiServerAccessProfile": {"authorizedIPRanges": ["203.0.113.0/24", "198.51.100.7/32"]}}
    await estate.control("PATCH", f"/resources{CLUSTER}", {"properties": ranges})
    assert not (await estate.once(spec))["Cluster"].changes


async def test_a_subnet_that_is_written_in_another_case_is_the_pools_own(estate: Estate) -> None:
    def spec_of(subnet: str) -> dict[str, Any]:
        spec = with_pool(subnet=subnet, replacement="Rotate")
        spec["network"]["subnets"] = [{"name": subnet, "addressPrefix": "10.241.0.0/24"}]
        return spec

    await settled(estate, spec_of("Users"))
    mark = await estate.mark()
    resources = await settled(estate, spec_of("users"))
    assert await estate.writes(mark) == []
    assert resources[f"{CLUSTER}/agentpools/users"]["properties"]["vnetSubnetID"].lower() == f"{NETWORK}/subnets/users"


async def test_a_pool_whose_subnet_was_deleted_is_not_created_in_the_default_one(estate: Estate) -> None:
    spec = runbook_spec()
    spec["network"]["subnets"] = [{"name": "gpu", "addressPrefix": "10.241.0.0/24"}]
    network = (await settled(estate, spec))[NETWORK]
    left = [s for s in network["properties"]["subnets"] if s["name"] != "gpu"]
    await estate.control("PATCH", f"/resources{NETWORK}", {"properties": {"subnets": left}})
    spec["nodePools"].append({**USER_POOL, "subnet": "gpu"})
    estate.warn = True
    await estate.settle(spec)
    pool = (await estate.state())["resources"][f"{CLUSTER}/agentpools/users"]
    assert pool["properties"]["vnetSubnetID"].lower() == f"{NETWORK}/subnets/gpu", "Azure refuses it until the subnet exists"
