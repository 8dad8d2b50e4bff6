"""A management cluster without an operator, and what an administrator does there: helm, and the operator as its Deployment says."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from sandbox.operator_process import NAMESPACE, OperatorProcess
from sandbox.options import Options
from tests.forked_sandbox import forked_sandbox
from tests.integration.conftest import SPEED, Field


class Cluster:
    """A management cluster; the operator runs as a process."""

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
        pod = self.read("deployment", "notebook-platform")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["args"] == ["run"] and pod["serviceAccountName"] == "notebook-platform"
        (named,) = [volume["configMap"]["name"] for volume in pod["volumes"] if volume["name"] == "config"]
        self.starts += 1
        operator = OperatorProcess(self.environment, self.directory / f"operator-{self.starts}")
        config = self.directory / f"config-{self.starts}.yaml"
        config.write_text(self.read("configmap", named)["data"]["config.yaml"])
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


@contextmanager
def management_cluster(directory: Path, *, speed: float = float(SPEED)) -> Iterator[Cluster]:
    """Yield a new cluster; end it, and the operator that a test has started. `speed`: of Azure, in relation to real time."""
    with forked_sandbox(Options(state=directory / "sandbox", speed=speed)) as environment:
        made = Cluster(environment, directory)
        yield made
        if made.starts:
            made.site.operator.stop()
