"""How the operator is installed: a minimal image, a minimal role, a locked-down pod."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from notebook_platform.api.crd import FILE, crd, crd_yaml
from notebook_platform.azure.arm.grants import IdentityGrant

from sandbox.operator_process import ROOT
from tests.local.deploy.rendered import kustomized


def test_the_crd_in_the_repository_is_the_one_the_code_makes() -> None:
    assert (ROOT / "crds" / FILE).read_text() == crd_yaml(), "run `make crds`"


def test_every_field_is_described_and_every_string_list_and_map_is_bounded() -> None:
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]

    def visit(node: dict, path: str) -> None:
        if not path.endswith(("[]", "{}")):
            assert node.get("description"), path
        if node.get("type") == "string" and "enum" not in node:
            assert "maxLength" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path
            visit(node["items"], f"{path}[]")
        for name, child in node.get("properties", {}).items():
            visit(child, f"{path}.{name}")

    visit(schema["spec"], "spec")
    visit(schema["status"], "status")


def test_the_base_is_complete_and_the_pod_is_locked_down() -> None:
    objects = {d["kind"]: d for d in kustomized("base")}
    assert set(objects) >= {
        "Namespace",
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "NetworkPolicy",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "Deployment",
    }
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["enableServiceLinks"] is False, "a Service's variables would be read as the operator's configuration"
    assert container["livenessProbe"] and container["readinessProbe"] and container["resources"]["limits"]
    spec = objects["Deployment"]["spec"]
    assert spec["replicas"] == 2 and spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    budget = objects["PodDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1 and budget["selector"] == spec["selector"]


def test_the_workload_identity_overlay_labels_the_pod() -> None:
    (deployment,) = [d for d in kustomized("overlays/workload-identity") if d["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["metadata"]["labels"]["azure.workload.identity/use"] == "true"


def test_the_workload_identity_overlay_names_who_may_use_the_identity() -> None:
    (config,) = [d for d in kustomized("overlays/workload-identity") if d["kind"] == "ConfigMap"]
    (entry,) = yaml.safe_load(config["data"]["config.yaml"])["identities"]
    grant = IdentityGrant.model_validate(entry)
    (account,) = [d for d in kustomized("overlays/workload-identity") if d["kind"] == "ServiceAccount"]
    assert grant.client_id == account["metadata"]["annotations"]["azure.workload.identity/client-id"]
    assert grant.namespaces == ["platforms"] and "*" not in grant.subscriptions + grant.resource_groups


@pytest.mark.parametrize("path", ["base", "overlays/workload-identity"])
def test_the_operator_reads_its_configuration_from_a_config_map(path: str) -> None:
    objects = kustomized(path)
    (deployment,) = [d for d in objects if d["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (mounted,) = [m for m in container["volumeMounts"] if m["name"] == "config"]
    (volume,) = [v for v in pod["volumes"] if v["name"] == "config"]
    named = next(v["value"] for v in container["env"] if v["name"] == "NOTEBOOK_PLATFORM_CONFIG")
    assert named == f"{mounted['mountPath']}/config.yaml" and mounted["readOnly"] is True
    maps = [d["metadata"]["name"] for d in objects if d["kind"] == "ConfigMap"]
    assert volume["configMap"]["name"] in (maps or ["notebook-platform-config"]) and volume["configMap"]["optional"] is True


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "hadolint"), str(ROOT / "Dockerfile")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_wheel_holds_the_operator_and_nothing_of_the_sandbox(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name == "notebook_platform/clients.py" for name in names)
    assert not [name for name in names if name.startswith(("sandbox", "tests", "operator"))]


def test_no_requirement_records_where_it_was_fetched_from() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text and "--hash=sha256:" in text, path


def test_the_release_workflow_pins_each_action_by_its_commit() -> None:
    text = (ROOT / ".github/workflows/release.yaml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert len(used) == 6 and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in used)
    assert "linux/amd64,linux/arm64" in text and yaml.safe_load(text)["permissions"] == {}
