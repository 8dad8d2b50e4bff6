"""Fixtures on real parts: a sandbox, and the operator as a process under its own role. Both end before the tests of the next package,
since even an idle cluster takes processor time."""

import base64
import copy
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.operator_process import ROOT, OperatorProcess, install, kubectl
from sandbox.options import Options
from tests.api_server import ApiServer, Refused
from tests.forked_operator import ForkedOperator
from tests.forked_sandbox import forked_sandbox

SPEED = "120"
TIMEOUT = 90.0
SECRETS = ("azure-credentials", "oidc")
"""What the sandbox's namespace has from the beginning."""
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
NAMESPACED = "namespaces/platforms"
SECRETS_PATH = f"/api/v1/{NAMESPACED}/secrets"
PLATFORMS = f"/apis/notebookplatform.io/v1alpha1/{NAMESPACED}/notebookplatforms"


@dataclass
class Field:
    """The sandbox with its operator, and the commands that users and tests run on it."""

    environment: dict[str, str]
    directory: Path
    operator: OperatorProcess
    stopped_logs: list[Path] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    """Platforms that a test has changed since they were created."""
    creations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The calls that Azure received while a platform was created, by its name."""

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return kubectl(self.environment, *arguments, stdin=stdin, check=check)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control endpoint of the simulator."""
        context = ssl.create_default_context(cafile=self.environment["SANDBOX_CA"])
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.environment['SANDBOX_ARM']}/_sandbox{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def resources(self) -> dict[str, Any]:
        """Return everything in Azure by lower-case id."""
        return {key.lower(): value for key, value in self.control("GET", "/state")["resources"].items()}

    def mark(self) -> int:
        return int(self.control("GET", "/journal")["next"])

    def writes(self, since: int = 0, about: str = "", *, accepted: bool = False) -> list[str]:
        """Return the writes that Azure received since a mark, as `PUT managedClusters/x`; with `accepted` only those it
        accepted."""
        entries = self.control("GET", f"/journal?writes=1&since={since}")["value"]
        found = [e for e in entries if about.lower() in e["path"].lower() and (e["status"] < 400 or not accepted)]
        return [f"{e['method']} {'/'.join(e['path'].split('/')[-2:])}" for e in found]

    def apply(self, *documents: dict[str, Any]) -> None:
        """Apply objects as `kubectl apply --server-side --force-conflicts` does."""
        for document in documents:
            self.api.apply(document)

    def read(self, path: str) -> Any:
        """Return what the management cluster's API server answers to GET; None when the object does not exist."""
        return self.api.read(path)

    @cached_property
    def api(self) -> ApiServer:
        """The management cluster's API server."""
        return ApiServer.of(Path(self.environment["KUBECONFIG"]))

    def platform(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.read(f"{PLATFORMS}/{name}")
        return found

    def condition(self, name: str, type_: str) -> dict[str, Any]:
        return condition_of(self.platform(name) or {}, type_)

    def until(self, what: str, check: Callable[[], Any], timeout: float = TIMEOUT) -> Any:
        """Repeat `check` until it returns a true value, and return that; fails with the last lines of the operator's log."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if found := check():
                return found
            time.sleep(0.2)
        words = self.operator.log.read_text()[-3000:]
        state = self.read("/apis/notebookplatform.io/v1alpha1/notebookplatforms")
        conditions = [
            (c["type"], c["reason"], c["message"]) for p in state["items"] for c in p.get("status", {}).get("conditions", [])
        ]
        raise AssertionError(f"never came true: {what}\n{conditions}\n{words}")

    def until_ready(self, name: str, timeout: float = TIMEOUT) -> None:
        def ready() -> bool:
            found = self.platform(name) or {}
            now = condition_of(found, "Ready")
            return now["status"] == "True" and now["observedGeneration"] == found["metadata"]["generation"]

        self.until(f"{name} is Ready", ready, timeout)

    def until_reason(self, name: str, type_: str, reason: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            now = self.condition(name, type_)
            return now if now["reason"] == reason else None

        return self.until(f"{name}: {type_} has reason {reason}", there)

    def bring(self, document: dict[str, Any], *more: dict[str, Any], unchanged: bool = False) -> None:
        """Make a platform the only one of the sandbox, as `document` has it, and Ready, whatever ran before. `more` are Secrets that it
        names. With `unchanged`, a platform that a test has changed is created again."""
        name = document["metadata"]["name"]
        self.clear(keep=name, secrets=[one["metadata"]["name"] for one in more])
        found = self.platform(name)
        if found and ("deletionTimestamp" in found["metadata"] or (unchanged and name in self.changed)):
            self.remove(name)
        exists, mark = self.platform(name) is not None, self.mark()
        self.apply(*more, document)
        self.until_ready(name, timeout=2 * TIMEOUT)  # it may be created here
        if not exists:
            self.creations[name] = self.control("GET", f"/journal?since={mark}")["value"]

    def clear(self, keep: str = "", secrets: Iterable[str] = ()) -> None:
        """Remove all platforms but `keep`, the Secrets that tests made, and faults of the simulated Azure."""
        self.control("DELETE", "/faults")
        self.control("PUT", f"/subscriptions/{SUBSCRIPTION}", {"state": "Enabled"})
        self.remove(*(name for name in self.names(PLATFORMS) if name != keep))
        for name in self.names(SECRETS_PATH):
            if name not in (*SECRETS, *secrets) and not (keep and name.startswith(f"{keep}-")):
                self.api.delete(f"{SECRETS_PATH}/{name}")

    def names(self, path: str) -> list[str]:
        """Return the names of the objects of a list."""
        return [one["metadata"]["name"] for one in self.read(path)["items"]]

    def remove(self, *names: str) -> None:
        """Delete platforms with their users' data, and wait until they are gone."""
        confirmed = {"annotations": {"notebookplatform.io/confirm-deletion": "100000"}}
        patch = {"metadata": confirmed, "spec": {"deletionProtection": False, "interval": "2s"}}
        for name in names:
            with suppress(Refused):  # it may be gone
                self.api.request("PATCH", f"{PLATFORMS}/{name}", patch, type_="application/merge-patch+json")
            self.api.delete(f"{PLATFORMS}/{name}")
        for name in names:
            self.until(f"{name} is deleted", lambda name=name: self.platform(name) is None)
        self.changed.difference_update(names)

    def wait_for_reconciles(self, count: int) -> None:
        """Wait until the operator has ended `count` more reconciles: what it has not done by then, it does not do."""
        mark = self.reconciles()
        self.until(f"{count} reconciles", lambda: self.reconciles() >= mark + count)

    def reconciles(self) -> int:
        """Return how many reconciles this operator has ended."""
        return int(self.metric("notebook_platform_reconciles_total"))

    def helm_runs(self) -> int:
        """Return how many Helm processes this operator has started."""
        return int(self.metric("notebook_platform_helm_runs_total"))

    def metric(self, name: str) -> float:
        """Return a metric of the operator, added up over its labels."""
        lines = (line.rpartition(" ") for line in self.operator.metrics().splitlines())
        return sum(float(value) for key, _, value in lines if key.partition("{")[0] == name)

    def events(self, name: str) -> list[tuple[str, str]]:
        found = self.read(f"/api/v1/{NAMESPACED}/events")["items"]
        return [(e["reason"], e["message"]) for e in found if e["involvedObject"]["name"] == name]

    def target(self, name: str, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl against the built cluster, with the kubeconfig from the operator's Secret."""
        path = self.directory / f"{name}.kubeconfig"
        kubeconfig = self.read(f"/api/v1/{NAMESPACED}/secrets/{name}-kubeconfig")["data"]["value"]
        path.touch(mode=0o600)
        path.write_bytes(base64.b64decode(kubeconfig))
        return kubectl({**self.environment, "KUBECONFIG": str(path)}, *arguments, stdin=stdin)

    def access_secret(self, name: str) -> str:
        """Return the name of the Secret in the operator's namespace with its access to the cluster of a platform."""
        return f"cluster-access-{(self.platform(name) or {})['metadata']['uid']}"

    def restart_operator(self) -> None:
        """Stop the operator if it runs, and start it."""
        self.operator.stop()
        self.operator.start()


def condition_of(platform: dict[str, Any], type_: str) -> dict[str, Any]:
    """Return a condition of a platform as it was read; empty texts when it has none of this type."""
    conditions = platform.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == type_), {"status": "", "reason": "", "message": ""})


@cache
def _example() -> dict[str, Any]:
    documents = yaml.load_all((ROOT / "deploy" / "examples" / "runbook.yaml").read_text(), Loader=yaml.CSafeLoader)
    return next(one for one in documents if one["kind"] == "NotebookPlatform")


def runbook(name: str = "prd-jhub", **spec: Any) -> dict[str, Any]:
    """Return the runbook's example; another name has its own Azure names and is reconciled every two seconds."""
    found = copy.deepcopy(_example())
    found["metadata"]["name"] = name
    found["spec"]["interval"] = "2s"
    if name != "prd-jhub":
        found["spec"]["azure"]["resourceGroup"] = f"rg_{name}"
        found["spec"]["cluster"] |= {"name": f"aks-{name}", "nodeResourceGroup": f"rg_{name}_nodes"}
        found["spec"]["identity"]["servicePrincipal"]["name"] = f"sp_{name}"
    found["spec"] |= spec
    return found


@contextmanager
def running_sandbox(state: Path, speed: str = SPEED) -> Iterator[dict[str, str]]:
    """Run a sandbox until the block ends; yield its environment variables."""
    command = [str(Path(sys.executable).parent / "notebook-platform-sandbox")]
    subprocess.run([*command, "up", "--state", str(state), "--env", str(state / "env"), "--speed", speed], check=True)
    try:
        lines = [line.removeprefix("export ").split("=", 1) for line in (state / "env").read_text().splitlines()]
        yield {key: value.strip("'") for key, value in lines}
    finally:
        subprocess.run([*command, "down", "--state", str(state)], check=True)


@pytest.fixture(scope="package")
def sandbox_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with forked_sandbox(Options(state=tmp_path_factory.mktemp("sandbox"), speed=float(SPEED))) as environment:
        yield environment


@pytest.fixture(scope="package")
def site(sandbox_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    install(sandbox_environment)
    directory = tmp_path_factory.mktemp("operator")
    operator = ForkedOperator(sandbox_environment, directory)
    operator.start()
    found = Field(sandbox_environment, directory, operator)
    yield found
    operator.stop()


def processes() -> list[str]:
    """Return the command lines of all processes of this machine."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                found.append(Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return found
