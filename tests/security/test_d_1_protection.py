"""A platform with spec.deletionProtection: true survives every command, and every deletion that bypasses admission. Rights that
its spec narrows do not survive."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from sandbox.azure.authorization import ROLES
from sandbox.operator_process import ROOT
from tests.security.conftest import SUBSCRIPTION, TIMEOUT, Author, Field, make_author
from tests.security.protected import NAME, release, secrets_of, until_passes

pytestmark = [pytest.mark.attack, pytest.mark.story]

POLICIES = ROOT / "deploy" / "kustomize" / "base" / "deletion-protection.yaml"
BINDINGS = [
    one["metadata"]["name"]
    for one in yaml.safe_load_all(POLICIES.read_text())
    if one["kind"] == "ValidatingAdmissionPolicyBinding" and one["metadata"]["name"] != "notebookplatform-definition"
]
FINALIZER = "notebookplatform.io/cloud-resources"


@pytest.fixture(scope="module")
def protected(site: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    """A Ready platform that is protected, with its author, who may set owner references and delete everything in the
    namespace."""
    author = make_author(site, "protected", tmp_path_factory.mktemp("protected"))
    author.apply(author.runbook(NAME, deletionProtection=True))
    site.until("the protected platform is Ready", lambda: author.condition(NAME, "Ready")["status"] == "True", 2 * TIMEOUT)
    yield author
    author.retire()


COMMANDS = {
    "delete": ("delete", "nbp", NAME, "--wait=false"),
    "delete --force": ("delete", "nbp", NAME, "--force", "--grace-period=0", "--wait=false"),
    "delete --now": ("delete", "nbp", NAME, "--now", "--wait=false"),
    "delete --all": ("delete", "nbp", "--all", "--wait=false"),
    "delete all": ("delete", "all", "--all", "--wait=false"),
    "cascade=orphan": ("delete", "nbp", NAME, "--cascade=orphan", "--wait=false"),
    "cascade=foreground": ("delete", "nbp", NAME, "--cascade=foreground", "--wait=false"),
    "collection": ("delete", "--raw", "/apis/notebookplatform.io/v1alpha1/namespaces/protected/notebookplatforms"),
    "finalizers merged away": ("patch", "nbp", NAME, "--type=merge", "-p", '{"metadata": {"finalizers": null}}'),
    "finalizers emptied": ("patch", "nbp", NAME, "--type=merge", "-p", '{"metadata": {"finalizers": []}}'),
    "finalizer replaced": ("patch", "nbp", NAME, "--type=merge", "-p", '{"metadata": {"finalizers": ["example.org/mine"]}}'),
    "finalizer removed": ("patch", "nbp", NAME, "--type=json", "-p", '[{"op": "remove", "path": "/metadata/finalizers/0"}]'),
    "own Secret": ("delete", "secret", f"{NAME}-service-principal", "--wait=false"),
    "keys of the hub": ("delete", "secret", f"{NAME}-hub", "--wait=false"),
    "own Secrets by label": ("delete", "secret", "-l", "app.kubernetes.io/managed-by=notebook-platform", "--wait=false"),
    "own Secrets as a collection": (
        "delete",
        "--raw",
        "/api/v1/namespaces/protected/secrets?labelSelector=app.kubernetes.io/managed-by%3Dnotebook-platform",
    ),
    "namespace": ("delete", "namespace", "protected", "--wait=false"),
}


def standing(author: Author) -> dict[str, tuple[str, bool]]:
    """Return the platform and the Secrets of its namespace: uid, and whether a deletion was requested."""
    listed = json.loads(author.site.kubectl("get", "nbp,secrets", "-n", author.namespace, "-o", "json"))["items"]
    return {f"{o['kind']}/{o['metadata']['name']}": (o["metadata"]["uid"], "deletionTimestamp" in o["metadata"]) for o in listed}


@pytest.fixture(scope="module")
def before(protected: Author) -> dict[str, tuple[str, bool]]:
    return standing(protected)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("who", ["author", "administrator"])
def test_no_command_deletes_a_protected_platform(
    protected: Author, before: dict[str, tuple[str, bool]], who: str, command: tuple[str, ...]
) -> None:
    mark, place = protected.site.mark(), [] if command[1] == "--raw" else ["-n", protected.namespace]
    kubectl = protected.kubectl if who == "author" else protected.site.kubectl
    answer = kubectl(*command, *(place if who == "administrator" else []), check=False)
    assert "denied request" in answer or "forbidden" in answer.lower(), answer
    assert standing(protected) == before and protected.site.writes(mark) == []
    assert FINALIZER in protected.platform(NAME)["metadata"]["finalizers"]
    if "namespace" in command:
        namespace = json.loads(protected.site.kubectl("get", "namespace", protected.namespace, "-o", "json"))
        assert namespace["status"]["phase"] == "Active"


def test_the_refusal_names_the_field_and_what_to_do(protected: Author) -> None:
    answer = protected.kubectl("delete", "nbp", NAME, "--wait=false", check=False)
    assert "spec.deletionProtection of protected/prd is true: set it to false first" in answer and "Orphan" in answer
    answer = protected.site.kubectl("delete", "namespace", protected.namespace, "--wait=false", check=False)
    assert f"holds the NotebookPlatform {NAME}" in answer and "delete the platforms first" in answer


def test_a_service_account_with_all_rights_is_refused_too(protected: Author) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "almighty", "namespace": protected.namespace}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": "almighty", "namespace": protected.namespace}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "almighty-in-protected"},
        "roleRef": role,
        "subjects": [subject],
    }
    protected.site.apply(account, binding)
    almighty = f"--as=system:serviceaccount:{protected.namespace}:almighty"
    answer = protected.site.kubectl("delete", "nbp", NAME, "-n", protected.namespace, "--wait=false", almighty, check=False)
    assert "denied request" in answer and "deletionTimestamp" not in protected.platform(NAME)["metadata"]
    answer = protected.site.kubectl(
        "delete", "crd", "notebookplatforms.notebookplatform.io", "--wait=false", almighty, check=False
    )
    assert "denied request" in answer and "allow-deletion" in answer
    protected.site.kubectl("delete", "clusterrolebinding", "almighty-in-protected")


def test_the_garbage_collector_does_not_delete_it_with_an_owner_that_its_author_made_up(protected: Author) -> None:
    mark = protected.site.mark()
    protected.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}})
    uid = json.loads(protected.kubectl("get", "configmap", "owner", "-o", "json"))["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    protected.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sibling", "ownerReferences": [owner]}})
    reference = json.dumps({"metadata": {"ownerReferences": [owner]}})
    protected.kubectl("patch", "nbp", NAME, "--type=merge", "-p", reference)
    protected.kubectl("delete", "configmap", "owner", "--cascade=background")
    gone = "the garbage collector has deleted what the owner owned"
    protected.site.until(gone, lambda: "NotFound" in protected.kubectl("get", "configmap", "sibling", check=False))
    until_passes(protected.site)
    assert "deletionTimestamp" not in protected.platform(NAME)["metadata"] and protected.site.writes(mark) == []
    protected.kubectl("patch", "nbp", NAME, "--type=merge", "-p", '{"metadata": {"ownerReferences": null}}')


def test_a_namespace_is_kept_for_a_platform_without_protection_too_until_that_is_gone(author: Author) -> None:
    author.apply(author.runbook("plain", deletionProtection=False, suspend=True))
    author.site.until("the operator has seen it", lambda: FINALIZER in author.platform("plain")["metadata"].get("finalizers", []))
    kept = secrets_of(author)
    answer = author.site.kubectl("delete", "namespace", author.namespace, "--wait=false", check=False)
    assert "holds the NotebookPlatform plain" in answer and secrets_of(author) == kept
    author.kubectl("delete", "nbp", "plain", "--timeout=60s")
    author.site.kubectl("delete", "namespace", author.namespace, "--timeout=60s")


def test_a_role_that_the_spec_narrows_is_replaced_and_the_author_cannot_point_the_operator_at_another(protected: Author) -> None:
    site, group = protected.site, protected.platform(NAME)["spec"]["azure"]["resourceGroup"]

    def roles() -> dict[str, str]:
        found = {i: one["properties"] for i, one in site.resources().items() if "/roleassignments/" in i}
        return {i: p["roleDefinitionId"].rsplit("/", 1)[1] for i, p in found.items() if f"/{group.lower()}/" in i}

    before = roles()
    assert set(before.values()) == {ROLES["Contributor"]}
    network = next(iter(before)).split("/providers/microsoft.authorization")[0]
    foreign = f"{network}/providers/Microsoft.Authorization/roleAssignments/22222222-2222-2222-2222-222222222222"
    principal = "22222222-2222-2222-2222-222222222222"
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLES['Network Contributor']}"
    properties = {"scope": network, "principalId": principal, "roleDefinitionId": definition, "description": "a person's"}
    site.control("PUT", f"/resources{foreign}", {"name": principal, "properties": properties})
    entry = {"scope": network, "principalId": principal, "roleId": ROLES["Network Contributor"]}
    protected.kubectl(
        "patch",
        "secret",
        f"{NAME}-role-assignments",
        "--type=merge",
        "-p",
        json.dumps({"stringData": {"roleAssignments": json.dumps([entry])}}),
    )
    mark = site.mark()
    narrowed = {"spec": {"identity": {"servicePrincipal": {"role": "Network Contributor"}}}}
    protected.kubectl("patch", "nbp", NAME, "--type=merge", "-p", json.dumps(narrowed))
    site.until("the wider role is gone", lambda: ROLES["Contributor"] not in roles().values())
    assert foreign.lower() in roles() and list(roles().values()) == [ROLES["Network Contributor"]] * 2
    assert [w.split(" ")[0] for w in site.writes(mark, "roleAssignments")] == ["PUT", "DELETE"]
    assert not protected.condition(NAME, "RolePruningReady")["message"].startswith("InternalError")
    site.control("DELETE", f"/resources{foreign}")


@pytest.fixture(scope="module")
def held(protected: Author) -> Iterator[Author]:
    """The deletion of the protected platform was requested past admission: an administrator excluded its namespace from the
    policies."""
    outside = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [protected.namespace]}]}
    for binding in BINDINGS:
        patch = json.dumps({"spec": {"matchResources": {"namespaceSelector": outside}}})
        protected.site.kubectl("patch", "validatingadmissionpolicybinding", binding, "--type=merge", "-p", patch)

    def deleted() -> bool:
        protected.kubectl("delete", "nbp", NAME, "--wait=false", check=False)
        return "deletionTimestamp" in protected.platform(NAME)["metadata"]

    protected.site.until("the deletion is accepted", deleted)
    protected.until_reason(NAME, "Ready", "DeletionProtected")
    yield protected
    protected.site.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(POLICIES))


def test_a_deletion_past_admission_is_held_and_names_cause_and_remedy(held: Author) -> None:
    mark, hub = held.site.mark(), release(held)
    until_passes(held.site)
    assert held.site.writes(mark) == [] and release(held) == hub
    ready = held.condition(NAME, "Ready")
    assert "spec.deletionProtection is true" in ready["message"] and "spec.deletionPolicy: Orphan" in ready["message"]
    assert held.condition(NAME, "Stalled")["reason"] == "DeletionProtected"
    assert (held.condition(NAME, "DeletionProtected")["status"], held.condition(NAME, "DeletionProtected")["reason"]) == (
        "True",
        "DeletionHeld",
    )
    assert FINALIZER in held.platform(NAME)["metadata"]["finalizers"]
    events = json.loads(held.kubectl("get", "events", "-o", "json"))["items"]
    assert [e["reason"] for e in events].count("DeletionProtected") == 1


def test_the_health_of_what_runs_stays_visible_while_a_deletion_is_held(held: Author) -> None:
    for step in ("Cluster", "NodePools", "JupyterHub"):
        assert held.condition(NAME, f"{step}Ready")["status"] == "True", held.condition(NAME, f"{step}Ready")
    assert held.platform(NAME)["status"]["url"]


ATTEMPTS: dict[str, dict[str, Any]] = {
    "Orphan": {"spec": {"deletionPolicy": "Orphan"}},
    "suspend": {"spec": {"suspend": True}},
    "driftPolicy": {"spec": {"driftPolicy": "Warn"}},
    "another hub": {"spec": {"jupyterhub": None}},
    "fewer pools": {"spec": {"autoscale": []}},
    "confirmed": {"metadata": {"annotations": {"notebookplatform.io/confirm-deletion": "1000000"}}},
    "approved": {"metadata": {"annotations": {"notebookplatform.io/approve": "4.4.0"}}},
    "adoption": {"spec": {"adoption": "IfUnowned"}},
}


@pytest.mark.parametrize("patch", ATTEMPTS.values(), ids=ATTEMPTS)
def test_no_other_field_releases_a_held_deletion(held: Author, patch: dict[str, Any]) -> None:
    before = held.platform(NAME)
    mark, hub, kept = held.site.mark(), release(held), secrets_of(held)
    held.kubectl("patch", "nbp", NAME, "--type=merge", "-p", json.dumps(patch))
    generation = held.platform(NAME)["metadata"]["generation"]
    held.site.until(
        "the operator has seen the change", lambda: held.platform(NAME)["status"].get("observedGeneration") == generation
    )
    until_passes(held.site, 2)
    assert held.condition(NAME, "Ready")["reason"] == "DeletionProtected"
    assert held.site.writes(mark) == [] and release(held) == hub and secrets_of(held) == kept
    undo = {"spec": {key: before["spec"].get(key) for key in patch.get("spec", {})}}
    undo["metadata"] = {"annotations": dict.fromkeys(patch.get("metadata", {}).get("annotations", {}))}
    held.kubectl("patch", "nbp", NAME, "--type=merge", "-p", json.dumps(undo))


def test_an_operator_that_starts_anew_holds_it_as_well(held: Author) -> None:
    mark, hub = held.site.mark(), release(held)
    held.site.operator.kill()
    held.site.restart_operator()
    until_passes(held.site, 3)
    assert held.condition(NAME, "Ready")["reason"] == "DeletionProtected"
    assert held.site.writes(mark) == [] and release(held) == hub


def test_protection_that_is_set_again_stops_a_deletion_in_the_middle(held: Author) -> None:
    site = held.site
    group = held.platform(NAME)["spec"]["azure"]["resourceGroup"]
    refusal = {"method": "DELETE", "path": f"{group}/.*managedClusters/[^/]+$", "count": None, "status": 409, "code": "Conflict"}
    site.control("POST", "/faults", refusal)
    protect(held, False)
    begun: Callable[[], bool] = lambda: any("managedClusters" in w for w in site.writes(0, group) if w.startswith("DELETE"))  # noqa: E731
    site.until("the deletion has come as far as the cluster", begun)
    protect(held, True)
    site.until("it is stopped", lambda: held.condition(NAME, "DeletionProtected")["reason"] == "DeletionInterrupted")
    site.control("DELETE", "/faults")
    mark = site.mark()
    until_passes(site)
    assert site.writes(mark) == [] and any("/managedclusters/" in id_ and group.lower() in id_ for id_ in site.resources())
    assert "was stopped after it had begun" in held.condition(NAME, "Ready")["message"]


def test_without_protection_the_deletion_goes_on_to_its_end(held: Author) -> None:
    group = held.platform(NAME)["spec"]["azure"]["resourceGroup"].lower()
    protect(held, False)
    held.site.until("the platform is gone", lambda: held.platform(NAME) == {}, 2 * TIMEOUT)
    assert not [id_ for id_ in held.site.resources() if f"/{group}" in id_]
    left = ("get", "secrets", "-l", "app.kubernetes.io/managed-by=notebook-platform", "-o", "name")
    held.site.until("its Secrets are gone with it", lambda: not held.kubectl(*left).strip())


def protect(author: Author, value: bool) -> None:
    author.kubectl("patch", "nbp", NAME, "--type=merge", "-p", json.dumps({"spec": {"deletionProtection": value}}))
