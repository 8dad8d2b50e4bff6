"""What the API server grants the operator's ServiceAccount, by namespace."""

import json
from typing import Any

import pytest
import yaml

from sandbox.operator_process import ACCOUNT, NAMESPACE, ROOT, kustomized, secret
from tests.security.rights.management import PLATFORMS, Management

pytestmark = pytest.mark.attack


OPERATOR = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
KUSTOMIZATIONS = ["base", "overlays/whole-cluster", "overlays/workload-identity", "namespaces/platforms"]
COMPONENTS = ["private-addresses/networkpolicy", "managed-identity/networkpolicy", "whole-cluster/clusterrolebinding"]
OWN = {"app.kubernetes.io/managed-by": "notebook-platform"}
NOT_OWN = "the operator writes only Secrets with the label"


def may(site: Management, *asked: tuple[str, str], namespace: str = "") -> dict[tuple[str, str], bool]:
    """Return whether the operator's ServiceAccount may do something, (verb, resource.group/subresource), by a question to the API
    server. Without a namespace: in the whole cluster."""
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    reviews = []
    for verb, named in asked:
        whole, _, subresource = named.partition("/")
        resource, _, group = whole.partition(".")
        attributes = {"verb": verb, "resource": resource, "group": group, "subresource": subresource, "namespace": namespace}
        spec = {"user": OPERATOR, "groups": groups, "resourceAttributes": attributes}
        reviews.append({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    text = yaml.safe_dump_all(reviews)
    answers = site.kubectl("create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}', stdin=text).split()
    return {question: answer == "true" for question, answer in zip(asked, answers, strict=True)}


RBAC = "rbac.authorization.k8s.io"
NEVER = [
    *[
        (verb, f"{kind}.{RBAC}")
        for kind in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
        for verb in ("create", "update", "patch")
    ],
    ("bind", f"clusterroles.{RBAC}"),
    ("escalate", f"clusterroles.{RBAC}"),
    ("escalate", f"roles.{RBAC}"),
    ("impersonate", "users"),
    ("impersonate", "groups"),
    ("impersonate", "serviceaccounts"),
    ("create", "serviceaccounts"),
    ("create", "serviceaccounts/token"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("get", "pods"),
    ("get", "pods/log"),
    ("get", "nodes"),
    ("get", "nodes/proxy"),
    ("create", "namespaces"),
    ("delete", "namespaces"),
    ("patch", "namespaces"),
    ("create", PLATFORMS),
    ("delete", PLATFORMS),
    ("update", PLATFORMS),
    ("deletecollection", "secrets"),
    ("patch", "secrets"),
    ("create", "configmaps"),
    ("update", "configmaps"),
    ("delete", "configmaps"),
    ("list", "events"),
    ("delete", "events"),
    ("delete", "customresourcedefinitions.apiextensions.k8s.io"),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ("update", "validatingadmissionpolicies.admissionregistration.k8s.io"),
    ("delete", "validatingadmissionpolicybindings.admissionregistration.k8s.io"),
    ("create", "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
    ("delete", "networkpolicies.networking.k8s.io"),
    ("create", "deployments.apps"),
    ("approve", "certificatesigningrequests.certificates.k8s.io"),
]
NEEDED = [
    *[(verb, "secrets") for verb in ("get", "list", "watch", "create", "update", "delete")],
    *[(verb, "configmaps") for verb in ("get", "list", "watch")],
    *[(verb, PLATFORMS) for verb in ("get", "list", "watch", "patch")],
    ("patch", f"{PLATFORMS}/status"),
    ("create", "events"),
]
ANYWHERE = [
    (verb, resource)
    for verb in ("get", "list", "watch", "create", "update", "patch", "delete")
    for resource in ("secrets", "configmaps", "events", PLATFORMS, f"{PLATFORMS}/status")
]


@pytest.mark.parametrize("namespace", ["platforms", NAMESPACE, ""])
def test_the_operator_cannot_do_what_it_does_not_need_not_even_in_its_namespaces(site: Management, namespace: str) -> None:
    assert [question for question, yes in may(site, *NEVER, namespace=namespace).items() if yes] == []


def test_the_operator_has_leases_in_its_own_namespace_and_deletes_none(site: Management) -> None:
    leases = "leases.coordination.k8s.io"
    verbs = ("get", "list", "create", "patch", "update", "delete", "watch")
    allowed = {verb for (verb, _), yes in may(site, *((verb, leases) for verb in verbs), namespace=NAMESPACE).items() if yes}
    assert allowed == {"get", "list", "create", "patch"}
    assert not any(may(site, *((verb, leases) for verb in verbs), namespace="kube-system").values())


def test_the_operator_lists_no_secrets_in_its_own_namespace_where_it_keeps_its_access_to_clusters(site: Management) -> None:
    allowed = {question for question, yes in may(site, *ANYWHERE, namespace=NAMESPACE).items() if yes}
    assert allowed == {(verb, "secrets") for verb in ("get", "create", "update", "delete")}


@pytest.mark.parametrize("namespace", ["kube-system", "default"])
def test_the_operator_reads_nothing_in_a_namespace_without_a_rolebinding(site: Management, namespace: str) -> None:
    assert [question for question, yes in may(site, *ANYWHERE, namespace=namespace).items() if yes] == []


def test_the_operator_has_no_right_on_the_whole_cluster_but_on_namespaces_and_crds(site: Management) -> None:
    assert [question for question, yes in may(site, *ANYWHERE).items() if yes] == []
    observed = ("namespaces", "customresourcedefinitions.apiextensions.k8s.io")
    assert all(may(site, *[(verb, name) for name in observed for verb in ("list", "watch")]).values())


def test_the_operator_has_what_it_needs_where_a_rolebinding_is(site: Management) -> None:
    assert [question for question, yes in may(site, *NEEDED, namespace="platforms").items() if not yes] == []


def as_operator(site: Management, *arguments: str, of: dict[str, Any] | None = None) -> str:
    """Run kubectl with the operator's identity; return its output, errors included."""
    return site.kubectl("--as", OPERATOR, *arguments, stdin=json.dumps(of) if of else None, check=False)


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "Helm"}, {"app.kubernetes.io/managed-by": ""}])
def test_the_operators_token_cannot_change_or_delete_a_secret_of_the_author(
    site: Management, namespace: str, labels: dict[str, str]
) -> None:
    mine: Any = secret("mine", namespace, {"password": "an-authors-own-word"})
    mine["metadata"]["labels"] = labels
    site.apply(mine)
    for claimed in ({}, labels, OWN):
        other: Any = secret("mine", namespace, {"password": "overwritten"})
        other["metadata"]["labels"] = claimed
        assert NOT_OWN in as_operator(site, "replace", "-f", "-", of=other)
    assert NOT_OWN in as_operator(site, "delete", "secret", "mine", "-n", namespace)
    kept = json.loads(site.kubectl("get", "secret", "mine", "-n", namespace, "-o", "json"))
    assert kept["data"] == mine["data"]


def test_the_operators_token_makes_no_secret_for_a_service_accounts_token(site: Management, namespace: str) -> None:
    trap: Any = secret("trap", namespace, {})
    trap["type"] = "kubernetes.io/service-account-token"
    trap["metadata"] |= {"labels": OWN, "annotations": {"kubernetes.io/service-account.name": "default"}}
    answer = as_operator(site, "create", "-f", "-", of=trap)
    assert "makes no Secret of the type kubernetes.io/service-account-token" in answer
    assert site.kubectl("get", "secret", "trap", "-n", namespace, "--ignore-not-found").strip() == ""


def test_the_operators_token_writes_its_own_secrets_and_keeps_their_label(site: Management, namespace: str) -> None:
    own: Any = secret("own", namespace, {"a": "b"})
    assert NOT_OWN in as_operator(site, "create", "-f", "-", of=own)
    own["metadata"]["labels"] = OWN
    assert "created" in as_operator(site, "create", "-f", "-", of=own)
    assert "replaced" in as_operator(site, "replace", "-f", "-", of=own)
    own["metadata"]["labels"] = {}
    assert NOT_OWN in as_operator(site, "replace", "-f", "-", of=own)
    site.platform(namespace, suspend=True)
    owner = {
        "apiVersion": "notebookplatform.io/v1alpha1",
        "kind": "NotebookPlatform",
        "name": "x",
        "uid": site.kubectl(
            "get", "nbp", "x", "-n", namespace, "-o", "jsonpath={.metadata.uid}"
        ),  # else it is garbage, and collected
        "controller": True,
    }
    own["metadata"]["ownerReferences"] = [owner]
    site.apply(own)
    site.kubectl("label", "secret", "own", "-n", namespace, "app.kubernetes.io/managed-by-")
    own["metadata"]["labels"] = OWN
    assert "replaced" in as_operator(site, "replace", "-f", "-", of=own), "its author took the label away"
    assert "deleted" in as_operator(site, "delete", "secret", "own", "-n", namespace)


@pytest.mark.parametrize(
    "change",
    [{"deletionProtection": False}, {"suspend": False}, {"interval": "5m"}, {"cluster": {"kubernetesVersion": "1.36"}}],
)
def test_the_operators_token_changes_no_spec(site: Management, namespace: str, change: dict[str, Any]) -> None:
    site.platform(namespace, deletionProtection=True, suspend=True)
    before = site.kubectl("get", "nbp", "x", "-n", namespace, "-o", "jsonpath={.spec}")
    answer = as_operator(site, "patch", "nbp", "x", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": change}))
    assert "the operator changes no spec" in answer
    assert site.kubectl("get", "nbp", "x", "-n", namespace, "-o", "jsonpath={.spec}") == before
    finalizer = {"metadata": {"finalizers": ["notebookplatform.io/test"]}}
    assert "patched" in as_operator(site, "patch", "nbp", "x", "-n", namespace, "--type=merge", "-p", json.dumps(finalizer))
    released = {"metadata": {"finalizers": []}, "spec": {"deletionProtection": False}}
    site.kubectl("patch", "nbp", "x", "-n", namespace, "--type=merge", "-p", json.dumps(released))


def accepted(site: Management, objects: list[dict[str, Any]]) -> None:
    """Assert that the API server accepts these objects, with no unknown field."""
    command = ["apply", "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"]
    answer = site.kubectl(*command, stdin=yaml.dump_all(objects, Dumper=yaml.CSafeDumper))
    assert answer.count("(server dry run)") == len(objects)


@pytest.mark.parametrize("path", KUSTOMIZATIONS)
def test_the_api_server_takes_every_deployment_as_it_is(site: Management, path: str) -> None:
    accepted(site, kustomized(path))


@pytest.mark.parametrize("path", COMPONENTS)
def test_the_api_server_takes_every_component_as_it_is(site: Management, path: str) -> None:
    accepted(site, list(yaml.safe_load_all((ROOT / "deploy/kustomize/components" / f"{path}.yaml").read_text())))
