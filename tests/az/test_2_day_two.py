"""Day-two commands on the cluster that the runbook created; the last ones delete everything."""

from pathlib import Path
from typing import Any

import pytest

from tests.az.conftest import Az
from tests.az.names import AKS, CLUSTER, GROUP, IN_GROUP, NETWORK, NETWORK_ID, NODES, POOL, STORY

pytestmark = [STORY, pytest.mark.timeout(600)]


def test_01_networks_and_subnets(az: Az) -> None:
    subnet = f"{IN_GROUP} --vnet-name {NETWORK}"
    assert [n["name"] for n in az(f"network vnet list {IN_GROUP}")] == [NETWORK]
    az(f"network vnet subnet create {subnet} -n gpu --address-prefixes 10.241.0.0/24")
    assert az(f"network vnet subnet update {subnet} -n gpu --address-prefixes 10.241.0.0/23")["addressPrefix"] == "10.241.0.0/23"
    assert sorted(s["name"] for s in az(f"network vnet subnet list {subnet}")) == ["default", "gpu"]
    assert "NetcfgInvalidSubnet" in az.refused(f"network vnet subnet create {subnet} -n other --address-prefixes 10.241.1.0/24")
    assert "InUseSubnetCannotBeDeleted" in az.refused(f"network vnet subnet delete {subnet} -n default")
    az(f"network vnet subnet delete {subnet} -n gpu")
    assert az(f"network vnet update {IN_GROUP} --name {NETWORK} --set tags.team=physics")["tags"] == {"team": "physics"}


def test_02_autoscale_changes_profiles_and_goes(az: Az) -> None:
    setting = f"-g {NODES} --autoscale-name jhub"
    assert az(f"monitor autoscale update -g {NODES} -n jhub --max-count 8")["profiles"][0]["capacity"]["maximum"] == "8"
    assert "must rise" in az.refused(f"monitor autoscale update -g {NODES} -n jhub --max-count 2")
    az(
        f"monitor autoscale profile create {setting} -n lecture --count 5 --min-count 5 --max-count 8 "
        "--recurrence week mon wed --start 08:30 --end 10:00 --copy-rules default",
        "--timezone",
        "W. Europe Standard Time",
    )
    profiles = az(f"monitor autoscale profile list {setting}")
    assert sum(bool(p.get("recurrence")) for p in profiles) == 2, "a recurring profile and the one that ends it"
    assert az(f"monitor autoscale profile show {setting} -n lecture")["capacity"]["minimum"] == "5"
    az(f"monitor autoscale profile delete {setting} -n lecture")
    az(f"monitor autoscale rule delete {setting} --index 1")
    assert len(az(f"monitor autoscale rule list {setting}")) == 1
    az(f"monitor autoscale delete -g {NODES} -n jhub")
    assert az(f"monitor autoscale list -g {NODES}") == []


def test_03_a_pool_is_added_changed_scaled_and_put_to_sleep(az: Az) -> None:
    az(f"aks nodepool add {POOL} -n users --node-count 1 --mode User --node-vm-size Standard_D2s_v3 --labels team=physics")
    assert sorted(p["name"] for p in az(f"aks nodepool list {POOL}")) == ["nodepool1", "users"]
    assert "Standard_D2s_v3" in az.says(f"aks nodepool list {POOL} -o table")
    assert az(f"aks nodepool show {POOL} -n users")["nodeLabels"] == {"team": "physics"}
    assert "already exists" in az.refused(f"aks nodepool add {POOL} -n users --node-count 1")
    assert az(f"aks nodepool scale {POOL} -n users --node-count 2")["count"] == 2
    updated = az(f"aks nodepool update {POOL} -n users --enable-cluster-autoscaler --min-count 0 --max-count 4")
    assert (updated["minCount"], updated["maxCount"]) == (0, 4)
    assert "autoscaler enabled" in az.refused(f"aks scale {AKS} --nodepool-name nodepool1 --node-count 4")
    az(f"aks nodepool update {POOL} -n users --disable-cluster-autoscaler")
    tainted = az(f"aks nodepool update {POOL} -n users --node-taints hub=yes:NoSchedule --labels team=biology")
    assert (tainted["nodeTaints"], tainted["nodeLabels"]) == (["hub=yes:NoSchedule"], {"team": "biology"})
    assert az(f"aks scale {AKS} --nodepool-name users --node-count 1")["provisioningState"] == "Succeeded"
    az(f"aks nodepool stop {POOL} -n users")
    assert az(f"aks nodepool show {POOL} -n users")["powerState"]["code"] == "Stopped"
    az(f"aks nodepool start {POOL} -n users")
    assert az(f"aks nodepool show {POOL} -n users")["powerState"]["code"] == "Running"
    assert "at least one system agent pool" in az.refused(f"aks nodepool delete {POOL} -n nodepool1")


def test_04_upgrades_go_minor_by_minor_the_control_plane_first(az: Az) -> None:
    offered = az(f"aks get-upgrades {AKS}")["controlPlaneProfile"]["upgrades"]
    assert "1.35.0" in [u["kubernetesVersion"] for u in offered]
    assert "1.35.0" in az.says(f"aks get-upgrades {AKS} -o table")
    assert "not allowed" in az.refused(f"aks upgrade {AKS} --kubernetes-version 1.36.0 --control-plane-only --yes")
    refused = az.refused(f"aks nodepool upgrade {POOL} -n users --kubernetes-version 1.35.0 --yes")
    assert "NodePoolMcVersionIncompatible" in refused
    az(f"aks upgrade {AKS} --kubernetes-version 1.35.0 --control-plane-only --yes")
    assert az(f"aks show {AKS}")["currentKubernetesVersion"] == "1.35.0"
    upgrades = az(f"aks nodepool get-upgrades {POOL} --nodepool-name users")
    assert (upgrades["kubernetesVersion"], upgrades["upgrades"][-1]["kubernetesVersion"]) == ("1.34.1", "1.35.0")
    assert az(f"aks nodepool upgrade {POOL} -n users --kubernetes-version 1.35.0 --yes")["currentOrchestratorVersion"] == "1.35.0"
    az(f"aks nodepool delete {POOL} -n users")
    az(f"aks upgrade {AKS} --kubernetes-version 1.35.1 --yes")
    assert {p["currentOrchestratorVersion"] for p in az(f"aks nodepool list {POOL}")} == {"1.35.1"}
    assert "not allowed" in az.refused(f"aks upgrade {AKS} --kubernetes-version 1.34.2 --control-plane-only --yes")


def test_05_an_operation_in_progress_excludes_further_ones_and_can_be_aborted(az: Az) -> None:
    with az.real_time():
        az(f"aks update {AKS} --tier standard --no-wait")
        assert az(f"aks show {AKS}")["provisioningState"] == "Updating"
        busy = az.refused(f"aks nodepool add {POOL} -n more --node-count 1 --mode User")
        assert "OperationNotAllowed" in busy and "in progress" in busy
        az(f"aks operation-abort {AKS}")
        assert az(f"aks show {AKS}")["provisioningState"] == "Canceled"
        assert "OperationNotAllowed" in az.refused(f"aks operation-abort {AKS}"), "nothing is left to abort"
    assert az(f"aks update {AKS} --tier standard")["sku"]["tier"] == "Standard", "a PUT repairs it"
    az(f"aks nodepool add {POOL} -n more --node-count 1 --mode User --node-vm-size Standard_D2s_v3")
    with az.real_time():
        az(f"aks nodepool scale {POOL} -n more --node-count 3 --no-wait")
        az(f"aks nodepool operation-abort {POOL} -n more")
        assert az(f"aks nodepool show {POOL} -n more")["provisioningState"] == "Canceled"
    az(f"aks nodepool delete {POOL} -n more")


def test_06_the_cluster_changes_and_has_its_windows(az: Az) -> None:
    access = az(f"aks update {AKS} --api-server-authorized-ip-ranges 20.42.0.0/24")["apiServerAccessProfile"]
    assert access["authorizedIpRanges"] == ["20.42.0.0/24"]
    updated = az(f"aks update {AKS} --update-cluster-autoscaler --min-count 3 --max-count 7")
    assert updated["agentPoolProfiles"][0]["maxCount"] == 7
    assert az(f"aks update {AKS} --enable-oidc-issuer --tags team=physics")["oidcIssuerProfile"]["issuerUrl"]
    configuration = f"-g {GROUP} --cluster-name {CLUSTER} -n aksManagedAutoUpgradeSchedule"
    az(
        f"aks maintenanceconfiguration add {configuration} "
        "--schedule-type Weekly --day-of-week Sunday --interval-weeks 1 --start-time 03:00 --duration 4 --utc-offset +00:00"
    )
    assert len(az(f"aks maintenanceconfiguration list -g {GROUP} --cluster-name {CLUSTER}")) == 1
    window = az(f"aks maintenanceconfiguration show {configuration}")["maintenanceWindow"]
    assert (window["durationHours"], window["schedule"]["weekly"]["dayOfWeek"]) == (4, "Sunday")
    az(f"aks maintenanceconfiguration delete {configuration}")
    assert az(f"aks maintenanceconfiguration list -g {GROUP} --cluster-name {CLUSTER}") == []


def test_07_another_secret_for_the_principal(az: Az, principal: dict[str, Any]) -> None:
    """The runbook's principal is created once more: the cluster holds an invalid secret until it is updated."""
    principal |= az(f"ad sp create-for-rbac --name sp_aks_jhub --role Contributor --scopes {NETWORK_ID}")
    refused = az.refused(f"aks update {AKS} --tier free")
    assert "ServicePrincipalValidationClientError" in refused and "AADSTS7000215" in refused
    reset = f"aks update-credentials {AKS} --reset-service-principal --service-principal {principal['appId']}"
    assert "ServicePrincipalValidationClientError" in az.refused(f"{reset} --client-secret wrong")
    az(f"{reset} --client-secret {principal['password']}")
    assert az(f"aks update {AKS} --tier free")["sku"]["tier"] == "Free"
    second = az(f"ad app credential reset --id {principal['appId']} --append --display-name second")
    assert len(az(f"ad app credential list --id {principal['appId']}")) == 2
    az(f"{reset} --client-secret {second['password']}")


def test_08_certificates_and_power(az: Az) -> None:
    az(f"aks rotate-certs {AKS} --yes")
    az(f"aks stop {AKS}")
    assert az(f"aks show {AKS}")["powerState"]["code"] == "Stopped"
    assert "OperationNotAllowed" in az.refused(f"aks update {AKS} --tier standard")
    az(f"aks start {AKS}")
    assert az(f"aks show {AKS}")["powerState"]["code"] == "Running"
    az(f"aks wait {AKS} --updated --interval 1 --timeout 60")


def test_09_from_the_principal_to_a_managed_identity(az: Az) -> None:
    moved = az(f"aks update {AKS} --enable-managed-identity --yes")
    assert moved["identity"]["type"] == "SystemAssigned" and moved["identity"]["principalId"]
    assert moved["servicePrincipalProfile"]["clientId"] == "msi" and moved["identityProfile"]["kubeletidentity"]["objectId"]


def test_10_managed_identities_and_roles(az: Az, key: Path) -> None:
    az("provider register -n Microsoft.ManagedIdentity")
    az.until("provider show -n Microsoft.ManagedIdentity", lambda found: found["registrationState"] == "Registered")
    made = az(f"identity create {IN_GROUP} -n id-jhub")
    assert az(f"identity show {IN_GROUP} -n id-jhub")["principalId"] == made["principalId"]
    assert [i["name"] for i in az(f"identity list {IN_GROUP}")] == ["id-jhub"]
    whom = f"--assignee-object-id {made['principalId']} --assignee-principal-type ServicePrincipal --scope {NETWORK_ID}"
    assignment = az(f"role assignment create {whom}", "--role", "Network Contributor")
    assert assignment["principalId"] == made["principalId"]
    assert az(f"role assignment create {whom}", "--role", "Network Contributor")["id"] == assignment["id"], "once more is no harm"
    az(f"role assignment delete --ids {assignment['id']}")
    az(f"role assignment create {whom}", "--role", "Network Contributor")
    az(f"role assignment delete --assignee {made['clientId']} --scope {NETWORK_ID}", "--role", "Network Contributor")
    assert made["principalId"] not in [g["principalId"] for g in az(f"role assignment list --scope {NETWORK_ID}")]
    second = az(
        f"aks create {IN_GROUP} -n second --node-count 1 --ssh-key-value {key} --enable-managed-identity "
        f"--assign-identity {made['id']} --network-plugin azure --network-plugin-mode overlay --tier free"
    )
    assert second["identity"]["type"] == "UserAssigned" and second["servicePrincipalProfile"]["clientId"] == "msi"
    az(f"aks delete {IN_GROUP} -n second --yes")
    assert az(f"group exists -n MC_{GROUP}_second_eastus") is False, "the node resource group is deleted with the cluster"
    az(f"identity delete {IN_GROUP} -n id-jhub")


def test_11_tags(az: Az) -> None:
    az(f"tag update --resource-id {NETWORK_ID} --operation Merge --tags a=b")
    assert az(f"tag list --resource-id {NETWORK_ID}")["properties"]["tags"] == {"team": "physics", "a": "b"}
    assert az(f"network vnet show {IN_GROUP} --name {NETWORK}")["tags"] == {"team": "physics", "a": "b"}
    assert az(f"tag create --resource-id {NETWORK_ID} --tags c=d")["properties"]["tags"] == {"c": "d"}
    az(f"resource tag --ids {NETWORK_ID} --tags e=f --is-incremental --api-version 2025-07-01")
    assert [r["name"] for r in az("resource list --tag e=f")] == [NETWORK]
    az(f"tag delete --resource-id {NETWORK_ID} --yes")
    assert not az(f"network vnet show {IN_GROUP} --name {NETWORK}")["tags"]
    assert az(f"group update -n {GROUP} --set tags.team=physics")["tags"] == {"team": "physics"}


def test_12_a_locked_group_is_not_deleted(az: Az) -> None:
    az(f"lock create --name keep --lock-type CanNotDelete {IN_GROUP}")
    assert [lock["level"] for lock in az(f"lock list {IN_GROUP}")] == ["CanNotDelete"]
    assert "ScopeLocked" in az.refused(f"group delete -n {GROUP} --yes")
    assert "ScopeLocked" in az.refused(f"aks delete {AKS} --yes"), "what is in the group neither"
    assert az(f"group update -n {GROUP} --set tags.still=writable")["tags"]["still"] == "writable"
    assert az(f"lock show --name keep {IN_GROUP}")["name"] == "keep"
    az(f"lock delete --name keep {IN_GROUP}")
    az(f"lock create --name frozen --lock-type ReadOnly --resource {NETWORK_ID}")
    assert "ScopeLocked" in az.refused(f"network vnet update {IN_GROUP} --name {NETWORK} --set tags.a=b")
    az(f"lock delete --ids {NETWORK_ID}/providers/Microsoft.Authorization/locks/frozen")
    assert az("lock list") == []


def test_13_everything_goes(az: Az, principal: dict[str, Any]) -> None:
    az("group create -n spare -l westeurope")
    az("network vnet create -g spare -n spare --address-prefixes 10.9.0.0/16")
    az("network vnet delete -g spare -n spare")
    az("group delete -n spare --yes")
    az(f"aks delete {AKS} --yes")
    az(f"group wait -n {NODES} --deleted --interval 1 --timeout 60")
    az(f"group delete --name {GROUP} --yes")
    assert az(f"group exists -n {GROUP}") is False and az(f"group exists -n {NODES}") is False
    az(f"ad sp delete --id {principal['appId']}")
    assert [a["appId"] for a in az("ad app list --display-name sp_aks_jhub")] == [principal["appId"]], "the application stays"
    az(f"ad app delete --id {principal['appId']}")
    assert az("ad app list --display-name sp_aks_jhub") == [] and az("resource list") == []
