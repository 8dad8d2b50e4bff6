"""Fixtures for azure-cli against the simulator: the unchanged release of Microsoft, in a Python environment of its own."""

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT
from sandbox.operator_process import ROOT
from tests.environments import Say, environment

SPEED = 1000


@dataclass
class Az:
    """An az that is signed in to the simulator. Calling it runs a command and returns its JSON answer."""

    executable: Path
    environment: dict[str, str]
    simulator: dict[str, str]
    took: dict[str, list[float]] = field(default_factory=dict)
    """Durations in seconds of the calls that succeeded, by command."""

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment}
        command = [str(self.executable), *words]
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)

    def says(self, command: str, *more: str) -> str:
        """Return what `az COMMAND MORE` prints, and count the command as succeeded. Fails with az's own message."""
        began = time.monotonic()
        done = self.run(*command.split(), *more)
        assert done.returncode == 0, f"az {command}: {done.stderr.strip()[-800:]}"
        self.took.setdefault(command.split(" -")[0], []).append(time.monotonic() - began)
        return done.stdout

    def __call__(self, command: str, *more: str) -> Any:
        """Run a command and return its JSON answer; None without one."""
        printed = self.says(command, *more, "-o", "json")
        return json.loads(printed) if printed.strip() else None

    def refused(self, command: str, *more: str) -> str:
        """Return the error message of a command that must fail."""
        done = self.run(*command.split(), *more)
        assert done.returncode != 0, f"az {command} was accepted"
        return done.stderr

    def until(self, command: str, check: Callable[[Any], bool]) -> None:
        """Repeat a command until its answer matches."""
        assert any(check(self(command)) for _ in range(30)), f"az {command}: never came true"

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """Run simulated time as fast as real time within the block, so that operations stay in progress until the test advances
        the clock."""
        self.control("POST", "/clock", {"speed": 1})
        try:
            yield
        finally:
            self.control("POST", "/clock", {"speed": SPEED})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control endpoint of the simulator."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.simulator['ARM']}/_sandbox{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.simulator["CA"])) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def signed_in(executable: Path, directory: Path, simulator: dict[str, str]) -> Az:
    """Return an az with its own configuration, signed in to the simulator's cloud."""
    environment = {
        "AZURE_CONFIG_DIR": str(directory / "azure"),
        "REQUESTS_CA_BUNDLE": simulator["CA"],
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_CHECK_FOR_UPDATES": "no",
        "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
        "AZURE_CORE_NO_COLOR": "1",
        "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
    }
    az = Az(executable, environment, simulator)
    az(f"cloud register -n Sandbox --endpoint-resource-manager {simulator['ARM']}")
    az("cloud set -n Sandbox")
    az(f"login --service-principal -u {CLIENT_ID} -p {CLIENT_SECRET} --tenant {TENANT}")
    az(f"account set --subscription {SUBSCRIPTION}")
    return az


@pytest.fixture(scope="session")
def az(say: Say, az_simulator: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Az:
    return signed_in(environment("az", "azure-cli", say) / "bin" / "az", tmp_path_factory.mktemp("az"), az_simulator)


@pytest.fixture(scope="session")
def az_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a simulator in its own process, without clusters behind it."""
    directory = tmp_path_factory.mktemp("simulator")
    command = [sys.executable, "-m", "tests.az.simulator", str(directory), str(SPEED)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a public SSH key."""
    path = tmp_path_factory.mktemp("keys") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub")


@pytest.fixture(scope="session")
def principal() -> dict[str, Any]:
    """Return the last answer of create-for-rbac."""
    return {}
