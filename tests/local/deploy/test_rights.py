"""The operator's rights in the deployment: roles by namespace, the network, and what limits its writes."""

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import pytest
from notebook_platform.config import OperatorConfig
from pydantic import ValidationError

from sandbox.operator_process import ACCOUNT, NAMESPACE
from tests.local.deploy.rendered import kustomized

READS = {"get", "list", "watch"}
SUBJECT = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
LAYOUTS = ("base", "overlays/whole-cluster", "overlays/workload-identity")


def of_kind(path: str, kind: str) -> list[dict[str, Any]]:
    return [one for one in kustomized(path) if one["kind"] == kind]


def role(name: str) -> list[dict[str, Any]]:
    (found,) = [one for one in of_kind("base", "ClusterRole") if one["metadata"]["name"] == name]
    return list(found["rules"])


def granted(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb) for r in rules for group in r["apiGroups"] for resource in r["resources"] for verb in r["verbs"]
    }


@pytest.mark.parametrize("name", ["notebook-platform", "notebook-platform-namespace"])
def test_no_role_has_a_wildcard(name: str) -> None:
    for rule in role(name):
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]


def test_the_rights_for_the_whole_cluster_read_namespaces_and_crds_only() -> None:
    assert granted(role("notebook-platform")) == {
        (group, resource, verb)
        for group, resource in (("", "namespaces"), ("apiextensions.k8s.io", "customresourcedefinitions"))
        for verb in ("list", "watch")
    }


def test_the_rights_in_a_namespace_write_what_the_operator_makes_and_nothing_else() -> None:
    writes = {(resource, verb) for _, resource, verb in granted(role("notebook-platform-namespace")) if verb not in READS}
    platforms = {("notebookplatforms", "patch"), ("notebookplatforms/status", "patch"), ("events", "create")}
    assert writes == platforms | {("secrets", verb) for verb in ("create", "update", "delete")}


def test_the_base_binds_rights_on_secrets_in_the_operators_namespace_alone_where_it_lists_none() -> None:
    (binding,) = of_kind("base", "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == "notebook-platform" and binding["subjects"] == [SUBJECT]
    roles, own = of_kind("base", "Role"), of_kind("base", "RoleBinding")
    granted_there = {one["metadata"]["name"]: granted(one["rules"]) for one in roles}
    assert granted_there == {
        "notebook-platform-leases": {("coordination.k8s.io", "leases", verb) for verb in ("get", "list", "create", "patch")},
        "notebook-platform-access": {("", "secrets", verb) for verb in ("get", "create", "update", "delete")},
    }
    assert {one["roleRef"]["name"] for one in own} == set(granted_there)
    assert {one["metadata"]["namespace"] for one in (*roles, *own)} == {NAMESPACE}
    assert all(one["subjects"] == [SUBJECT] for one in own)


def test_a_namespace_is_bound_where_it_is_made_and_uninstalling_the_operator_leaves_it() -> None:
    (binding,) = of_kind("namespaces/platforms", "RoleBinding")
    assert binding["metadata"]["namespace"] == "platforms" and binding["subjects"] == [SUBJECT]
    assert binding["roleRef"]["name"] == "notebook-platform-namespace"
    assert [one["metadata"]["name"] for one in of_kind("base", "Namespace")] == [NAMESPACE]


def watched(path: str) -> Any:
    (deployment,) = of_kind(path, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (value,) = [e["value"] for e in container["env"] if e["name"] == "NOTEBOOK_PLATFORM_NAMESPACES"]
    return json.loads(value)


@pytest.mark.parametrize(("path", "namespaces"), [("base", ["platforms"]), ("overlays/whole-cluster", [])])
def test_the_operator_watches_what_its_rights_cover(path: str, namespaces: list[str]) -> None:
    assert watched(path) == namespaces
    bound = {b["roleRef"]["name"] for b in of_kind(path, "ClusterRoleBinding")}
    assert ("notebook-platform-namespace" in bound) is (namespaces == [])


@pytest.mark.parametrize("path", LAYOUTS)
def test_all_that_the_policies_for_the_operators_writes_name_is_its_account(path: str) -> None:
    found = [
        one for one in of_kind(path, "ValidatingAdmissionPolicy") if one["metadata"]["name"].startswith("notebook-platform-")
    ]
    expressions = {
        c["expression"] for one in found for c in one["spec"].get("matchConditions", ()) if c["name"] == "the-operator"
    }
    assert expressions == {f"request.userInfo.username == 'system:serviceaccount:{NAMESPACE}:{ACCOUNT}'"}


def egress(path: str) -> Iterator[tuple[dict[str, Any], set[int]]]:
    for policy in of_kind(path, "NetworkPolicy"):
        for rule in policy["spec"].get("egress", ()):
            for to in rule["to"]:
                yield to, {port["port"] for port in rule["ports"]}


def reachable(path: str, address: str) -> set[int]:
    """Return the ports at which the pod may connect to an address outside the cluster."""
    found: set[int] = set()
    ip = ipaddress.ip_address(address)
    for to, ports in egress(path):
        block = to.get("ipBlock", {"cidr": "192.0.2.0/32"})
        refused = [ipaddress.ip_network(one) for one in block.get("except", ())]
        if ip in ipaddress.ip_network(block["cidr"]) and not any(ip in one for one in refused):
            found |= ports
    return found


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "168.63.129.16",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
def test_the_pod_reaches_no_private_or_metadata_address(address: str) -> None:
    for path in LAYOUTS:
        assert reachable(path, address) == set()


@pytest.mark.parametrize("address", ["20.50.2.1", "1.1.1.1", "172.32.0.1", "2603:1030::1"])
def test_the_pod_reaches_azure_and_hubs(address: str) -> None:
    assert reachable("base", address) == {80, 443, 6443}


def test_everything_that_no_rule_allows_is_refused_in_both_directions() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("base", "NetworkPolicy")}
    assert policies["notebook-platform"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (rule,) = [rule for spec in policies.values() for rule in spec.get("ingress", ())]
    assert rule == {
        "from": [{"namespaceSelector": {"matchLabels": {"metrics": "enabled"}}}],
        "ports": [{"protocol": "TCP", "port": 8081}],
    }


def test_the_policies_select_the_operators_pod() -> None:
    (deployment,) = of_kind("base", "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for policy in of_kind("base", "NetworkPolicy"):
        assert policy["metadata"]["namespace"] == deployment["metadata"]["namespace"]
        assert policy["spec"]["podSelector"].get("matchLabels", labels).items() <= labels.items()


@pytest.mark.parametrize("name", ["Team", "a b", "../x", "a/b", "", "x\n", "a,", "!", "team_a", "\u00e4", "a;b", "$HOME"])
def test_a_name_that_no_namespace_has_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="neither a namespace name nor a pattern"):
        OperatorConfig(namespaces=[name])


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["platforms"], False),
        ([], False),
        (["a", "b-1"], False),
        (["team-*"], True),
        (["!kube-*, !default"], True),
        (["a", "t?"], True),
    ],
)
def test_patterns_are_distinguished_from_exact_names(names: list[str], patterns: bool) -> None:
    assert OperatorConfig(namespaces=names).has_namespace_patterns is patterns
