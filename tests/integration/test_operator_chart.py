"""The operator's own chart in the life of a management cluster, by real helm: install, upgrade with a platform alive, uninstall. The operator
runs as the Deployment says, as its ServiceAccount."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generator.deployment import CHART
from sandbox.operator_process import NAMESPACE, ROOT, OperatorProcess, secret
from tests.integration.conftest import SUBSCRIPTION, Field, running_sandbox

pytestmark = pytest.mark.story

CRD = "notebookplatforms.notebookplatform.io"
ADDED = "driftIgnore"
"""A field of the spec that the last version does not have."""

LIMIT = 1 << 18
"""Bytes. A Secret may have four times as many."""


class Cluster:
    """A management cluster with helm, and what an administrator does there."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self.environment, self.directory = environment, directory
        self.site = Field(environment, directory, OperatorProcess.__new__(OperatorProcess))
        self.values = directory / "values.yaml"
        self.values.write_text(yaml.safe_dump(values(environment)))
        self.starts = 0

    def helm(self, *arguments: str, check: bool = True) -> str:
        command = [self.environment["SANDBOX_HELM"], *arguments, "--namespace", NAMESPACE]
        variables = {**os.environ, "KUBECONFIG": self.environment["KUBECONFIG"]}
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def crd_diff(self) -> tuple[int, str]:
        command = [str(Path(sys.executable).parent / "notebook-platform"), "crd", "--diff"]
        variables = {**os.environ, "KUBECONFIG": self.environment["KUBECONFIG"]}
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def start_operator(self) -> None:
        """Start the operator as the kubelet would, from the Deployment and its ConfigMap. Ports and paths are this machine's."""
        deployment = self.read("deployment", "notebook-platform")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert (
            container["args"] == ["run"] and deployment["spec"]["template"]["spec"]["serviceAccountName"] == "notebook-platform"
        )
        self.starts += 1
        operator = OperatorProcess(self.environment, self.directory / f"operator-{self.starts}")
        config = self.directory / f"config-{self.starts}.yaml"
        config.write_text(self.read("configmap", "notebook-platform-config")["data"]["config.yaml"])
        kept = {name: one for name, one in operator.environment.items() if not name.startswith("NOTEBOOK_PLATFORM_")}
        operator.environment = {
            **kept,
            **{one["name"]: one["value"] for one in container["env"]},
            "NOTEBOOK_PLATFORM_CONFIG": str(config),
            "NOTEBOOK_PLATFORM_WORK_DIR": str(operator.work_dir),
            "NOTEBOOK_PLATFORM_HEALTH_PORT": str(operator.health_port),
            "NOTEBOOK_PLATFORM_METRICS_PORT": str(operator.metrics_port),
            "NOTEBOOK_PLATFORM_LISTEN": "127.0.0.1",
            "NOTEBOOK_PLATFORM_LEASE_NAMESPACE": NAMESPACE,  # a pod reads it from the files of its ServiceAccount
        }
        operator.start()
        self.site.operator = operator

    def read(self, kind: str, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.site.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found


def values(environment: dict[str, str]) -> dict[str, Any]:
    """Return the values for the simulated Azure: an operator of a custom cloud."""
    cloud = dict.fromkeys(("resource_manager_url", "authority_url", "graph_url"), environment["SANDBOX_ARM"])
    pace = {"least_interval": 1, "passes_per_minute": 6000, "pass_burst": 1000, "allow_private_addresses": True}
    charts = {"charts": environment["SANDBOX_CHARTS"], "chart_repository": "", "ca_file": environment["SANDBOX_CA"]}
    helm = [{"name": "NOTEBOOK_PLATFORM_HELM", "value": environment["SANDBOX_HELM"]}]
    return {"config": {**cloud, **pace, **charts, "log_format": "text"}, "env": helm}


def last_version(directory: Path) -> Path:
    """Return a chart as of an earlier version: its CRD has one field less."""
    shutil.copytree(CHART, directory)
    chart = yaml.safe_load((directory / "Chart.yaml").read_text())
    (directory / "Chart.yaml").write_text(yaml.safe_dump(chart | {"version": "0.0.9", "appVersion": "0.0.9"}))
    path = directory / "files" / f"{CRD}.yaml"
    definition = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"][ADDED]
    path.write_text(yaml.dump(definition, Dumper=yaml.CSafeDumper))
    return directory


def platform() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy/examples/minimal.yaml").read_text())
    found["metadata"]["namespace"] = "platforms"
    found["spec"] |= {"interval": "2s"}
    found["spec"]["azure"] |= {"credentials": {"secretRef": {"name": "azure-credentials"}}, "subscriptionId": SUBSCRIPTION}
    return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("chart")
    with running_sandbox(directory / "sandbox") as environment:
        made = Cluster(environment, directory)
        yield made
        if made.starts:
            made.site.operator.stop()


def test_an_install_of_the_last_version_builds_a_hub(cluster: Cluster) -> None:
    cluster.helm(
        "install", "notebook-platform", str(last_version(cluster.directory / "last")), "--create-namespace", *given(cluster)
    )
    cluster.site.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=30s")
    cluster.start_operator()
    environment = cluster.environment
    keys = {"tenantId": "SANDBOX_TENANT", "clientId": "SANDBOX_CLIENT_ID", "clientSecret": "SANDBOX_CLIENT_SECRET"}
    cluster.site.apply(secret("azure-credentials", "platforms", {key: environment[name] for key, name in keys.items()}))
    cluster.site.apply(platform())
    cluster.site.until_ready("trial", patience=180)
    assert "may not" not in cluster.site.operator.log.read_text()


def given(cluster: Cluster) -> tuple[str, ...]:
    return ("--values", str(cluster.values))


def test_a_release_fits_into_its_secret(cluster: Cluster) -> None:
    record = cluster.read("secret", "sh.helm.release.v1.notebook-platform.v1")
    assert len(record["data"]["release"]) < LIMIT


def test_a_second_release_is_refused(cluster: Cluster) -> None:
    answer = cluster.helm("install", "another", str(CHART), *given(cluster), check=False)
    assert "cannot be imported into the current release" in answer


def test_before_the_upgrade_crd_diff_names_the_field_that_it_adds(cluster: Cluster) -> None:
    code, text = cluster.crd_diff()
    assert code == 1 and f"added    spec.{ADDED}: array" in text and "1 added, 0 changed, 0 removed" in text


def test_an_upgrade_with_a_platform_alive_writes_nothing_to_azure(cluster: Cluster) -> None:
    site = cluster.site
    mark, before = site.mark(), cluster.read("nbp", "trial", "platforms")
    cluster.helm("upgrade", "notebook-platform", str(CHART), *given(cluster))
    old = site.operator
    cluster.start_operator()  # maxSurge: the new replica is ready before the old one ends
    old.stop()
    site.until("the new replica reconciles", lambda: site.reconciles() >= 3)
    assert cluster.crd_diff() == (0, f"{CRD}: the cluster's definition is this version's (0.1.0)\n")
    after = cluster.read("nbp", "trial", "platforms")
    assert after["metadata"]["uid"] == before["metadata"]["uid"] and after["spec"] == before["spec"] | {ADDED: []}
    assert site.condition("trial", "Ready")["status"] == "True" and site.writes(mark) == []
    assert "may not" not in site.operator.log.read_text()


def test_an_uninstall_touches_no_platform_no_crd_and_nothing_in_azure(cluster: Cluster) -> None:
    site, mark = cluster.site, cluster.site.mark()
    before = {kind: cluster.read(kind, name, "platforms")["metadata"] for kind, name in theirs()}
    cluster.helm("uninstall", "notebook-platform")
    site.operator.stop()
    for kind, name in theirs():
        metadata = cluster.read(kind, name, "platforms")["metadata"]
        assert metadata["uid"] == before[kind]["uid"] and "deletionTimestamp" not in metadata
    assert site.kubectl("get", "deployments,serviceaccounts", "-n", NAMESPACE, "-o", "name").split() == ["serviceaccount/default"]
    assert site.writes(mark) == []


def theirs() -> list[tuple[str, str]]:
    return [("crd", CRD), ("namespace", "platforms"), ("nbp", "trial"), ("secret", "trial-kubeconfig")]
