"""The chart (deploy/chart), rendered by helm: it gives the same objects as deploy/kustomize, and its schema rejects wrong values."""

import json
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml
from notebook_platform.api.crd import crd
from notebook_platform.config import OperatorConfig

from docs.generator.deployment import CHART, NAMESPACE, OLDEST_KUBERNETES, SET_BY_CHART
from sandbox.kubernetes.binaries import find_helm
from sandbox.operator_process import ROOT
from tests.local.deploy.rendered import kustomized

CLIENT = "00000000-0000-0000-0000-000000000000"
KEEP = "helm.sh/resource-policy"
CHECKSUM = "notebookplatform.io/config-checksum"


def helm(values: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Render the chart with values, which are JSON."""
    command = [str(find_helm()), "template", "notebook-platform", str(CHART), "--namespace", NAMESPACE, "--values", "-", *more]
    return subprocess.run([*command, "--kube-version", OLDEST_KUBERNETES], input=values, capture_output=True, text=True)


@cache
def documents(values: str) -> list[dict[str, Any]]:
    done = helm(values)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if one]


def rendered(**values: Any) -> list[dict[str, Any]]:
    """Return the objects of the chart; without the CRD, unless the values have it."""
    return documents(json.dumps({"crds": {"enabled": False}, **values}))


def by_name(objects: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return objects by kind, namespace and name, without what only one of the ways to install needs: the policy that keeps a
    Namespace when the release ends, a hash in the name of a ConfigMap, and the checksum that replaces it."""
    found = {}
    for one in json.loads(json.dumps(objects)):
        metadata = one["metadata"]
        metadata.get("annotations", {}).pop(KEEP, None)
        if one["kind"] == "ConfigMap":
            metadata["name"] = "notebook-platform-config"
            one["data"] = yaml.safe_load(one["data"]["config.yaml"])
        if one["kind"] == "Deployment":
            template = one["spec"]["template"]
            (container,) = template["spec"]["containers"]
            container["env"].sort(key=lambda variable: variable["name"])  # a strategic merge patch reorders them
            template["metadata"].get("annotations", {}).pop(CHECKSUM, None)
            for volume in template["spec"]["volumes"]:
                if volume["name"] == "config":
                    volume["configMap"]["name"] = "notebook-platform-config"
            if not template["metadata"].get("annotations", True):
                del template["metadata"]["annotations"]
        metadata.get("labels", {}).pop("app.kubernetes.io/name", None)  # kustomize's hand-written parts have none
        if not metadata.get("labels", True):
            del metadata["labels"]
        if not metadata.get("annotations", True):
            del metadata["annotations"]
        found[one["kind"], metadata.get("namespace", ""), metadata["name"]] = one
    return found


def of_kustomize(*paths: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return what kustomize renders, without the CRD and the Namespace of the release."""
    objects = [one for path in paths for one in kustomized(path) if one["kind"] != "CustomResourceDefinition"]
    return by_name([one for one in objects if (one["kind"], one["metadata"]["name"]) != ("Namespace", NAMESPACE)])


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [one for one in objects if one["kind"] == kind]
    return found


def test_the_default_values_give_the_base_and_a_namespace_with_platforms() -> None:
    assert by_name(rendered()) == of_kustomize("base", "namespaces/platforms")


def test_rights_in_the_whole_cluster_are_those_of_the_overlay() -> None:
    assert by_name(rendered(rbac={"scope": "Cluster"}, createNamespaces=False)) == of_kustomize("overlays/whole-cluster")


def test_workload_identity_and_its_allow_list_are_those_of_the_overlay() -> None:
    config = yaml.safe_load((ROOT / "deploy/kustomize/overlays/workload-identity/config.yaml").read_text())
    values = rendered(workloadIdentity={"clientId": CLIENT}, config=config)
    assert by_name(values) == of_kustomize("overlays/workload-identity", "namespaces/platforms")


def test_network_policies_for_private_addresses_are_those_of_the_components() -> None:
    network = {"privateAddresses": [{"cidr": "10.0.0.4/32", "port": 443}], "instanceMetadata": True}
    found = by_name(rendered(networkPolicy=network))
    for component in ("private-addresses", "managed-identity"):
        path = ROOT / "deploy/kustomize/components" / component / "networkpolicy.yaml"
        for key, policy in by_name([yaml.safe_load(path.read_text())]).items():
            assert found[key] == policy
    assert len(found) == len(by_name(rendered())) + 2
    assert not [one for one in rendered(networkPolicy={"enabled": False}) if one["kind"] == "NetworkPolicy"]


def test_the_crd_is_part_of_the_release_and_stays_when_it_ends() -> None:
    found = one(rendered(crds={"enabled": True}), "CustomResourceDefinition")
    assert found["metadata"]["annotations"] == {KEEP: "keep"}
    assert found["spec"] == crd()["spec"]


def test_a_namespace_gets_a_role_binding_and_stays_when_the_release_ends() -> None:
    objects = rendered(namespaces=["a", "b", "team-*"])
    namespaces = [one["metadata"] for one in objects if one["kind"] == "Namespace"]
    assert [(one["name"], one["annotations"][KEEP]) for one in namespaces] == [("a", "keep"), ("b", "keep")]
    bound = {one["metadata"]["namespace"] for one in objects if one["kind"] == "RoleBinding"}
    assert bound == {"a", "b", NAMESPACE}
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    (watched,) = [e["value"] for e in container["env"] if e["name"] == "NOTEBOOK_PLATFORM_NAMESPACES"]
    assert json.loads(watched) == ["a", "b", "team-*"]


def test_another_namespace_of_the_release_is_used_throughout() -> None:
    text = helm('{"crds": {"enabled": false}}', "--namespace", "elsewhere").stdout
    assert "system:serviceaccount:elsewhere:notebook-platform" in text
    for found in yaml.load_all(text, Loader=yaml.CSafeLoader):
        assert found["metadata"].get("namespace", "elsewhere") in ("elsewhere", "platforms")
        assert {s["namespace"] for s in found.get("subjects", ())} <= {"elsewhere"}


def test_a_change_of_the_configuration_rolls_the_deployment_and_the_operator_accepts_it() -> None:
    grant = {"identity": "own", "namespaces": ["a"], "subscriptions": [CLIENT], "resourceGroups": ["g-*"]}
    config = {"shards": 4, "cluster_id": "x", "lease_duration": 30, "identities": [grant]}
    objects = rendered(config=config)
    loaded = OperatorConfig(**yaml.safe_load(one(objects, "ConfigMap")["data"]["config.yaml"]))
    assert loaded.shards == 4 and loaded.identities[0].resource_groups == ["g-*"]
    checksums = {
        one(rendered(config=each), "Deployment")["spec"]["template"]["metadata"]["annotations"][CHECKSUM]
        for each in (config, config | {"shards": 5})
    }
    assert len(checksums) == 2


def test_the_schema_has_every_setting_that_the_chart_does_not_set() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]
    assert set(schema["properties"]) == set(OperatorConfig.model_fields) - SET_BY_CHART
    assert schema["additionalProperties"] is False


def test_a_service_monitor_selects_the_service_which_selects_the_pods() -> None:
    objects = rendered(metrics={"serviceMonitor": {"enabled": True, "labels": {"release": "p"}}})
    service, monitor, deployment = (one(objects, kind) for kind in ("Service", "ServiceMonitor", "Deployment"))
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "p"
    pod = deployment["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (port,) = service["spec"]["ports"]
    named = {p["name"]: p["containerPort"] for p in pod["spec"]["containers"][0]["ports"]}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert named[port["targetPort"]] == port["port"] and endpoint["port"] == port["name"]
    assert endpoint["honorLabels"] is True, "the namespace of a platform would become exported_namespace"


def test_the_prometheus_rule_has_the_alerts_of_the_documentation() -> None:
    rule = one(rendered(metrics={"rules": {"enabled": True, "labels": {"release": "p"}}}), "PrometheusRule")
    documented = yaml.safe_load((ROOT / "deploy/monitoring/prometheusrule.yaml").read_text())
    assert rule["spec"] == documented["spec"] and rule["metadata"]["labels"]["release"] == "p"


def test_image_by_digest_labels_and_placement_reach_the_pod() -> None:
    digest = "sha256:" + "a" * 64
    image = {"repository": "r.example.org/x", "tag": "1", "digest": digest, "pullSecrets": ["pull"]}
    placement = {"nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}], "priorityClassName": "high"}
    more = {"env": [{"name": "HTTPS_PROXY", "value": "http://p:1"}], "labels": {"team": "hubs"}, "podLabels": {"x": "y"}}
    objects = rendered(image=image, **placement, **more)
    template = one(objects, "Deployment")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["image"] == f"r.example.org/x@{digest}" and more["env"][0] in container["env"]
    assert placement.items() <= template["spec"].items() and template["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert template["metadata"]["labels"]["x"] == "y"
    assert all(found["metadata"]["labels"]["team"] == "hubs" for found in objects)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 2}, "replica"),
        ({"replicas": "two"}, "replicas"),
        ({"replicas": -1}, "replicas"),
        ({"image": {"tags": "1"}}, "tags"),
        ({"image": {"digest": "sha256:short"}}, "digest"),
        ({"namespaces": []}, "namespaces"),
        ({"namespaces": ["Team A"]}, "namespaces/0"),
        ({"namespaces": ["a", "a"]}, "namespaces"),
        ({"rbac": {"scope": "cluster"}}, "scope"),
        ({"workloadIdentity": {"clientId": "mine"}}, "clientId"),
        ({"config": {"shard": 4}}, "shard"),
        ({"config": {"shards": 65}}, "shards"),
        ({"config": {"namespaces": ["a"]}}, "namespaces"),
        ({"config": {"identities": [{"identity": "workload", "clientId": CLIENT}]}}, "identities/0"),
        ({"config": {"identities": [{"identity": "mine"}]}}, "identities/0"),
        ({"config": {"log_level": "debug"}}, "log_level"),
        ({"networkPolicy": {"privateAddresses": [{"cidr": "10.0.0.4"}]}}, "privateAddresses/0"),
        ({"networkPolicy": {"metricsFrom": []}}, "metricsFrom"),
        ({"metrics": {"serviceMonitor": {"enabled": "yes"}}}, "serviceMonitor/enabled"),
        ({"resources": {"limit": {}}}, "limit"),
        ({"serviceAccount": {"annotations": {"a": 1}}}, "annotations/a"),
    ],
    ids=lambda one: json.dumps(one) if isinstance(one, dict) else "",
)
def test_helm_rejects_a_wrong_value_and_names_it(values: dict[str, Any], named: str) -> None:
    done = helm(json.dumps({"crds": {"enabled": False}, **values}))
    assert done.returncode == 1 and "values don't meet the specifications of the schema" in done.stderr
    assert named in done.stderr
