"""Commands of azure-cli against the simulator, unchanged: the runbook's, then those of a cluster's later life. In order."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.azure.world import SUBSCRIPTION
from tests.az.conftest import Az

GROUP, NODES, CLUSTER, NETWORK = "prd_rg_jhub", "prd_rg_jhub_infra", "prd-aks-jhub", "prd_vnet_jhub"
NETWORK_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/{NETWORK}"
IN_GROUP, AKS = f"-g {GROUP}", f"-g {GROUP} -n {CLUSTER}"
POOL = f"-g {GROUP} --cluster-name {CLUSTER}"
LEAST_COMMANDS = 45

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub")


@pytest.fixture(scope="module")
def principal(az: Az) -> dict[str, Any]:
    made: dict[str, Any] = {}
    return made


def until(check: Callable[[], bool]) -> None:
    assert any(check() for _ in range(30)), "never came true"


def test_01_subscription_features_and_providers(az: Az) -> None:
    assert [s["id"] for s in az("account list --refresh")] == [SUBSCRIPTION]
    assert az("account show")["state"] == "Enabled"
    az("feature register --name VMSSPreview --namespace Microsoft.ContainerService")
    wanted = "Microsoft.ContainerService/VMSSPreview"
    until(lambda: next(f for f in az("feature list") if f["name"] == wanted)["properties"]["state"] == "Registered")
    assert az("feature show --name VMSSPreview --namespace Microsoft.ContainerService")["name"] == wanted
    az("provider register -n Microsoft.ContainerService")
    az("provider register -n microsoft.insights")
    until(lambda: az("provider show -n microsoft.insights")["registrationState"] == "Registered")
    assert "microsoft.insights" in [p["namespace"] for p in az("provider list")]


def test_02_group_and_network(az: Az) -> None:
    assert az(f"group create --name={GROUP} --location=eastus")["properties"]["provisioningState"] == "Succeeded"
    assert az(f"group exists -n {GROUP}") is True and az(f"group show -n {GROUP}")["location"] == "eastus"
    az(
        f"network vnet create --resource-group {GROUP} --name {NETWORK} --address-prefixes 10.0.0.0/8 "
        "--subnet-name default --subnet-prefix 10.240.0.0/16"
    )
    assert az(f"network vnet show {IN_GROUP} --name {NETWORK}")["id"].lower() == NETWORK_ID.lower()
    subnet = az(f"network vnet subnet show {IN_GROUP} --vnet-name {NETWORK} --name default")
    assert subnet["addressPrefix"] == "10.240.0.0/16"
    assert [n["name"] for n in az(f"network vnet list {IN_GROUP}")] == [NETWORK]
    az(f"network vnet subnet create {IN_GROUP} --vnet-name {NETWORK} -n gpu --address-prefixes 10.241.0.0/24")
    az(f"network vnet subnet update {IN_GROUP} --vnet-name {NETWORK} -n gpu --address-prefixes 10.241.0.0/23")
    assert sorted(s["name"] for s in az(f"network vnet subnet list {IN_GROUP} --vnet-name {NETWORK}")) == ["default", "gpu"]
    az(f"network vnet subnet delete {IN_GROUP} --vnet-name {NETWORK} -n gpu")
    assert az(f"network vnet update {IN_GROUP} --name {NETWORK} --set tags.team=physics")["tags"] == {"team": "physics"}


def test_03_service_principal(az: Az, principal: dict[str, Any]) -> None:
    principal |= az(f"ad sp create-for-rbac --name sp_aks_jhub --role Contributor --scopes {NETWORK_ID}")
    assert [p["appId"] for p in az("ad sp list --display-name sp_aks_jhub")] == [principal["appId"]]
    assert "does not exist" in az.refused("ad sp show --id http://sp_aks_jhub"), "as row 8 of the runbook finds today"
    given = az(f"role assignment list --scope {NETWORK_ID}")
    assert [g["roleDefinitionName"] for g in given] == ["Contributor"]


def test_04_cluster(az: Az, principal: dict[str, Any], key: Path, tmp_path: Path) -> None:
    versions = az("aks get-versions --location eastus")["values"]
    assert "1.35" in [v["version"] for v in versions]
    made = az(
        f"aks create --name {CLUSTER} --resource-group {GROUP} --node-resource-group {NODES} --ssh-key-value {key} "
        "--node-count 3 --node-vm-size Standard_D2s_v3 --enable-cluster-autoscaler --min-count 3 --max-count 6 "
        f"--kubernetes-version 1.34.1 --service-principal {principal['appId']} --client-secret {principal['password']} "
        "--dns-service-ip 10.0.0.10 --network-plugin azure --network-policy azure --service-cidr 10.0.0.0/16 "
        f"--vnet-subnet-id {NETWORK_ID}/subnets/default"
    )
    assert made["provisioningState"] == "Succeeded" and made["nodeResourceGroup"] == NODES
    shown = az(f"aks show {AKS}")
    assert shown["servicePrincipalProfile"] == {"clientId": principal["appId"]}, "the secret is never told"
    assert [c["name"] for c in az(f"aks list {IN_GROUP}")] == [CLUSTER]
    az.run(*f"aks get-credentials {AKS} --overwrite-existing --file {tmp_path / 'kubeconfig'}".split())
    assert (tmp_path / "kubeconfig").exists()
    az.passed.append("aks get-credentials")
    assert "already exists" in az.refused(
        f"aks create {AKS} --node-count 1 --ssh-key-value {key} --service-principal x --client-secret y"
    )


def test_05_autoscale(az: Az) -> None:
    (scale_set,) = az(f"vmss list -g {NODES}")
    assert scale_set["tags"]["aks-managed-poolName"] == "nodepool1" and scale_set["sku"]["capacity"] == 3
    assert az(f"vmss show -g {NODES} -n {scale_set['name']}")["id"] == scale_set["id"]
    az(f"monitor autoscale create -g {NODES} --name jhub --resource {scale_set['id']} --min-count 3 --max-count 6 --count 3")
    for condition, scale in (("Percentage CPU > 70 avg 10m", "out 1"), ("Percentage CPU < 5 avg 10m", "in 1")):
        command = f"monitor autoscale rule create -g {NODES} --autoscale-name jhub --scale {scale}"
        az(command, "--condition", condition)
    assert len(az(f"monitor autoscale rule list -g {NODES} --autoscale-name jhub")) == 2
    assert az(f"monitor autoscale update -g {NODES} -n jhub --max-count 8")["profiles"][0]["capacity"]["maximum"] == "8"
    assert az(f"monitor autoscale show -g {NODES} -n jhub")["enabled"] is True
    az(f"monitor autoscale delete -g {NODES} -n jhub")
    assert az(f"monitor autoscale list -g {NODES}") == []


def test_06_node_pools(az: Az) -> None:
    az(f"aks nodepool add {POOL} -n users --node-count 1 --mode User --node-vm-size Standard_D2s_v3 --labels team=physics")
    assert sorted(p["name"] for p in az(f"aks nodepool list {POOL}")) == ["nodepool1", "users"]
    assert az(f"aks nodepool show {POOL} -n users")["nodeLabels"] == {"team": "physics"}
    assert az(f"aks nodepool scale {POOL} -n users --node-count 2")["count"] == 2
    updated = az(f"aks nodepool update {POOL} -n users --enable-cluster-autoscaler --min-count 0 --max-count 4")
    assert (updated["minCount"], updated["maxCount"]) == (0, 4)
    assert "autoscaler enabled" in az.refused(f"aks scale {AKS} --nodepool-name nodepool1 --node-count 4")
    az(f"aks nodepool update {POOL} -n users --disable-cluster-autoscaler")
    assert az(f"aks scale {AKS} --nodepool-name users --node-count 1")["provisioningState"] == "Succeeded"
    assert "System" in az.refused(f"aks nodepool delete {POOL} -n nodepool1").replace("system", "System")


def test_07_upgrades(az: Az) -> None:
    offered = az(f"aks get-upgrades {AKS}")["controlPlaneProfile"]["upgrades"]
    assert "1.35.0" in [u["kubernetesVersion"] for u in offered]
    assert "not allowed" in az.refused(f"aks upgrade {AKS} --kubernetes-version 1.36.0 --control-plane-only --yes")
    az(f"aks upgrade {AKS} --kubernetes-version 1.35.0 --control-plane-only --yes")
    assert az(f"aks show {AKS}")["currentKubernetesVersion"] == "1.35.0"
    assert az(f"aks nodepool get-upgrades {POOL} --nodepool-name users")["kubernetesVersion"].startswith("1.34")
    assert az(f"aks nodepool upgrade {POOL} -n users --kubernetes-version 1.35.0 --yes")["currentOrchestratorVersion"] == "1.35.0"
    az(f"aks nodepool delete {POOL} -n users")
    az(f"aks upgrade {AKS} --kubernetes-version 1.35.1 --yes")
    assert {p["currentOrchestratorVersion"] for p in az(f"aks nodepool list {POOL}")} == {"1.35.1"}


def test_08_changes_and_power(az: Az, principal: dict[str, Any]) -> None:
    assert az(f"aks update {AKS} --api-server-authorized-ip-ranges 203.0.113.0/24")["apiServerAccessProfile"]
    updated = az(f"aks update {AKS} --update-cluster-autoscaler --min-count 3 --max-count 7")
    assert updated["agentPoolProfiles"][0]["maxCount"] == 7
    assert az(f"aks update {AKS} --tier standard")["sku"]["tier"] == "Standard"
    az(
        f"aks maintenanceconfiguration add -g {GROUP} --cluster-name {CLUSTER} -n aksManagedAutoUpgradeSchedule "
        "--schedule-type Weekly --day-of-week Sunday --interval-weeks 1 --start-time 03:00 --duration 4 --utc-offset +00:00"
    )
    assert len(az(f"aks maintenanceconfiguration list -g {GROUP} --cluster-name {CLUSTER}")) == 1
    secret = az(f"ad app credential reset --id {principal['appId']} --append")["password"]
    az(
        f"aks update-credentials {AKS} --reset-service-principal --service-principal {principal['appId']} --client-secret {secret}"
    )
    az(f"aks stop {AKS}")
    assert az(f"aks show {AKS}")["powerState"]["code"] == "Stopped"
    az(f"aks start {AKS}")
    assert az(f"aks show {AKS}")["powerState"]["code"] == "Running"


def test_09_identities_and_roles(az: Az, key: Path) -> None:
    az("provider register -n Microsoft.ManagedIdentity")
    until(lambda: az("provider show -n Microsoft.ManagedIdentity")["registrationState"] == "Registered")
    made = az(f"identity create {IN_GROUP} -n id-jhub")
    assert az(f"identity show {IN_GROUP} -n id-jhub")["principalId"] == made["principalId"]
    assert [i["name"] for i in az(f"identity list {IN_GROUP}")] == ["id-jhub"]
    role = ("--role", "Network Contributor")
    command = f"--assignee-object-id {made['principalId']} --assignee-principal-type ServicePrincipal --scope {NETWORK_ID}"
    given = az(f"role assignment create {command}", *role)
    assert given["principalId"] == made["principalId"]
    az(f"role assignment delete --ids {given['id']}")
    assert made["principalId"] not in [g["principalId"] for g in az(f"role assignment list --scope {NETWORK_ID}")]
    second = az(
        f"aks create {IN_GROUP} -n second --node-count 1 --ssh-key-value {key} --enable-managed-identity "
        f"--assign-identity {made['id']} --network-plugin azure --network-plugin-mode overlay --tier free"
    )
    assert second["identity"]["type"] == "UserAssigned"
    az(f"aks delete {IN_GROUP} -n second --yes")
    az(f"identity delete {IN_GROUP} -n id-jhub")


def test_10_the_end(az: Az, principal: dict[str, Any]) -> None:
    az(f"tag update --resource-id {NETWORK_ID} --operation Merge --tags a=b")
    assert az(f"tag list --resource-id {NETWORK_ID}")["properties"]["tags"] == {"team": "physics", "a": "b"}
    az(f"aks delete {AKS} --yes")
    az(f"network vnet delete {IN_GROUP} --name {NETWORK}")
    az(f"ad sp delete --id {principal['appId']}")
    az(f"group delete -n {GROUP} --yes")
    assert az(f"group exists -n {GROUP}") is False and az(f"group exists -n {NODES}") is False


def test_11_so_many_different_commands_passed(az: Az) -> None:
    different = sorted(set(az.passed))
    print(f"\n{len(different)} different az commands passed, {len(az.passed)} calls: {', '.join(different)}")
    assert len(different) >= LEAST_COMMANDS
