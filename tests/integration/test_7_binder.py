"""A BinderHub beside a JupyterHub on one cluster: one apply, one revision each."""

import base64
import json
import urllib.request
from typing import Any

import pytest
import yaml

from tests.integration.conftest import SUBSCRIPTION, Field, runbook

pytestmark = pytest.mark.story

NAME = "lab"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg_lab"
REGISTRY = f"{GROUP}/providers/microsoft.containerregistry/registries/labbinder"
LABELS = {"dnsLabels": {"binder": "lab-binder", "hub": "lab-binder-hub"}}
INGRESS = {"ingress": {"dnsLabel": "lab-door", "className": "nginx", "plainHttp": True}}
VERSION = "1.0.0-0.dev.git.3941.h9056a226"


def lab(address: dict[str, Any] = LABELS) -> dict[str, Any]:
    document = runbook(
        NAME,
        jupyterhub={"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}},
        binderhub={
            "chart": {"version": VERSION, "jupyterhubVersion": "4.4.0"},
            "address": address,
            "registry": {"azure": {"name": "labbinder"}},
            "builder": {"type": "pink", "pool": "nodepool1"},
            "quotas": {"perRepository": 20, "total": 100},
            "repositories": [{"provider": "GitHub", "banned": ["^spam/.*"]}],
            "github": {"tokenRef": {"name": "github", "key": "token"}},
        },
        autoscale=[],
    )
    document["spec"]["identity"] = {"type": "SystemAssigned"}
    return document


GITHUB = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "github", "namespace": "platforms"},
    "stringData": {"token": "github-token-of-the-lab"},
}


def secret(site: Field, name: str, key: str) -> str:
    found = json.loads(site.target(NAME, "get", "secret", name, "-n", "binder", "-o", "json"))["data"]
    return base64.b64decode(found[key]).decode()


def config(site: Field) -> dict[str, Any]:
    """Return the binder's configuration."""
    found: dict[str, Any] = yaml.safe_load(secret(site, "binder-secret", "values.yaml"))["config"]
    return found


def get(address: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return answer.status, answer.read()


@pytest.fixture(scope="module")
def ready(site: Field) -> Field:
    site.clear()
    site.apply(GITHUB, lab())
    site.until_ready(NAME)
    return site


def test_one_apply_is_one_revision_of_each_and_both_are_ready(ready: Field) -> None:
    status = ready.platform(NAME)["status"]
    releases = {r["namespace"]: (r["chart"], r["revision"], r["state"]) for r in status["releases"]}
    assert releases == {"binder": (f"binderhub-{VERSION}", 1, "deployed"), "jhub": ("jupyterhub-4.4.0", 1, "deployed")}
    assert ready.condition(NAME, "BinderHubReady")["status"] == ready.condition(NAME, "JupyterHubReady")["status"] == "True"
    assert ready.condition(NAME, "RegistryReady")["status"] == "True"
    assert status["url"] == "http://lab-binder.eastus.cloudapp.azure.com"


def test_the_hubs_address_is_right_from_the_first_revision_on(ready: Field) -> None:
    assert config(ready)["BinderHub"]["hub_url"] == "http://lab-binder-hub.eastus.cloudapp.azure.com/"
    labels = {}
    for name in ("binder", "proxy-public"):
        service = json.loads(ready.target(NAME, "get", "service", name, "-n", "binder", "-o", "json"))
        labels[name] = service["metadata"]["annotations"]["service.beta.kubernetes.io/azure-dns-label-name"]
        address = service["status"]["loadBalancer"]["ingress"][0]["ip"]
        assert get(f"http://{address}/{'versions' if name == 'binder' else 'hub/health'}")[0] == 200
    assert labels == {"binder": "lab-binder", "proxy-public": "lab-binder-hub"}


def test_images_are_pushed_to_the_created_registry_with_push_permission_only(ready: Field) -> None:
    resources = ready.resources()
    assert resources[REGISTRY]["properties"]["adminUserEnabled"] is False
    kept = json.loads(ready.kubectl("get", "secret", f"{NAME}-registry", "-n", "platforms", "-o", "json"))["data"]
    login = base64.b64decode(kept["username"]).decode() + ":" + base64.b64decode(kept["password"]).decode()
    auths = json.loads(secret(ready, "binder-build-docker-config", "config.json"))["auths"]
    assert base64.b64decode(auths["https://labbinder.azurecr.io"]["auth"]).decode() == login
    assert config(ready)["BinderHub"]["image_prefix"] == "labbinder.azurecr.io/binder/r2d-"
    cluster = next(value for key, value in resources.items() if key.endswith("/managedclusters/aks-lab"))
    kubelet = cluster["properties"]["identityProfile"]["kubeletidentity"]["objectId"]
    assert [r["properties"]["principalId"] for k, r in resources.items() if k.startswith(f"{REGISTRY}/providers/")] == [kubelet]


def test_the_builder_runs_on_the_build_nodes_and_limits_are_set(ready: Field) -> None:
    builder = json.loads(ready.target(NAME, "get", "daemonset", "binder-pink", "-n", "binder", "-o", "json"))
    assert builder["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.azure.com/agentpool": "nodepool1"}
    assert builder["status"]["desiredNumberScheduled"] == builder["status"]["numberReady"] == 3
    found = config(ready)
    assert (found["BinderHub"]["per_repo_quota"], found["BinderHub"]["pod_quota"]) == (20, 100)
    assert found["GitHubRepoProvider"] == {"banned_specs": ["^spam/.*"], "access_token": "github-token-of-the-lab"}


def test_no_secret_is_shown(ready: Field) -> None:
    kept = {
        base64.b64decode(value).decode()
        for name in (f"{NAME}-registry", f"{NAME}-binder", "github")
        for key, value in json.loads(ready.kubectl("get", "secret", name, "-n", "platforms", "-o", "json"))["data"].items()
        if key in ("password", "token", "proxyToken", "apiToken")
    }
    assert len(kept) >= 5
    shown = json.dumps(ready.platform(NAME)) + ready.operator.log.read_text() + str(ready.events(NAME))
    assert not [value for value in kept if value in shown]


def test_nothing_more_is_written_once_it_is_ready(ready: Field) -> None:
    mark, version = ready.mark(), ready.platform(NAME)["metadata"]["resourceVersion"]
    ready.wait_for_reconciles(3)
    assert ready.writes(mark) == [] and ready.platform(NAME)["metadata"]["resourceVersion"] == version


@pytest.mark.parametrize(
    ("what", "reason", "words"),
    [
        ("registry", "RegistryUnreachable", "each launch builds the image again"),
        ("hub", "HubUnreachable", "the binder cannot reach its hub's API"),
    ],
)
def test_binder_reports_an_unreachable_dependency_until_it_recovers(ready: Field, what: str, reason: str, words: str) -> None:
    down = f"sandbox.notebookplatform.io/{what}"
    ready.target(NAME, "annotate", "namespace", "binder", f"{down}=down")
    condition = ready.until_reason(NAME, "BinderHubReady", reason)
    assert condition["status"] == "False" and words in condition["message"]
    assert ready.condition(NAME, "JupyterHubReady")["status"] == "True", "the hub beside it is well"
    ready.target(NAME, "annotate", "namespace", "binder", f"{down}-")
    ready.until_ready(NAME)


def test_builds_that_were_faster_than_the_builder_are_reported_with_their_node(ready: Field) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "build-lab", "namespace": "binder", "labels": {"component": "binderhub-build"}},
        "spec": {"nodeName": "aks-gone", "containers": [{"name": "builder", "image": "repo2docker"}]},
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "build-lab.1", "namespace": "binder"},
        "involvedObject": {"kind": "Pod", "name": "build-lab", "namespace": "binder"},
        "type": "Warning",
        "reason": "FailedMount",
        "message": "hostPath type check failed: /var/run/pink/podman.sock is not a socket file",
    }
    ready.target(NAME, "create", "-f", "-", stdin=yaml.safe_dump_all([pod, event]))
    condition = ready.until_reason(NAME, "BinderHubReady", "BuilderNotReady")
    assert "aks-gone" in condition["message"] and "podman.sock" in condition["message"]
    ready.target(NAME, "delete", "pod", "build-lab", "-n", "binder", "--force")
    ready.until_ready(NAME)
    assert {r["namespace"]: r["revision"] for r in ready.platform(NAME)["status"]["releases"]} == {"binder": 1, "jhub": 1}


def test_an_ingress_without_a_controller_is_reported(ready: Field) -> None:
    ready.apply(lab({"ingress": {**INGRESS["ingress"], "className": "elsewhere"}}))
    condition = ready.until_reason(NAME, "BinderHubReady", "AddressPending")
    assert "Ingress binderhub" in condition["message"] and "an ingress controller for elsewhere" in condition["message"]


def test_another_address_is_one_more_revision_and_one_host_leads_to_both(ready: Field) -> None:
    ready.apply(lab(INGRESS))
    ready.until_ready(NAME)
    status = ready.platform(NAME)["status"]
    assert {r["namespace"]: r["revision"] for r in status["releases"]} == {"binder": 3, "jhub": 1}
    assert status["url"] == "http://lab-door.eastus.cloudapp.azure.com"
    assert config(ready)["BinderHub"]["hub_url"] == "http://lab-door.eastus.cloudapp.azure.com/hub-base/"
    found = json.loads(ready.target(NAME, "get", "ingress,service", "-n", "binder", "-o", "json"))["items"]
    paths = {
        path["path"]: path["backend"]["service"]["name"]
        for one in found
        if one["kind"] == "Ingress"
        for rule in one["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    assert paths == {"/": "binder", "/hub-base/": "proxy-public"}
    assert {t["spec"]["type"] for t in found if t["kind"] == "Service"} == {"ClusterIP"}
    address = next(t["status"]["loadBalancer"]["ingress"][0]["ip"] for t in found if t["kind"] == "Ingress")
    assert get(f"http://{address}/versions")[0] == get(f"http://{address}/hub-base/hub/health")[0] == 200


def test_a_binder_that_is_taken_out_of_the_spec_goes_and_the_hub_beside_it_stays(ready: Field) -> None:
    document = lab(INGRESS)
    del document["spec"]["binderhub"]
    ready.apply(document)
    ready.until_ready(NAME)
    status = ready.platform(NAME)["status"]
    assert [(r["namespace"], r["revision"]) for r in status["releases"]] == [("jhub", 1)]
    left = json.loads(ready.target(NAME, "get", "deployments,daemonsets,services", "-n", "binder", "-o", "json"))["items"]
    assert left == [] and "lab-door" not in status["url"]


def test_nothing_is_left_of_either_when_the_platform_goes(ready: Field) -> None:
    ready.kubectl("delete", "nbp", NAME, "-n", "platforms", "--wait=false")
    assert "binder/hub-db-dir" in ready.until_reason(NAME, "Ready", "HomesWouldBeLost")["message"]
    ready.kubectl("annotate", "nbp", NAME, "-n", "platforms", "notebookplatform.io/confirm-deletion=1")
    ready.until("it is gone", lambda: ready.platform(NAME) is None)
    assert not [key for key in ready.resources() if "rg_lab" in key or "labbinder" in key]

    def ours() -> list[str]:
        listed = json.loads(ready.kubectl("get", "secrets", "-n", "platforms", "-o", "json"))["items"]
        return [s["metadata"]["name"] for s in listed if s["metadata"]["name"].startswith(f"{NAME}-")]

    ready.until("its Secrets are gone", lambda: not ours())
