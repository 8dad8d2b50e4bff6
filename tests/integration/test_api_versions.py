"""The plan of docs/api-versions.md on a real API server: a second version of the kind, the migration of stored objects, the end of the first."""

import copy
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from notebook_platform.api.crd import crd

from tests.api_server import Refused
from tests.integration.conftest import Field, runbook

pytestmark = pytest.mark.story

GROUP, PLURAL, KIND = "versions.example.org", "versionedplatforms", "VersionedPlatform"
"""A kind of its own with the schema of NotebookPlatform, since other tests use that."""
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATH = f"{CRDS}/{PLURAL}.{GROUP}"
ARGO = "argocd-controller"


def definition(*versions: str) -> dict[str, Any]:
    """Return a definition with these versions of one schema. The last one is stored, the earlier ones are deprecated."""
    found = copy.deepcopy(crd())
    found["metadata"]["name"] = f"{PLURAL}.{GROUP}"
    found["spec"] |= {"group": GROUP, "names": {"kind": KIND, "plural": PLURAL, "singular": KIND.lower()}}
    (schema,) = found["spec"]["versions"]
    last = versions[-1]
    found["spec"]["versions"] = [
        {**schema, "name": name, "storage": name == last, "deprecated": name != last} for name in versions
    ]
    return found


def platform(version: str) -> dict[str, Any]:
    found = runbook("versions")
    return {**found, "apiVersion": f"{GROUP}/{version}", "kind": KIND}


def objects(version: str) -> str:
    return f"/apis/{GROUP}/{version}/namespaces/platforms/{PLURAL}"


def stored_versions(site: Field) -> list[str]:
    found: list[str] = site.read(PATH)["status"]["storedVersions"]
    return found


@pytest.fixture(scope="module")
def versions(site: Field) -> Iterator[Field]:
    site.apply(definition("v1alpha1"))
    site.until("the kind is served", lambda: site.read(objects("v1alpha1")))
    site.api.apply(platform("v1alpha1"), fieldManager=ARGO)
    yield site
    site.kubectl("delete", "crd", f"{PLURAL}.{GROUP}")


def test_both_versions_serve_an_object_that_was_stored_before_the_second_one(versions: Field) -> None:
    before = versions.read(f"{objects('v1alpha1')}/versions")
    versions.apply(definition("v1alpha1", "v1beta1"))
    versions.until("the second version is served", lambda: versions.read(objects("v1beta1")))
    old, new = (versions.read(f"{objects(version)}/versions") for version in ("v1alpha1", "v1beta1"))
    assert old["spec"] == new["spec"] == before["spec"] and new["apiVersion"] == f"{GROUP}/v1beta1"
    assert old["metadata"]["uid"] == new["metadata"]["uid"] == before["metadata"]["uid"]
    assert old["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_the_api_server_warns_who_uses_the_first_version(versions: Field) -> None:
    def warning(version: str) -> str:
        answer = versions.api.http.request("GET", f"{versions.api.url}{objects(version)}/versions")
        return str(answer.headers.get("Warning", ""))

    assert f"{GROUP}/v1alpha1 {KIND} is deprecated" in warning("v1alpha1") and warning("v1beta1") == ""


def test_a_policy_warns_who_sets_a_deprecated_field(versions: Field) -> None:
    rule = {"apiGroups": [GROUP], "apiVersions": ["*"], "resources": [PLURAL], "operations": ["CREATE", "UPDATE"]}
    validation = {"expression": "!has(object.spec.interval)", "message": "spec.interval is deprecated: remove it"}
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": GROUP}}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [validation]}
    policy = {**head, "kind": "ValidatingAdmissionPolicy", "spec": spec}
    binding = {**head, "kind": "ValidatingAdmissionPolicyBinding", "spec": {"policyName": GROUP, "validationActions": ["Warn"]}}
    versions.apply(policy, binding)

    def warned() -> bool:
        url = f"{versions.api.url}{objects('v1beta1')}/versions?fieldManager={ARGO}&force=true&dryRun=All"
        headers = {**versions.api.http.headers, "Content-Type": "application/apply-patch+yaml"}
        answer = versions.api.http.request("PATCH", url, body=json.dumps(platform("v1beta1")), headers=headers)
        return answer.status == HTTPStatus.OK and "spec.interval is deprecated" in answer.headers.get("Warning", "")

    versions.until("the API server warns", warned)
    versions.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", GROUP)


def test_a_version_cannot_go_while_an_object_may_be_stored_in_it(versions: Field) -> None:
    assert stored_versions(versions) == ["v1alpha1", "v1beta1"]
    with pytest.raises(Refused, match=r"status\.storedVersions.*v1alpha1"):
        versions.apply(definition("v1beta1"))


def test_a_repository_that_names_the_second_version_owns_the_same_fields(versions: Field) -> None:
    versions.api.apply(platform("v1beta1"), fieldManager=ARGO)
    metadata = versions.read(f"{objects('v1beta1')}/versions")["metadata"]
    (entry,) = metadata["managedFields"]
    assert (entry["manager"], entry["apiVersion"]) == (ARGO, f"{GROUP}/v1beta1") and metadata["generation"] == 1


def test_a_write_of_every_object_ends_the_first_version(versions: Field) -> None:
    for found in versions.read(objects("v1beta1"))["items"]:
        path = f"{objects('v1beta1')}/{found['metadata']['name']}"
        versions.api.request("PUT", path, {"apiVersion": f"{GROUP}/v1beta1", "kind": KIND, **found})
    migrated = {"status": {"storedVersions": ["v1beta1"]}}
    versions.api.request("PATCH", f"{PATH}/status", migrated, type_="application/merge-patch+json")
    before = versions.read(f"{objects('v1beta1')}/versions")
    versions.apply(definition("v1beta1"))
    versions.until("the first version is gone", lambda: versions.read(objects("v1alpha1")) is None)
    after = versions.read(f"{objects('v1beta1')}/versions")
    assert after["spec"] == before["spec"] and stored_versions(versions) == ["v1beta1"]
