"""`notebook-platform import`: the existing resources are described; applying the result changes only their owner; no secret is
printed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from notebook_platform.engine.outcome import Ready

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.cli.conftest import CLUSTER, NETWORK, OWNER_TAG, Terminal
from tests.azure.cli.imports import GIVEN, WHERE, described, remarks
from tests.local.cli_watch.api import kubeconfig
from tests.unit.azure.specs import LECTURE, group_id, runbook_spec, with_cluster

USER_POOL = {"name": "users", "mode": "User", "purpose": "User", "vmSize": "Standard_D4s_v3", "autoscaling": {"minCount": 0, "maxCount": 4},
             "osDiskSizeGB": 64, "maxPods": 50, "maxSurge": "33%", "availabilityZones": ["1", "2"], "nodeLabels": {"team": "physics"},
             "nodeTaints": ["lab=gpu:NoSchedule"]}  # fmt: skip


def with_autoscale(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["autoscale"][0] |= members
    return spec


def with_pool(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"].append({**USER_POOL, **members})
    return spec


def with_patches() -> dict[str, Any]:
    """Return a platform whose cluster and pool have members that the spec has no field for."""
    add_on = {"enabled": True, "config": {"enableSecretRotation": "true"}}
    storage = {"blobCSIDriver": {"enabled": True}, "fileCSIDriver": {"enabled": False}}
    spec = with_cluster(
        patch={"properties": {"storageProfile": storage, "addonProfiles": {"azureKeyvaultSecretsProvider": add_on}}}
    )
    kubelet, upgrades = {"cpuManagerPolicy": "static", "podMaxPids": 4096}, {"drainTimeoutInMinutes": 45}
    pool = {"kubeletConfig": kubelet, "upgradeSettings": upgrades, "scaleDownMode": "Deallocate"}
    spec["nodePools"].append({**USER_POOL, "patch": {"properties": pool}})
    return spec


async def by_hand(terminal: Terminal, spec: dict[str, Any]) -> None:
    """Create the estate of a spec as if by hand: without owner tags and without Secrets of the operator; the principal's secret
    is in the Secret that the printed resource names."""
    await terminal.settle(spec)
    await terminal.strip()
    kept = terminal.estate.secrets.data
    principal = kept.pop("prd-jhub-service-principal", {})
    kept.pop("prd-jhub-cluster-credential", None)
    if principal:
        kept["prd-jhub-principal"] = {key: principal[key] for key in ("clientId", "clientSecret")}
    terminal.estate.uid = "uid-2"


ESTATES = {
    "the runbook": runbook_spec(),
    "several pools": with_pool(),
    "spot": with_pool(spot={"maxPrice": "0.5", "evictionPolicy": "Deallocate"}),
    "recurring profiles": with_autoscale(recurring=[LECTURE], notifications={"emails": ["ops@example.org"]}),
    "two recurring profiles": with_autoscale(
        recurring=[LECTURE, {**LECTURE, "name": "evening", "start": "18:00", "end": "20:00"}]
    ),
    "a maintenance window": with_cluster(maintenanceWindow={"days": ["Sunday"], "start": "03:00", "duration": "6h"}),
    "flags": with_cluster(
        tier="Standard",
        upgrades={"channel": "patch", "nodeOSChannel": "SecurityPatch"},
        apiServer={"authorizedIPRanges": ["203.0.113.0/24"]},
        oidcIssuer=True,
        workloadIdentity=True,
        autoscalerProfile={"scanInterval": "20s", "skipNodesWithSystemPods": False, "maxGracefulTerminationSec": 300},
    ),
    "overlay": with_cluster(network={"pluginMode": "overlay", "podCidr": "192.168.0.0/16", "policy": "cilium"}),
    "kubenet": with_cluster(network={"plugin": "kubenet", "policy": "calico", "podCidr": "192.168.0.0/16"}),
    "no policy": with_cluster(network={"policy": "none", "outboundType": "managedNATGateway"}),
    "a system-assigned identity": runbook_spec(identity={"type": "SystemAssigned"}),
    "a role on the subnet": runbook_spec(identity={"type": "SystemAssigned", "roleScope": "Subnet"}),
    "a user-assigned identity": runbook_spec(identity={"type": "UserAssigned", "userAssigned": {"name": "prd-identity"}}),
    "a network of AKS": runbook_spec(network=None, identity={"type": "SystemAssigned"}),
    "no autoscale": runbook_spec(autoscale=[]),
    "node auto-provisioning": runbook_spec(
        cluster=with_cluster(nodeProvisioning="Auto")["cluster"],
        identity={"type": "SystemAssigned"},
        nodePools=[{"name": "nodepool1", "mode": "System", "vmSize": "Standard_D2s_v3", "count": 3}],
    ),
    "managed Prometheus": runbook_spec(
        identity={"type": "SystemAssigned"},
        monitoring={"prometheus": "Managed"},
        jupyterhub={"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}},
    ),
    "asleep": with_cluster(powerState="Stopped"),
    "members without a field": with_patches(),
}


@pytest.mark.parametrize("spec", ESTATES.values(), ids=ESTATES.keys())
async def test_applied_what_is_printed_changes_nothing_but_who_owns_it(terminal: Terminal, spec: dict[str, Any]) -> None:
    await by_hand(terminal, spec)
    before = (await terminal.estate.state())["resources"]
    mark = await terminal.estate.mark()
    document = described(await terminal.run(*WHERE, *GIVEN))
    assert await terminal.estate.writes(mark) == [], "import writes nothing"
    output = await terminal.run("plan", "-f", terminal.file(document["spec"], uid="uid-2"), "-o", "json")
    changed = [change["path"] for step in output.document["steps"] for change in step["changes"]]
    assert [path for path in changed if OWNER_TAG not in path] == []
    assert output.code == 2 and not [step for step in output.document["steps"] if "reason" in step]
    mark = await terminal.estate.mark()
    results = await terminal.estate.settle(document["spec"])
    assert all(isinstance(result.outcome, Ready) for result in results.values())
    written = set(await terminal.estate.writes(mark))
    assert {w for w in written if w != "PATCH tags/default" and not w.startswith("PUT agentPools/")} == set()
    after = (await terminal.estate.state())["resources"]
    assert _without_tags(after) == _without_tags(before)


async def test_members_without_a_field_are_printed_as_patches_and_a_secret_is_not(terminal: Terminal) -> None:
    spec = with_patches()
    await by_hand(terminal, spec)
    proxy = {
        "httpProxy": "http://user:pa55word@proxy.example.org",
        "noProxy": ["10.0.0.0/8"],
        "effectiveNoProxy": ["169.254.169.254"],
    }
    usual = {"publicNetworkAccess": "Enabled", "metricsProfile": {"costAnalysis": {"enabled": False}}}
    await terminal.estate.control("PATCH", f"/resources{CLUSTER}", {"properties": {"httpProxyConfig": proxy, **usual}})
    output = await terminal.run(*WHERE, *GIVEN)
    found = described(output)["spec"]
    expected = spec["cluster"]["patch"]["properties"] | {"httpProxyConfig": {"noProxy": ["10.0.0.0/8"]}}
    assert found["cluster"]["patch"] == {"properties": expected}
    assert [pool.get("patch") for pool in found["nodePools"]] == [None, spec["nodePools"][1]["patch"]]
    assert "pa55word" not in output.out
    assert (
        "# spec.cluster.patch.properties.httpProxyConfig.httpProxy may hold a secret and is left as it is in Azure." in output.out
    )
    assert output.out.count("    # Members that Azure has but no field of the spec can express:\n    patch:\n") == 2


def _without_tags(resources: dict[str, Any]) -> dict[str, Any]:
    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: bare(v) for k, v in node.items() if k not in ("tags", "etag", "eTag")}
        return [bare(item) for item in node] if isinstance(node, list) else node

    return {id_: bare(body) for id_, body in resources.items()}


async def test_import_prints_chosen_values_and_omits_defaults(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    document = described(await terminal.run(*WHERE, *GIVEN))
    spec = document["spec"]
    assert document["metadata"] == {"name": "prd-jhub", "namespace": "platforms"}
    assert spec["identity"] == {"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "prd-jhub-principal"}}}
    assert spec["cluster"]["nodeResourceGroup"] == "prd_rg_jhub_infra" and "network" not in spec["cluster"]
    assert spec["network"]["virtualNetwork"] == {"name": "prd_vnet_jhub", "addressPrefixes": ["10.0.0.0/8"]}
    (pool,) = spec["nodePools"]
    assert pool == {
        "name": "nodepool1",
        "mode": "System",
        "vmSize": "Standard_D2s_v3",
        "autoscaling": {"minCount": 3, "maxCount": 6},
    }
    (setting,) = spec["autoscale"]
    assert setting["rules"][0] == {"operator": "GreaterThan", "threshold": 70, "change": 1}
    assert (spec["adoption"], spec["deletionPolicy"]) == ("IfUnowned", "Orphan")


async def test_names_default_to_the_clusters_and_open_tasks_are_remarked(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    output = await terminal.run(*WHERE)
    document = described(output)
    assert document["metadata"] == {"name": "prd-aks-jhub", "namespace": "platforms"}
    assert document["spec"]["identity"]["servicePrincipal"]["secretRef"]["name"] == "prd-aks-jhub-principal"
    assert "put it in the Secret prd-aks-jhub-principal with the keys clientId and clientSecret" in remarks(output)
    assert document["spec"]["azure"]["credentials"] == {"secretRef": {"name": "azure-credentials"}}
    own = await terminal.run(*WHERE, "--credentials-secret", "")
    assert "name a Secret with --credentials-secret" in remarks(own) and "credentials" not in described(own)["spec"]["azure"]


@pytest.mark.parametrize(("context", "namespace"), [("team-a", "team-a"), ("", "platforms")])
async def test_import_and_init_write_the_contexts_namespace(
    context: str, namespace: str, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await terminal.settle(runbook_spec())
    (tmp_path / "kubeconfig").write_text(kubeconfig(namespace=context))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    assert described(await terminal.run(*WHERE))["metadata"]["namespace"] == namespace
    assert described(await terminal.run(*WHERE, "-n", "team-b"))["metadata"]["namespace"] == "team-b"
    answers = ("--subscription", SUBSCRIPTION, "--location", "eastus", "--name", "lab", "--people", "30", "--sign-in", "trial")
    output = await terminal.run("init", "-o", str(tmp_path / "new.yaml"), *answers)
    assert output.code == 0 and yaml.safe_load((tmp_path / "new.yaml").read_text())["metadata"]["namespace"] == namespace


async def test_an_autoscale_setting_as_az_and_the_portal_write_it_is_no_drift(terminal: Terminal) -> None:
    """az puts the default profile's own name beside the other, in JSON with spaces; the portal has no plain default profile."""
    await by_hand(terminal, with_autoscale(recurring=[LECTURE]))
    setting = next(i for i in (await terminal.estate.state())["resources"] if "/autoscalesettings/" in i)
    body = await terminal.estate.control("GET", f"/resources{setting}")
    default, lecture, end = body["properties"]["profiles"]
    end["name"] = json.dumps({"name": "Auto created scale condition", "for": "lecture"})
    for profiles in ([{**default, "name": "Auto created scale condition"}, lecture, end], [end, lecture]):
        await terminal.estate.control("PATCH", f"/resources{setting}", {"properties": {"profiles": profiles}})
        document = described(await terminal.run(*WHERE, *GIVEN))
        (described_rule,) = document["spec"]["autoscale"]
        assert described_rule["recurring"][0]["name"] == "lecture" and described_rule["recurring"][0]["end"] == "10:00"
        output = await terminal.run("plan", "-f", terminal.file(document["spec"], uid="uid-2"), "-o", "json")
        steps = {step["step"]: [change["path"] for change in step["changes"]] for step in output.document["steps"]}
        assert steps["Autoscale"] == [f"prd-jhub-nodepool1.tags.{OWNER_TAG}"]


async def test_a_setting_with_a_dated_profile_is_printed_as_a_patch(terminal: Terminal) -> None:
    await by_hand(terminal, runbook_spec())
    setting = next(i for i in (await terminal.estate.state())["resources"] if "/autoscalesettings/" in i)
    body = await terminal.estate.control("GET", f"/resources{setting}")
    dated = {
        **body["properties"]["profiles"][0],
        "name": "exam",
        "fixedDate": {"start": "2026-12-01T08:00:00Z", "end": "2026-12-01T12:00:00Z"},
    }
    profiles = [*body["properties"]["profiles"], dated]
    await terminal.estate.control("PATCH", f"/resources{setting}", {"properties": {"profiles": profiles}})
    document = described(await terminal.run(*WHERE, *GIVEN))
    (item,) = document["spec"]["autoscale"]
    assert [profile["name"] for profile in item["patch"]["properties"]["profiles"]] == ["default", "exam"]
    assert "metricResourceUri" not in str(item), "the profiles fit the scale set of any pool"
    output = await terminal.run("plan", "-f", terminal.file(document["spec"], uid="uid-2"), "-o", "json")
    steps = {step["step"]: [change["path"] for change in step["changes"]] for step in output.document["steps"]}
    assert steps["Autoscale"] == [f"prd-jhub-nodepool1.tags.{OWNER_TAG}"]


async def test_a_pool_behind_the_control_plane_is_remarked(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    pool = {"orchestratorVersion": "1.34.2", "currentOrchestratorVersion": "1.34.2"}
    await terminal.estate.control("PATCH", f"/resources{CLUSTER}/agentPools/nodepool1", {"properties": pool})
    output = await terminal.run(*WHERE)
    assert "keep it, because of spec.driftIgnore: nodepool1 (1.34.2)" in remarks(output)
    assert "NodePools.agentPools[nodepool1].orchestratorVersion" in described(output)["spec"]["driftIgnore"]


async def test_an_existing_subnet_of_another_group_is_used_by_its_id(terminal: Terminal) -> None:
    network = f"{group_id('net')}/providers/Microsoft.Network/virtualNetworks/campus"
    subnet = {"id": f"{network}/subnets/hubs", "name": "hubs", "properties": {"addressPrefix": "10.1.0.0/16"}}
    state = {"provisioningState": "Succeeded"}
    await terminal.estate.control("PUT", f"/resources{group_id('net')}", {"location": "eastus", "properties": state})
    await terminal.estate.control(
        "PUT", f"/resources{network}", {"location": "eastus", "properties": {**state, "subnets": [subnet]}}
    )
    spec = with_cluster(network={"serviceCidr": "172.16.0.0/16", "dnsServiceIP": "172.16.0.10"})
    await terminal.settle({**spec, "network": {"subnetId": f"{network}/subnets/hubs"}})
    imported = described(await terminal.run(*WHERE, *GIVEN))["spec"]
    assert imported["network"] == {"subnetId": f"{network}/subnets/hubs"} and NETWORK not in str(imported)
    assert imported["cluster"]["network"] == {"serviceCidr": "172.16.0.0/16", "dnsServiceIP": "172.16.0.10"}
    assert imported["identity"]["roleScope"] == "Subnet"


@pytest.mark.parametrize(("words", "message"), [
    (("--resource-group", "nowhere"), "there is no resource group 'nowhere'. "
     "Set --resource-group to one that `az group list --output table` shows."),
    (("--cluster", "another"), "there is no managed cluster another in 'prd_rg_jhub'. "
     "Set --cluster to one that `az aks list --resource-group prd_rg_jhub --output table` shows."),
])  # fmt: skip
async def test_a_missing_group_or_cluster_is_reported_in_one_line(
    terminal: Terminal, words: tuple[str, ...], message: str
) -> None:
    await terminal.settle(runbook_spec())
    output = await terminal.run(*WHERE, *words)
    assert (output.code, output.out, output.err) == (1, "", f"notebook-platform import: {message}\n")


async def test_a_refused_sign_in_is_reported(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "utterly-wrong-secret")
    output = await terminal.run(*WHERE)
    assert output.code == 1 and output.out == "" and output.err.count("\n") == 1 and "utterly-wrong-secret" not in output.err
