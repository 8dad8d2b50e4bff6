"""The runbook's commands with today's flags, in its order, and what happens when they are typed twice.

`az extension add --name aks-preview` is not typed: it reads an index of extensions on the internet, which a simulator cannot stand
for, and none of the commands here needs an extension any more.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.azure.world import SUBSCRIPTION, TENANT
from tests.az.conftest import Az
from tests.az.names import AKS, CLUSTER, CLUSTER_ID, GROUP, IN_GROUP, NETWORK, NETWORK_ID, NODES, STORY

pytestmark = [STORY, pytest.mark.timeout(900)]


def test_01_the_subscription_is_listed_and_chosen(az: Az) -> None:
    assert SUBSCRIPTION in az.says("account list --refresh --output table")
    assert [(s["id"], s["tenantId"], s["isDefault"]) for s in az("account list")] == [(SUBSCRIPTION, TENANT, True)]
    assert az("account show")["state"] == "Enabled"
    assert "eastus" in [place["name"] for place in az("account list-locations")]
    assert az("account get-access-token")["tenant"] == TENANT


def test_02_a_preview_feature_is_registered_and_its_provider_again(az: Az) -> None:
    az("feature register --name VMSSPreview --namespace Microsoft.ContainerService")
    query = "[?contains(name, 'Microsoft.ContainerService/VMSSPreview')].{Name:name,State:properties.state}"
    registered = [{"Name": "Microsoft.ContainerService/VMSSPreview", "State": "Registered"}]
    assert any(az("feature list", "--query", query) == registered for _ in range(30))
    assert az("feature show --name VMSSPreview --namespace Microsoft.ContainerService")["properties"]["state"] == "Registered"
    az("provider register -n Microsoft.ContainerService")
    assert az("feature unregister --name VMSSPreview --namespace Microsoft.ContainerService")["properties"]["state"] in (
        "Unregistering",
        "Unregistered",
    )


def test_03_the_group_is_made_and_made_again(az: Az) -> None:
    assert az(f"group exists -n {GROUP}") is False
    assert GROUP in az.says(f"group create --name={GROUP} --location=eastus --output table")
    assert az(f"group create --name={GROUP} --location=eastus")["properties"]["provisioningState"] == "Succeeded"
    assert az(f"group exists -n {GROUP}") is True and az(f"group show -n {GROUP}")["location"] == "eastus"
    assert [g["name"] for g in az("group list")] == [GROUP]
    assert "InvalidResourceGroupLocation" in az.refused(f"group create --name={GROUP} --location=westeurope")


def test_04_the_network_and_its_subnet(az: Az) -> None:
    """Microsoft.Network is not registered yet: az registers it when Resource Manager reports that."""
    az(
        f"network vnet create --resource-group {GROUP} --name {NETWORK} --address-prefixes 10.0.0.0/8 "
        "--subnet-name default --subnet-prefix 10.240.0.0/16"
    )
    assert az("provider show -n Microsoft.Network")["registrationState"] == "Registered"
    network = az.says(f"network vnet show --resource-group {GROUP} --name {NETWORK} --query id --output tsv").strip()
    assert network == NETWORK_ID
    show = f"network vnet subnet show --resource-group {GROUP} --vnet-name {NETWORK} --name default"
    assert az.says(f"{show} --query id --output tsv").strip() == f"{NETWORK_ID}/subnets/default"
    assert az(show)["addressPrefix"] == "10.240.0.0/16"


def test_05_the_principal(az: Az, principal: dict[str, Any]) -> None:
    principal |= az(f"ad sp create-for-rbac --name sp_aks_jhub --role Contributor --scopes {NETWORK_ID}")
    assert principal["tenant"] == TENANT
    assert [p["appId"] for p in az("ad sp list --display-name sp_aks_jhub")] == [principal["appId"]]
    assert az(f"ad sp show --id {principal['appId']}")["displayName"] == "sp_aks_jhub"
    assert "doesn't exist" in az.refused("ad sp show --id http://sp_aks_jhub"), "as row 8 of the runbook finds today"
    assignments = az(f"role assignment list --scope {NETWORK_ID}")
    assert [(g["roleDefinitionName"], g["principalName"]) for g in assignments] == [("Contributor", principal["appId"])]
    (role,) = az("role definition list --name Contributor")
    assert role["id"] == assignments[0]["roleDefinitionId"]


def test_06_the_principal_typed_twice_has_another_secret_and_the_old_one_is_dead(az: Az, principal: dict[str, Any]) -> None:
    first = dict(principal)
    principal |= az(f"ad sp create-for-rbac --name sp_aks_jhub --role Contributor --scopes {NETWORK_ID}")
    assert principal["appId"] == first["appId"] and principal["password"] != first["password"]
    assert len(az(f"role assignment list --scope {NETWORK_ID}")) == 1, "the assignment that exists is taken as done"
    assert len(az(f"ad app credential list --id {principal['appId']}")) == 1
    refused = az.refused(f"login --service-principal -u {first['appId']} -p {first['password']} --tenant {TENANT}")
    assert "AADSTS7000215" in refused


def test_07_the_versions(az: Az) -> None:
    assert "1.35.1" in az.says("aks get-versions --location eastus --output table")
    versions = az("aks get-versions --location eastus")["values"]
    assert [v["version"] for v in versions if v["isDefault"]] == ["1.35"]


def create(key: Path, principal: dict[str, Any]) -> str:
    """Run the runbook's `az aks create`, without the two flags that the current az no longer has."""
    return (
        f"aks create --name {CLUSTER} --resource-group {GROUP} --node-resource-group {NODES} --ssh-key-value {key} "
        "--node-count 3 --node-vm-size Standard_D2s_v3 --enable-cluster-autoscaler --min-count 3 --max-count 6 "
        f"--kubernetes-version 1.34.1 --service-principal {principal['appId']} --client-secret {principal['password']} "
        "--dns-service-ip 10.0.0.10 --network-plugin azure --network-policy azure --service-cidr 10.0.0.0/16 "
        f"--vnet-subnet-id {NETWORK_ID}/subnets/default"
    )


def test_08_the_cluster(az: Az, principal: dict[str, Any], key: Path) -> None:
    made = az(create(key, principal))
    assert (made["provisioningState"], made["nodeResourceGroup"]) == ("Succeeded", NODES)
    text = az.says(f"aks show {AKS} -o json")
    assert principal["appId"] in text and principal["password"] not in text, "the secret is never shown"
    assert [c["name"] for c in az(f"aks list {IN_GROUP}")] == [CLUSTER]
    assert "1.34.1" in az.says(f"aks list {IN_GROUP} -o table") and "Succeeded" in az.says(f"aks show {AKS} -o table")
    (pool,) = made["agentPoolProfiles"]
    assert (pool["count"], pool["minCount"], pool["maxCount"], pool["vmSize"]) == (3, 3, 6, "Standard_D2s_v3")
    roles = {
        g["roleDefinitionName"] for g in az(f"role assignment list --scope {NETWORK_ID}/subnets/default --include-inherited")
    }
    assert roles == {"Contributor", "Network Contributor"}, "az grants the principal the subnet without a command"


def test_09_the_cluster_typed_twice_is_refused(az: Az, principal: dict[str, Any], key: Path) -> None:
    mark = az.control("GET", "/journal")["next"]
    assert "already exists" in az.refused(create(key, principal))
    assert az.control("GET", f"/journal?writes=1&since={mark}")["value"] == []


@pytest.mark.parametrize("admin", ["", " --admin"])
def test_10_credentials(az: Az, tmp_path: Path, admin: str) -> None:
    file = tmp_path / "kubeconfig"
    az.says(f"aks get-credentials --name {CLUSTER} --resource-group {GROUP} --overwrite-existing --file {file}{admin}")
    (user,) = yaml.safe_load(file.read_text())["users"]
    assert user["name"] == ("clusterAdmin" if admin else "clusterUser")


def test_11_insights(az: Az) -> None:
    assert az("provider show -n microsoft.insights")["registrationState"] == "NotRegistered"
    az("provider register --namespace microsoft.insights --wait")
    assert "Registered" in az.says("provider show -n microsoft.insights --output table").split()
    states = {p["namespace"]: p["registrationState"] for p in az("provider list")}
    assert states["microsoft.insights"] == "Registered" and states["Microsoft.ManagedIdentity"] == "NotRegistered"


def test_12_custom_autoscale(az: Az) -> None:
    (scale_set,) = az(f"vmss list -g {NODES}")
    assert scale_set["tags"]["aks-managed-poolName"] == "nodepool1" and scale_set["sku"]["capacity"] == 3
    assert az(f"vmss show -g {NODES} -n {scale_set['name']}")["id"] == scale_set["id"]
    az(f"monitor autoscale create -g {NODES} --name jhub --resource {scale_set['id']} --min-count 3 --max-count 6 --count 3")
    for condition, scale in (("Percentage CPU > 70 avg 10m", "out 1"), ("Percentage CPU < 5 avg 10m", "in 1")):
        az(f"monitor autoscale rule create -g {NODES} --autoscale-name jhub --scale {scale}", "--condition", condition)
    assert len(az(f"monitor autoscale rule list -g {NODES} --autoscale-name jhub")) == 2
    assert az(f"monitor autoscale show -g {NODES} -n jhub")["enabled"] is True
    assert [s["name"] for s in az(f"monitor autoscale list -g {NODES}")] == ["jhub"]


def test_13_the_rules_typed_by_hand_move_nodes(az: Az) -> None:
    (scale_set,) = az(f"vmss list -g {NODES}")
    with az.real_time():
        for cpu, count in ((90, 4), (1, 3), (30, 3)):
            az.control("POST", "/metrics", {"resource": scale_set["id"], "value": cpu, "since_minutes": 10})
            az.control("POST", "/clock", {"seconds": 600})
            az.until(f"vmss show -g {NODES} -n {scale_set['name']}", lambda found, n=count: found["sku"]["capacity"] == n)


def test_14_the_group_holds_what_was_made(az: Az) -> None:
    kinds = {r["type"].lower() for r in az(f"resource list -g {GROUP}")}
    assert kinds == {"microsoft.network/virtualnetworks", "microsoft.containerservice/managedclusters"}
    (scale_set,) = az("resource list --resource-type Microsoft.Compute/virtualMachineScaleSets")
    assert scale_set["resourceGroup"].lower() == NODES
    assert az(f"resource show --ids {CLUSTER_ID} --api-version 2026-06-01")["name"] == CLUSTER
