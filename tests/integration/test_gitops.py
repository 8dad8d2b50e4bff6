"""A management cluster from nothing, wave by wave as Argo CD applies it; then Argo CD and Flux apply the platform again and again while the
operator reconciles it."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from sandbox.operator_process import ROOT, azure_credentials, kustomized, secret
from tests.integration.conftest import PLATFORMS
from tests.integration.docs_pages import blocks
from tests.integration.management import Cluster, management_cluster, values
from tests.local.deploy.rendered import health_of

pytestmark = pytest.mark.story

ARGO = "argocd-controller"
"""https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#server-side-apply"""
FLUX = "kustomize-controller"
"""https://fluxcd.io/flux/components/kustomize/kustomizations/#controlling-the-apply-behavior-of-resources"""
OPERATOR = "notebook-platform"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/notebookplatforms.notebookplatform.io"
MARKS: dict[str, dict[str, Any]] = {
    ARGO: {"annotations": {"argocd.argoproj.io/tracking-id": "cluster:notebookplatform.io/NotebookPlatform:platforms/trial"}},
    FLUX: {
        "labels": {
            "kustomize.toolkit.fluxcd.io/name": "notebook-platforms",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        }
    },
}
"""What each of them adds to the objects of the repository."""
APPLIES = 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with management_cluster(tmp_path_factory.mktemp("gitops")) as made:
        yield made


def wave(number: int) -> list[dict[str, Any]]:
    (name,) = ("0-crd", "1-operator", "2-namespaces", "3-secrets", "4-platforms")[number : number + 1]
    return kustomized(f"../gitops/waves/{name}")


def apply(cluster: Cluster, documents: list[dict[str, Any]], manager: str) -> list[dict[str, Any]]:
    return [cluster.site.api.apply(document, fieldManager=manager) for document in documents]


def hub(manager: str) -> dict[str, Any]:
    """Return the platform of the last wave as a manager applies it; reconciled every second."""
    (document,) = wave(4)
    document["spec"]["interval"] = "1s"
    for member, more in MARKS[manager].items():
        document["metadata"][member] = document["metadata"].get(member, {}) | more
    return document


def stored(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.site.read(f"{PLATFORMS}/trial")
    return found


def owners(platform: dict[str, Any]) -> dict[str, str]:
    """Return who owns the fields of an object: manager and operation by `spec`, `status`, `finalizers` and such."""
    found: dict[str, list[str]] = {}
    for entry in platform["metadata"]["managedFields"]:
        fields = entry["fieldsV1"]
        for name in [*fields.get("f:metadata", {}), *(one for one in fields if one != "f:metadata")]:
            found.setdefault(name.removeprefix("f:"), []).append(f"{entry['manager']} ({entry['operation']})")
    return {name: ", ".join(sorted(managers)) for name, managers in found.items()}


def test_the_first_wave_is_over_when_the_kind_is_served(cluster: Cluster) -> None:
    apply(cluster, wave(0), ARGO)

    def established() -> bool:
        """Argo CD's own check. `kubectl wait` ends with an error while the new object has no conditions yet."""
        conditions = cluster.site.read(CRD).get("status", {}).get("conditions") or ()
        return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

    cluster.site.until("the kind is served", established, 30)


def test_the_second_wave_starts_an_operator_that_is_ready_without_a_platform(cluster: Cluster) -> None:
    documents = wave(1)
    (config,) = [one for one in documents if one["kind"] == "ConfigMap"]
    here = values(cluster.environment)["config"] | {"helm": cluster.environment["SANDBOX_HELM"]}
    config["data"]["config.yaml"] = yaml.safe_dump(yaml.safe_load(config["data"]["config.yaml"]) | here)
    apply(cluster, documents, ARGO)
    cluster.start_operator()


def test_the_secret_that_external_secrets_makes_is_the_one_that_the_platform_names(cluster: Cluster) -> None:
    apply(cluster, wave(2), ARGO)
    (external,) = wave(3)
    data = {one["secretKey"]: cluster.environment[VALUES[one["remoteRef"]["key"]]] for one in external["spec"]["data"]}
    made = secret(external["spec"]["target"]["name"], external["metadata"]["namespace"], data)
    cluster.site.api.apply(made, fieldManager="external-secrets")


VALUES = {
    "hub-tenant-id": "SANDBOX_TENANT",
    "hub-client-id": "SANDBOX_CLIENT_ID",
    "hub-client-secret": "SANDBOX_CLIENT_SECRET",
}
"""What the key vault holds, by the names of its secrets."""


def test_the_last_wave_is_healthy_for_argo_cd_when_the_hub_is_ready(cluster: Cluster) -> None:
    (made,) = apply(cluster, [hub(ARGO)], ARGO)
    assert health_of(made) == ("Progressing", "The operator has not reconciled this generation yet")
    cluster.site.until_ready("trial", timeout=180)
    assert health_of(stored(cluster))[0] == "Healthy"


def test_the_fields_have_one_manager_each(cluster: Cluster) -> None:
    assert owners(stored(cluster)) == {
        "annotations": f"{ARGO} (Apply)",
        "spec": f"{ARGO} (Apply)",
        "finalizers": f"{OPERATOR} (Update)",
        "status": f"{OPERATOR} (Update)",
    }


@pytest.mark.parametrize("manager", [ARGO, FLUX])
def test_repeated_applies_and_reconciles_change_nothing(cluster: Cluster, manager: str) -> None:
    site = cluster.site
    apply(cluster, [hub(manager)], manager)
    before, mark = stored(cluster), site.mark()
    for _ in range(APPLIES):
        apply(cluster, [hub(manager)], manager)
        site.wait_for_reconciles(1)
    after = stored(cluster)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"], changed(before, after)
    assert after["metadata"]["generation"] == 1 and site.writes(mark) == []


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the members that differ, for the report of a failure."""
    return {name: (before.get(name), after[name]) for name in after if after[name] != before.get(name)}


def test_flux_shares_the_spec_that_argo_cd_applied_before_it(cluster: Cluster) -> None:
    found = owners(stored(cluster))
    assert found["spec"] == f"{ARGO} (Apply), {FLUX} (Apply)" and found["labels"] == f"{FLUX} (Apply)"
    assert found["status"] == f"{OPERATOR} (Update)" and found["finalizers"] == f"{OPERATOR} (Update)"


def test_an_apply_of_the_name_alone_ends_the_ownership_of_argo_cd_and_removes_nothing(cluster: Cluster) -> None:
    whole, before = hub(ARGO), stored(cluster)
    bare = {member: whole[member] for member in ("apiVersion", "kind")}
    metadata = {"name": whole["metadata"]["name"], "namespace": whole["metadata"]["namespace"]}
    (after,) = apply(cluster, [{**bare, "metadata": metadata}], ARGO)
    assert owners(after)["spec"] == f"{FLUX} (Apply)" and after["spec"] == before["spec"]


def test_an_approval_by_kubectl_outlives_the_applies(cluster: Cluster) -> None:
    cluster.site.kubectl("annotate", "nbp", "trial", "-n", "platforms", "notebookplatform.io/approve=4.4.0")
    apply(cluster, [hub(FLUX)], FLUX)
    cluster.site.wait_for_reconciles(2)
    assert stored(cluster)["metadata"]["annotations"]["notebookplatform.io/approve"] == "4.4.0"


def test_a_changed_secret_reaches_the_platform_that_names_it(cluster: Cluster) -> None:
    site = cluster.site
    wrong = {"data": {"clientSecret": base64.b64encode(b"expired").decode()}}
    site.kubectl("patch", "secret", "azure-credentials", "-n", "platforms", "-p", json.dumps(wrong))
    site.until("the sign-in fails", lambda: site.condition("trial", "CredentialsReady")["status"] == "False")
    assert health_of(stored(cluster))[0] == "Degraded"


def test_the_secret_that_flux_decrypts_with_sops_mends_the_sign_in(cluster: Cluster) -> None:
    site = cluster.site
    page = blocks(ROOT / "docs" / "gitops.md")
    document = next(yaml.safe_load(block.text) for block in page if block.title == "azure-credentials.yaml")
    credentials = azure_credentials(cluster.environment)
    document["stringData"] = {key: credentials[key] for key in document["stringData"]}
    for _ in range(2):
        (made,) = apply(cluster, [document], FLUX)
    assert "stringData" not in made and set(made["data"]) == set(credentials)
    site.until_ready("trial")
