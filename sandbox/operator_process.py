"""Runs the operator in the sandbox as a cluster would: its own process, its own ServiceAccount, exactly the rights of deploy/kustomize."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from sandbox.kubernetes.processes import free_ports

ROOT = Path(__file__).parent.parent
NAMESPACE = ACCOUNT = "notebook-platform"
NAMESPACES = '["!kube-*, !default, !notebook-platform"]'
"""What the operator is configured to watch: a test makes its namespace whenever it likes."""

START_SECONDS = 120
OIDC_CLIENT_SECRET = "sandbox-oidc-client-secret-91f4"


def kubectl(environment: Mapping[str, str], *arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """Run kubectl against the management cluster and return what it prints. Raises CalledProcessError."""
    done = subprocess.run(
        ["kubectl", *arguments],
        env={**os.environ, "KUBECONFIG": environment["KUBECONFIG"]},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else done.stderr


def azure_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the data of a Secret with credentials for the sandbox's subscription."""
    return {
        "tenantId": environment["SANDBOX_TENANT"],
        "clientId": environment["SANDBOX_CLIENT_ID"],
        "clientSecret": environment["SANDBOX_CLIENT_SECRET"],
    }


def install(environment: Mapping[str, str], namespace: str = "platforms") -> None:
    """Apply deploy/kustomize/base but for the Deployment, and make a namespace for platforms with the Secrets that the examples name."""
    _make_namespace(environment, namespace)
    objects = [
        *(one for one in kustomized("base") if one["kind"] != "Deployment"),
        _binding(namespace),
        secret("azure-credentials", namespace, azure_credentials(environment)),
        secret("oidc", namespace, {"clientSecret": OIDC_CLIENT_SECRET}),
    ]
    _apply(environment, *objects)
    kubectl(environment, "wait", "--for=condition=Established", "crd/notebookplatforms.notebookplatform.io", "--timeout=30s")


def kustomized(path: str) -> list[dict[str, Any]]:
    """The objects that a directory of deploy/kustomize gives."""
    command = ["kubectl", "kustomize", str(ROOT / "deploy" / "kustomize" / path)]
    return list(yaml.load_all(subprocess.run(command, check=True, capture_output=True).stdout, Loader=yaml.CSafeLoader))


def allow_namespace(environment: Mapping[str, str], namespace: str) -> None:
    """Make a namespace with platforms, as deploy/kustomize/namespaces/platforms does: with the operator's RoleBinding."""
    _make_namespace(environment, namespace)
    _apply(environment, _binding(namespace))


def _make_namespace(environment: Mapping[str, str], namespace: str) -> None:
    """Apply a namespace on the client's side, as a reader applies the examples, which contain it: otherwise kubectl warns there."""
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    kubectl(environment, "apply", "-f", "-", stdin=yaml.safe_dump(document))


def _binding(namespace: str) -> dict[str, Any]:
    """The operator's RoleBinding in a namespace."""
    path = ROOT / "deploy" / "kustomize" / "components" / "namespace" / "rolebinding.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    found["metadata"]["namespace"] = namespace
    return found


def _apply(environment: Mapping[str, str], *objects: Mapping[str, object]) -> None:
    """Apply objects on the server's side, all with one start of kubectl."""
    text = yaml.dump_all(objects, Dumper=yaml.CSafeDumper)
    kubectl(environment, "apply", "--server-side", "-f", "-", stdin=text)


def secret(name: str, namespace: str, data: Mapping[str, str]) -> dict[str, object]:
    """A Secret with these values."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": encoded}


def account_kubeconfig(environment: Mapping[str, str], path: Path) -> Path:
    """A kubeconfig of the operator's ServiceAccount."""
    token = kubectl(environment, "create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=24h").strip()
    document = yaml.safe_load(Path(environment["KUBECONFIG"]).read_text())
    document["users"][0]["user"] = {"token": token}
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))
    return path


class Running(Protocol):
    """What an operator needs of the process that it runs in, with the meaning that subprocess.Popen gives to each."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...


class OperatorProcess:
    """One run of the operator; `log` is where it writes."""

    def __init__(self, environment: Mapping[str, str], directory: Path, **settings: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "operator.log"
        self.health_port, self.metrics_port = free_ports(2)
        self.work_dir = directory / "work"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("NOTEBOOK_PLATFORM_")},
            "KUBECONFIG": str(account_kubeconfig(environment, directory / "operator.kubeconfig")),
            "NOTEBOOK_PLATFORM_RESOURCE_MANAGER_URL": environment["SANDBOX_ARM"],
            "NOTEBOOK_PLATFORM_AUTHORITY_URL": environment["SANDBOX_ARM"],
            "NOTEBOOK_PLATFORM_GRAPH_URL": environment["SANDBOX_ARM"],
            "NOTEBOOK_PLATFORM_CA_FILE": environment["SANDBOX_CA"],
            "NOTEBOOK_PLATFORM_NAMESPACES": NAMESPACES,
            "NOTEBOOK_PLATFORM_HELM": environment["SANDBOX_HELM"],
            "NOTEBOOK_PLATFORM_CHARTS": environment["SANDBOX_CHARTS"],
            "NOTEBOOK_PLATFORM_CHART_REPOSITORY": "",
            "NOTEBOOK_PLATFORM_ALLOW_PRIVATE_ADDRESSES": "true",
            "NOTEBOOK_PLATFORM_LEAST_INTERVAL": "1",
            "NOTEBOOK_PLATFORM_PASSES_PER_MINUTE": "6000",
            "NOTEBOOK_PLATFORM_PASS_BURST": "1000",
            "NOTEBOOK_PLATFORM_LEASE_NAMESPACE": NAMESPACE,
            "NOTEBOOK_PLATFORM_LISTEN": "127.0.0.1",
            "NOTEBOOK_PLATFORM_HEALTH_PORT": str(self.health_port),
            "NOTEBOOK_PLATFORM_METRICS_PORT": str(self.metrics_port),
            "NOTEBOOK_PLATFORM_WORK_DIR": str(self.work_dir),
            "NOTEBOOK_PLATFORM_LOG_FORMAT": "text",
            **{f"NOTEBOOK_PLATFORM_{key.upper()}": value for key, value in settings.items()},
        }
        self._process: Running | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def launch(self) -> None:
        """Start it and return at once. Raises RuntimeError if it runs: a second one would never come up, and the first never end."""
        if self._process is not None and self._process.poll() is None:
            raise RuntimeError("the operator runs already")
        self._process = self._spawn()

    def _spawn(self) -> Running:
        """Start the installed command in a session of its own; it appends to the log."""
        command = [str(Path(sys.executable).parent / "notebook-platform"), "run"]
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def start(self) -> None:
        """Start it and wait until it watches. Raises RuntimeError with its log if it does not come up."""
        self.launch()
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/readyz", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the operator did not come up:\n{self.log.read_text()[-2000:]}")

    def metrics(self) -> str:
        """What Prometheus would read."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def kill(self) -> None:
        """SIGKILL, as a node failure would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as a cluster would."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def platform(environment: Mapping[str, str], name: str, namespace: str = "platforms") -> dict[str, object] | None:
    """The object as it stands; None when it is gone."""
    text = kubectl(environment, "get", "nbp", name, "-n", namespace, "-o", "json", "--ignore-not-found")
    found: dict[str, object] | None = json.loads(text) if text.strip() else None
    return found
