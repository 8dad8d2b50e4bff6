"""A tenant in the hub's namespace of a built cluster, against the whole operator."""

import json
from typing import Any

import pytest
import yaml
from notebook_platform.helm.release import packed, unpacked

from tests.security.conftest import Field, runbook

pytestmark = pytest.mark.attack

NAME, TENANT = "built", "system:serviceaccount:jhub:tenant"
PRIZE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "prize"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": "jhub"}],
}


def test_a_tenant_beside_the_hub_gains_nothing_by_a_forged_record_or_marker(site: Field) -> None:
    site.apply(runbook(NAME))
    site.until_ready(NAME)
    owner = json.loads(site.target(NAME, "get", "cm", "notebook-platform-jhub", "-n", "jhub", "-o", "json"))["data"]["owner"]
    site.target(NAME, "create", "serviceaccount", "tenant", "-n", "jhub")
    site.target(NAME, "create", "rolebinding", "tenant", "-n", "jhub", "--clusterrole=edit", "--serviceaccount=jhub:tenant")

    record = json.loads(as_tenant(site, "get", "secret", "sh.helm.release.v1.jhub.v1", "-o", "json"))
    document = unpacked(record["data"]["release"])
    hooked = PRIZE | {"metadata": {"name": "prize", "annotations": {"helm.sh/hook": "pre-delete"}}}
    hook = {
        "name": "prize",
        "kind": "ClusterRoleBinding",
        "path": "x",
        "manifest": yaml.safe_dump(hooked),
        "events": ["pre-delete"],
    }
    forged = document | {"name": "forged", "version": 1, "hooks": [hook], "manifest": yaml.safe_dump(PRIZE)}
    labels = {"owner": "helm", "name": "forged", "version": "1", "status": "deployed"}
    plant(site, "sh.helm.release.v1.forged.v1", forged, labels)
    managed = {"app.kubernetes.io/managed-by": "notebook-platform"}
    marker = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notebook-platform-forged", "labels": managed}}
    data = {"owner": owner, "step": "JupyterHub", "revision": "x", "leftovers": "["}
    as_tenant(site, "apply", "-f", "-", stdin=yaml.safe_dump(marker | {"data": data}))

    document["manifest"] += "\n---\n" + yaml.safe_dump(PRIZE)
    plant(site, "sh.helm.release.v1.jhub.v1", document, record["metadata"]["labels"])
    condition = site.until_reason(NAME, "JupyterHubReady", "ReleaseRecordChanged")
    assert "sh.helm.release.v1.jhub.v1" in condition["message"] and "namespace jhub" in condition["message"]
    assert site.condition(NAME, "RetiredReleasesReady")["reason"] not in ("InternalError", "Uninstalling")
    assert "prize" not in site.target(NAME, "get", "clusterrolebindings", "-o", "name")

    as_tenant(site, "delete", "secret", "sh.helm.release.v1.jhub.v1")
    site.until_ready(NAME)
    assert "prize" not in site.target(NAME, "get", "clusterrolebindings", "-o", "name")
    assert "sh.helm.release.v1.forged.v1" in site.target(NAME, "get", "secrets", "-n", "jhub", "-o", "name")


def as_tenant(site: Field, *arguments: str, stdin: str | None = None) -> str:
    return site.target(NAME, "-n", "jhub", "--as", TENANT, *arguments, stdin=stdin)


def plant(site: Field, name: str, document: dict[str, Any], labels: dict[str, str]) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "type": "helm.sh/release.v1"}
    body = yaml.safe_dump(secret | {"data": {"release": packed(document)}})
    as_tenant(site, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=body)
