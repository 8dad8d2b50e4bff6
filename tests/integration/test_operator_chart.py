"""The operator's own chart in the life of a management cluster, by real helm: install, upgrade with a platform alive, uninstall. The operator
runs as the Deployment says, as its ServiceAccount."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generator.deployment import CHART
from sandbox.operator_process import NAMESPACE, ROOT, azure_credentials, secret
from tests.integration.conftest import SUBSCRIPTION
from tests.integration.management import Cluster, management_cluster

pytestmark = pytest.mark.story

CRD = "notebookplatforms.notebookplatform.io"
ADDED = "driftIgnore"
"""A field of the spec that the last version does not have."""

LIMIT = 1 << 19
"""Bytes. A Secret may have twice as many."""


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
    found["spec"] |= {"interval": "2s"}
    found["spec"]["azure"] |= {"credentials": {"secretRef": {"name": "azure-credentials"}}, "subscriptionId": SUBSCRIPTION}
    return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with management_cluster(tmp_path_factory.mktemp("chart")) as made:
        yield made


def test_an_install_of_the_last_version_builds_a_hub(cluster: Cluster) -> None:
    last = str(last_version(cluster.directory / "last"))
    printed = cluster.helm("install", "notebook-platform", last, "--create-namespace", *given(cluster))
    assert "NOTES:\nThe operator serves the namespaces platforms, and no other." in printed
    cluster.site.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=30s")
    cluster.start_operator()
    cluster.site.apply(secret("azure-credentials", "platforms", azure_credentials(cluster.environment)))
    cluster.site.apply(platform())
    cluster.site.until_ready("trial", timeout=180)
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


def test_install_yaml_takes_the_place_of_the_chart_and_the_chart_that_of_install_yaml(cluster: Cluster) -> None:
    apply = ("apply", "--server-side", "-f", str(ROOT / "deploy" / "install.yaml"))
    before = {kind: cluster.read(kind, name, "platforms")["metadata"]["uid"] for kind, name in theirs()}
    assert 'conflict with "helm" using apiextensions.k8s.io/v1: .spec.versions' in cluster.site.kubectl(*apply, check=False)
    cluster.site.kubectl(*apply, "--force-conflicts")
    install = ("install", "notebook-platform", str(CHART), *given(cluster))
    assert "cannot be imported into the current release" in cluster.helm(*install, check=False)
    cluster.helm(*install, "--take-ownership")
    assert cluster.crd_diff()[0] == 0
    assert {kind: cluster.read(kind, name, "platforms")["metadata"]["uid"] for kind, name in theirs()} == before
