"""The input of a Helm process: a kubeconfig of validated parts, and an environment by allow-list."""

import os
from pathlib import Path

import pytest
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.record_proxy import Access
from notebook_platform.helm.runner import Helm
from notebook_platform.workload.client import connect
from notebook_platform.workload.kubeconfig import ClusterAccess
from pyhelm3 import Command

ACCESS = ClusterAccess(server="https://lab.example:443", token="t0ken")
SECRETS = {
    "AZURE_CLIENT_SECRET": "an-azure-secret",
    "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/token",
    "NOTEBOOK_PLATFORM_CONFIG": "/etc/config.yaml",
    "KUBECONFIG": "/root/.kube/config",
    "HELM_KUBETOKEN": "another-token",
    "HELM_KUBEAPISERVER": "https://evil.example",
    "HELM_DRIVER": "sql",
    "HELM_PLUGINS": "/tmp/plugins",
    "AWS_SECRET_ACCESS_KEY": "x",
    "LD_PRELOAD_OF_TOMORROW": "x",
    "PYTHONPATH": "/tmp/evil",
}
REPORT = """#!/bin/sh
cp /proc/self/environ {directory}/environ
echo "$@" > {directory}/arguments
while [ $# -gt 0 ]; do [ "$1" = --kubeconfig ] && cp "$2" {directory}/kubeconfig; shift; done
"""


def helm_of(tmp_path: Path) -> Helm:
    """Return a Helm runner whose program writes its input to a file."""
    program = tmp_path / "program"
    program.write_text(REPORT.format(directory=tmp_path))
    program.chmod(0o700)
    charts = ChartSource(directory=None, repository="")
    return Helm(executable=str(program), work_dir=tmp_path / "work", charts=charts, timeout=30)


async def run(helm: Helm, verb: str = "list") -> None:
    """Run the program once, for a cluster to which it sends no request."""
    api = await connect(ACCESS)

    async def work(command: Command) -> None:
        await command.run([verb])

    helm.start("key", "install", Access(api=api, ledger=None, place=("jhub", "hub")), work)  # type: ignore[arg-type]
    found = helm.run_of("key")
    assert found is not None
    await found.task
    assert found.words is None
    await helm.close()
    await api.close()


async def test_helm_gets_only_the_allowed_variables_of_the_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    before = dict(os.environ)
    helm = helm_of(tmp_path)
    await run(helm)
    lines = (tmp_path / "environ").read_bytes().decode().split("\0")
    found = dict(line.split("=", 1) for line in lines if line)
    assert not set(found) & set(SECRETS)
    work = tmp_path / "work"
    own = {"HOME": "home", "HELM_CACHE_HOME": "cache", "HELM_CONFIG_HOME": "config", "HELM_DATA_HOME": "data"}
    assert {name: found[name] for name in own} == {name: str(work / place) for name, place in own.items()}
    assert found["HTTPS_PROXY"] == "http://proxy.example:3128" and found["PATH"] == before["PATH"]
    assert set(found) <= {*own, "HTTPS_PROXY", "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "PWD",
                          "OLDPWD", "SHLVL", "_", "NO_PROXY", "HTTP_PROXY", "ALL_PROXY", "no_proxy", "http_proxy", "https_proxy",
                          "all_proxy"}  # fmt: skip
    assert dict(os.environ) == before, "the operator's own environment is left as it was"


async def test_its_kubeconfig_holds_no_credential_of_the_cluster_and_is_removed(tmp_path: Path) -> None:
    await run(helm_of(tmp_path))
    text = (tmp_path / "kubeconfig").read_text()
    assert "127.0.0.1" in text and ACCESS.token not in text and "lab.example" not in text
    assert list((tmp_path / "work").glob("kubeconfig-*")) == []


def test_kubeconfigs_that_a_killed_operator_left_are_removed(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    left = [f"kubeconfig-{os.getpid()}-0123456789ab-cd", "kubeconfig-999999999-0123456789ab-cd"]
    running = f"kubeconfig-{os.getppid()}-0123456789ab-cd"
    for name in (*left, running):
        (work / name).touch()
    helm_of(tmp_path)
    assert [path.name for path in work.glob("kubeconfig-*")] == [running]


@pytest.mark.parametrize(("verb", "has_option"), [("upgrade", True), ("rollback", False)])
async def test_an_upgrade_leaves_the_check_of_fields_to_the_api_server(tmp_path: Path, verb: str, has_option: bool) -> None:
    """`helm rollback` and `helm uninstall` have no such option: they never validate."""
    await run(helm_of(tmp_path), verb)
    words = (tmp_path / "arguments").read_text().split()
    assert words[0] == verb and ("--disable-openapi-validation" in words) is has_option
