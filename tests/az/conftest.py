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
SECONDS = 180
"""How long one call may take."""


@dataclass
class Az:
    """An az that is signed in to the simulator. Calling it runs a command and returns its JSON answer."""

    home: Path
    """The Python environment of azure-cli."""
    directory: Path
    simulator: dict[str, str]
    took: dict[str, list[float]] = field(default_factory=dict)
    """Durations in seconds of the calls that succeeded, by command."""
    server: subprocess.Popen[str] = field(init=False)
    """azure-cli, started once; tests/az/server.py explains it."""

    def __post_init__(self) -> None:
        command = [str(self.home / "bin" / "python"), "-I", str(ROOT / "tests" / "az" / "server.py")]
        pipe = subprocess.PIPE
        self.server = subprocess.Popen(command, env=self.environment(), stdin=pipe, stdout=pipe, text=True)

    def environment(self) -> dict[str, str]:
        """Return the environment variables of az: a configuration of its own, and the simulator's CA."""
        return {
            **os.environ,
            "AZURE_CONFIG_DIR": str(self.directory / "azure"),
            "REQUESTS_CA_BUNDLE": self.simulator["CA"],
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_CHECK_FOR_UPDATES": "no",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
            "AZURE_CORE_NO_COLOR": "1",
            "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
        }

    def executable(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the executable `az` itself."""
        command = [str(self.home / "bin" / "az"), *words]
        pipe = subprocess.PIPE
        return subprocess.run(
            command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, timeout=SECONDS
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a child of the server."""
        files = {name: self.directory / name for name in ("stdout", "stderr", "loaded")}
        call = {"words": words, "seconds": SECONDS, **{name: str(path) for name, path in files.items()}}
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps(call) + "\n")
        self.server.stdin.flush()
        code = int(self.server.stdout.readline())
        return subprocess.CompletedProcess(["az", *words], code, files["stdout"].read_text(), files["stderr"].read_text())

    def close(self) -> None:
        """End the server, and wait for it."""
        self.server.communicate(timeout=SECONDS)

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


@contextmanager
def signed_in(home: Path, directory: Path, simulator: dict[str, str]) -> Iterator[Az]:
    """Yield an az with its own configuration, signed in to the simulator's cloud."""
    az = Az(home, directory, simulator)
    try:
        az(f"cloud register -n Sandbox --endpoint-resource-manager {simulator['ARM']}")
        az("cloud set -n Sandbox")
        az(f"login --service-principal -u {CLIENT_ID} -p {CLIENT_SECRET} --tenant {TENANT}")
        az(f"account set --subscription {SUBSCRIPTION}")
        yield az
    finally:
        az.close()


@pytest.fixture(scope="session")
def az(say: Say, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """Return the az of the transcript, on an estate of its own."""
    with on_an_empty_subscription(say, tmp_path_factory.mktemp("az")) as found:
        yield found


@contextmanager
def on_an_empty_subscription(say: Say, directory: Path) -> Iterator[Az]:
    """Run a simulator in its own process, without clusters behind it, and yield an az that is signed in to it."""
    command = [sys.executable, "-m", "tests.az.simulator", str(directory), str(SPEED)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            simulator = json.loads(process.stdout.readline())
            with signed_in(environment("az", "azure-cli", say), directory, simulator) as found:
                yield found
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
