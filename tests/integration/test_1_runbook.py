"""The life of the runbook's platform on real parts."""

import base64
import json
import re
import urllib.request

import pytest

from sandbox.operator_process import OIDC_CLIENT_SECRET
from tests.integration.conftest import SUBSCRIPTION, Field, processes, runbook

pytestmark = pytest.mark.story

NAME = "prd-jhub"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/prd_rg_jhub"
NODE_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/prd_rg_jhub_infra"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
NETWORK = f"{GROUP}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub"


@pytest.fixture(scope="module")
def ready(site: Field) -> Field:
    site.clear()
    site.apply(runbook())
    site.until_ready(NAME)
    return site


def setting(site: Field) -> tuple[str, dict]:
    return next((key, value) for key, value in site.resources().items() if "/autoscalesettings/" in key)


def test_rows_1_to_5_the_group_and_the_network_stand_as_the_runbook_types_them(ready: Field) -> None:
    found = ready.resources()
    state = ready.control("GET", "/state")
    assert ready.condition(NAME, "CredentialsReady")["status"] == "True"
    assert state["features"]["Microsoft.ContainerService/VMSSPreview"] == "Registered"
    assert state["providers"]["Microsoft.ContainerService"] == "Registered"
    assert found[GROUP]["location"] == "eastus"
    properties = found[NETWORK]["properties"]
    assert properties["addressSpace"]["addressPrefixes"] == ["10.0.0.0/8"]
    assert [(s["name"], s["properties"]["addressPrefix"]) for s in properties["subnets"]] == [("default", "10.240.0.0/16")]


def test_rows_6_to_8_a_principal_was_made_and_may_use_the_network(ready: Field) -> None:
    state = ready.control("GET", "/state")
    (application,) = [a for a in state["applications"] if a["displayName"] == "sp_aks_jhub"]
    (principal,) = [p for p in state["servicePrincipals"] if p["appId"] == application["appId"]]
    (role,) = [r for key, r in ready.resources().items() if "/roleassignments/" in key]
    assert role["properties"]["principalId"] == principal["id"]
    assert role["properties"]["scope"].lower() == NETWORK
    assert role["properties"]["roleDefinitionId"].endswith("b24988ac-6180-42a0-ab88-20f7382dd24c")
    kept = json.loads(ready.kubectl("get", "secret", f"{NAME}-service-principal", "-n", "platforms", "-o", "json"))
    assert base64.b64decode(kept["data"]["clientId"]).decode() == application["appId"]


def test_rows_9_to_18_the_cluster_is_what_az_aks_create_would_have_made(ready: Field) -> None:
    found = ready.resources()
    properties = found[CLUSTER]["properties"]
    assert properties["currentKubernetesVersion"] == "1.35.1"
    assert properties["nodeResourceGroup"] == "prd_rg_jhub_infra" and NODE_GROUP in found
    assert properties["linuxProfile"]["ssh"]["publicKeys"][0]["keyData"].startswith("ssh-ed25519 ")
    profile = properties["networkProfile"]
    expected = {"networkPlugin": "azure", "networkPolicy": "azure", "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10"}
    assert {key: profile[key] for key in expected} == expected
    pool = found[f"{CLUSTER}/agentpools/nodepool1"]["properties"]
    assert (pool["count"], pool["minCount"], pool["maxCount"]) == (3, 3, 6)
    assert (pool["vmSize"], pool["mode"], pool["type"]) == ("Standard_D2s_v3", "System", "VirtualMachineScaleSets")
    assert pool["vnetSubnetID"].lower() == f"{NETWORK}/subnets/default"
    principal = next(a for a in ready.control("GET", "/state")["applications"] if a["displayName"] == "sp_aks_jhub")
    assert properties["servicePrincipalProfile"]["clientId"] == principal["appId"]
    assert ready.condition(NAME, "DockerBridgeIgnored")["status"] == "True"
    assert "serviceCidr" in ready.condition(NAME, "ServiceCidrInNetwork")["message"]


def test_row_20_three_nodes_are_ready_and_the_kubeconfig_works(ready: Field) -> None:
    nodes = json.loads(ready.target(NAME, "get", "nodes", "-o", "json"))["items"]
    assert len(nodes) == 3
    assert all(re.fullmatch(r"aks-nodepool1-\d{8}-vmss[0-9a-z]{6}", n["metadata"]["name"]) for n in nodes)
    assert all(c["status"] == "True" for n in nodes for c in n["status"]["conditions"] if c["type"] == "Ready")
    assert ready.platform(NAME)["status"]["cluster"]["nodes"] == {"ready": 3, "total": 3}


def test_rows_21_and_22_the_pools_scale_set_has_the_autoscale_rules_and_the_conflict_is_reported(ready: Field) -> None:
    assert ready.control("GET", "/state")["providers"]["microsoft.insights"] == "Registered"
    _, body = setting(ready)
    properties = body["properties"]
    assert properties["enabled"] is True
    assert (
        properties["targetResourceUri"]
        .lower()
        .startswith(f"{NODE_GROUP}/providers/microsoft.compute/virtualmachinescalesets/aks-nodepool1-")
    )
    (profile,) = properties["profiles"]
    assert profile["capacity"] == {"minimum": "3", "maximum": "6", "default": "3"}
    rules = [
        (
            r["metricTrigger"]["operator"],
            r["metricTrigger"]["threshold"],
            r["metricTrigger"]["timeWindow"],
            r["scaleAction"]["direction"],
        )
        for r in profile["rules"]
    ]
    assert rules == [("GreaterThan", 70, "PT10M", "Increase"), ("LessThan", 5, "PT10M", "Decrease")]
    assert "compete" in ready.condition(NAME, "AutoscalersCompete")["message"]


def test_rows_24_to_26_and_28_the_hub_is_installed_healthy_and_signs_in_with_openid_connect(ready: Field) -> None:
    status = ready.platform(NAME)["status"]
    assert status["url"] == "https://hub.example.org"
    assert status["releases"] == [
        {"name": "jhub", "namespace": "jhub", "chart": "jupyterhub-4.4.0", "revision": 1, "state": "deployed"}
    ]
    secret = json.loads(ready.target(NAME, "get", "secret", "hub", "-n", "jhub", "-o", "json"))["data"]
    values = base64.b64decode(secret["values.yaml"]).decode()
    assert "oauth_callback_url: https://hub.example.org/hub/oauth_callback" in values
    assert "authenticator_class: generic-oauth" in values and "admin@example.org" in values
    kept = json.loads(ready.kubectl("get", "secret", f"{NAME}-hub", "-n", "platforms", "-o", "json"))["data"]
    assert secret["hub.config.ConfigurableHTTPProxy.auth_token"] == kept["proxyToken"]
    assert re.fullmatch("[0-9a-f]{64}", base64.b64decode(kept["proxyToken"]).decode())
    service = json.loads(ready.target(NAME, "get", "service", "proxy-public", "-n", "jhub", "-o", "json"))
    address = service["status"]["loadBalancer"]["ingress"][0]["ip"]
    with urllib.request.urlopen(f"http://{address}/hub/health", timeout=5) as answer:
        assert answer.status == 200


def test_polls_of_an_operation_do_not_read_the_settled_steps_again(ready: Field) -> None:
    paths = [e["path"].lower() for e in ready.control("GET", "/journal")["value"] if e["method"] == "GET"]
    polls = sum("/providers/microsoft.containerservice/" in path and "/operations/" in path for path in paths)
    assert polls > 10
    creation = paths[: max(i for i, path in enumerate(paths) if "/operations/" in path)]
    assert sum(path.endswith("/resourcegroups/prd_rg_jhub") for path in creation) * 2 < polls


def test_three_reconciles_with_nothing_to_do_write_nothing_anywhere_and_start_no_helm(ready: Field) -> None:
    version, mark, runs = ready.platform(NAME)["metadata"]["resourceVersion"], ready.mark(), ready.helm_runs()
    ready.wait_for_reconciles(3)
    assert ready.writes(mark) == []
    assert ready.platform(NAME)["metadata"]["resourceVersion"] == version
    assert ready.helm_runs() == runs


def test_another_bound_on_a_ready_platform_is_exactly_one_write(ready: Field) -> None:
    mark, wanted = ready.mark(), runbook()
    wanted["spec"]["nodePools"][0]["autoscaling"]["maxCount"] = 8
    ready.apply(wanted)
    ready.until_ready(NAME)
    assert ready.resources()[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["maxCount"] == 8
    assert ready.writes(mark) == ["PUT agentPools/nodepool1"]
    ready.apply(runbook())
    ready.until_ready(NAME)


def test_a_live_count_moved_by_the_cluster_autoscaler_is_not_drift(ready: Field) -> None:
    mark = ready.mark()
    ready.control("POST", "/nodes", {"cluster": CLUSTER, "pool": "nodepool1", "count": 4})
    ready.until("four nodes are counted", lambda: ready.platform(NAME)["status"]["cluster"]["nodes"] == {"ready": 4, "total": 4})
    assert ready.condition(NAME, "DriftDetected")["status"] == "False"
    assert ready.writes(mark) == []
    ready.control("POST", "/nodes", {"cluster": CLUSTER, "pool": "nodepool1", "count": 3})
    ready.until("three nodes are counted", lambda: ready.platform(NAME)["status"]["cluster"]["nodes"] == {"ready": 3, "total": 3})


def test_row_22_the_monitor_adds_a_node_above_70_percent_and_takes_it_below_5(ready: Field) -> None:
    _, body = setting(ready)
    scale_set = body["properties"]["targetResourceUri"]
    ready.control("POST", "/metrics", {"resource": scale_set, "value": 90, "since_minutes": 15})
    ready.until("a fourth node is Ready", lambda: ready.platform(NAME)["status"]["cluster"]["nodes"] == {"ready": 4, "total": 4})
    ready.control("POST", "/metrics", {"resource": scale_set, "value": 1})
    ready.control("POST", "/clock", {"seconds": 900})
    ready.until("three nodes again", lambda: ready.platform(NAME)["status"]["cluster"]["nodes"] == {"ready": 3, "total": 3})
    ready.control("POST", "/metrics", {"resource": scale_set, "value": 30})


def test_a_rule_edited_by_hand_is_corrected_and_reported(ready: Field) -> None:
    key, body = setting(ready)
    body["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] = 95
    ready.control("PATCH", f"/resources{key}", body)

    def right() -> bool:
        return setting(ready)[1]["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] == 70

    ready.until("the rule is corrected", right, timeout=20)

    def drift_events() -> list[str]:
        return [message for reason, message in ready.events(NAME) if reason == "DriftDetected"]

    messages = ready.until("the drift is reported", drift_events)
    assert len(messages) == 1 and "95" in messages[0] and "Autoscale" in messages[0]


def test_row_27_changed_values_are_an_upgrade_and_a_chart_that_does_not_exist_a_sentence(ready: Field) -> None:
    wanted = runbook()
    wanted["spec"]["jupyterhub"]["culling"] = {"timeout": "2h"}
    ready.apply(wanted)
    ready.until("revision 2", lambda: ready.platform(NAME)["status"]["releases"][0]["revision"] == 2)
    ready.until_ready(NAME)
    wanted["spec"]["jupyterhub"]["chart"]["version"] = "9.9.9"
    ready.apply(wanted)
    message = ready.until_reason(NAME, "JupyterHubReady", "ChartNotFound")["message"]
    assert "spec.jupyterhub.chart.version 9.9.9" in message and "4.4.0" in message and "0.11.1" in message
    assert ready.condition(NAME, "Stalled")["status"] == "True"
    wanted["spec"]["jupyterhub"]["chart"]["version"] = "4.4.0"
    wanted["spec"]["jupyterhub"]["values"] = {"hub": {"bogus": 1}}
    ready.apply(wanted)
    message = ready.until_reason(NAME, "JupyterHubReady", "ValuesRefused")["message"]
    assert "bogus" in message and "spec.jupyterhub.values" in message
    mark = ready.helm_runs()
    ready.wait_for_reconciles(4)
    assert ready.helm_runs() <= mark + 2, "a hot loop"
    ready.apply(runbook())
    ready.until_ready(NAME)


def test_an_image_that_cannot_be_pulled_is_named_and_left_behind_when_corrected(ready: Field) -> None:
    wanted = runbook()
    wanted["spec"]["jupyterhub"]["values"] = {"hub": {"image": {"name": "example.org/does-not-exist", "tag": "1"}}}
    ready.apply(wanted)

    def image_named() -> bool:
        return "example.org/does-not-exist:1" in ready.condition(NAME, "JupyterHubReady")["message"]

    ready.until("the image is named", image_named)
    assert "Deployment hub" in ready.condition(NAME, "JupyterHubReady")["message"]
    ready.apply(runbook())
    ready.until_ready(NAME)


def test_a_deployment_edited_by_hand_is_corrected_and_reported(ready: Field) -> None:
    ready.target(NAME, "set", "image", "deployment/proxy", "-n", "jhub", "chp=example.org/other:1")
    ready.target(NAME, "annotate", "deployment/proxy", "-n", "jhub", "someone.example.org/note=kept")
    ready.target(
        NAME, "patch", "service", "proxy-public", "-n", "jhub", "--type=merge", "-p", '{"spec":{"selector":{"component":"x"}}}'
    )

    def right() -> bool:
        service = json.loads(ready.target(NAME, "get", "service", "proxy-public", "-n", "jhub", "-o", "json"))
        return service["spec"]["selector"]["component"] == "proxy"

    ready.until("the Service is corrected", right)
    ready.until_ready(NAME)
    ready.until(
        "it is reported", lambda: [m for _, m in ready.events(NAME) if "Service/proxy-public.spec.selector.component" in m]
    )
    proxy = json.loads(ready.target(NAME, "get", "deployment", "proxy", "-n", "jhub", "-o", "json"))
    assert proxy["spec"]["template"]["spec"]["containers"][0]["image"].startswith("quay.io/jupyterhub/")
    assert proxy["metadata"]["annotations"]["someone.example.org/note"] == "kept"


def test_no_annotations_of_ours_or_kopfs_on_the_users_object(ready: Field) -> None:
    metadata = ready.platform(NAME)["metadata"]
    assert metadata["finalizers"] == ["notebookplatform.io/cloud-resources"]
    assert not [key for key in metadata.get("annotations", {}) if "kopf" in key or "notebookplatform" in key]


def test_no_secret_value_is_in_status_events_logs_metrics_or_process_arguments(ready: Field) -> None:
    names = [f"{NAME}-service-principal", f"{NAME}-hub", "azure-credentials", "oidc"]
    known = {"oidc": OIDC_CLIENT_SECRET}
    for name in names:
        data = json.loads(ready.kubectl("get", "secret", name, "-n", "platforms", "-o", "json"))["data"]
        known |= {
            f"{name}.{k}": base64.b64decode(v).decode()
            for k, v in data.items()
            if k not in ("clientId", "tenantId", "secretId", "expires")
        }
    places = {
        "status": json.dumps(ready.platform(NAME)),
        "events": ready.kubectl("get", "events", "-A", "-o", "json"),
        "log": ready.operator.log.read_text(),
        "metrics": ready.operator.metrics(),
        "arguments": "\n".join(processes()),
        "journal": json.dumps(ready.control("GET", "/journal")),
    }
    assert len(known) >= 7
    found = [(what, where) for what, value in known.items() for where, text in places.items() if value in text]
    assert found == []


def test_row_19_deletion_removes_all_of_it_and_no_resource_of_another_owner(ready: Field) -> None:
    foreign = f"{GROUP}/providers/microsoft.storage/storageaccounts/precious"
    ready.control("PUT", f"/resources{foreign}", {"type": "Microsoft.Storage/storageAccounts", "location": "eastus"})
    ready.kubectl("delete", "nbp", NAME, "-n", "platforms", "--wait=false")
    message = ready.until_reason(NAME, "ResourceGroupReady", "ForeignResources")["message"]
    assert "precious" in message and "spec.deletionPolicy" in message
    assert set(ready.resources()) == {GROUP, foreign}
    assert [a["displayName"] for a in ready.control("GET", "/state")["applications"]] == ["notebook-platform-operator"]
    ready.control("DELETE", f"/resources{foreign}")
    ready.kubectl("patch", "nbp", NAME, "-n", "platforms", "--type=merge", "-p", '{"spec":{"interval":"3s"}}')
    ready.until("the platform is gone", lambda: ready.platform(NAME) is None)
    assert ready.resources() == {}
    left = ready.kubectl("get", "secrets", "-n", "platforms", "-o", "name").split()
    assert sorted(left) == ["secret/azure-credentials", "secret/oidc"]
