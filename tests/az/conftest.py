"""The judge of the simulator: azure-cli as Microsoft ships it, in an environment of its own, unchanged."""

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT
from sandbox.kubernetes.binaries import cache_root, locked
from sandbox.operator_process import ROOT

REQUIREMENTS = ROOT / "requirements" / "az.txt"
SPEED = 1000

Say = Callable[[str], None]


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Tells people what takes its time, whether or not pytest captures what tests print."""
    manager = request.config.pluginmanager
    capture, terminal = manager.getplugin("capturemanager"), manager.getplugin("terminalreporter")

    def tell(text: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"[az] {text}")

    return tell


def installed(say: Say) -> Path:
    """The `az` of the pinned azure-cli; made once (a few minutes) and kept in the cache."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    home = cache_root() / f"az-{digest}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.with_suffix(".lock")):
        if not (home / ".done").exists():
            _install(home, say)
    return home / "bin" / "az"


def _install(home: Path, say: Say) -> None:
    began = time.monotonic()
    say(f"azure-cli from PyPI into {home} (once, a few minutes)")
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    python = str(home / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
    say(f"installed after {time.monotonic() - began:.0f} s; compiling")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([python, "-m", "compileall", "-q", "-j", "0", str(home / "lib")], check=False, env=environment)
    (home / ".done").touch()
    say(f"ready after {time.monotonic() - began:.0f} s")


@dataclass
class Az:
    """az, signed in to the simulator. Calling it runs a command and gives its JSON answer."""

    executable: Path
    environment: dict[str, str]
    simulator: dict[str, str]
    took: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of each call that passed, by command."""

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment}
        command = [str(self.executable), *words]
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)

    def says(self, command: str, *more: str) -> str:
        """What `az COMMAND MORE` prints; the command is counted as passed. Fails with az's own words."""
        began = time.monotonic()
        done = self.run(*command.split(), *more)
        assert done.returncode == 0, f"az {command}: {done.stderr.strip()[-800:]}"
        self.took.setdefault(command.split(" -")[0], []).append(time.monotonic() - began)
        return done.stdout

    def __call__(self, command: str, *more: str) -> Any:
        """Its JSON answer; None when it has none."""
        printed = self.says(command, *more, "-o", "json")
        return json.loads(printed) if printed.strip() else None

    def refused(self, command: str, *more: str) -> str:
        """The words of a command that must fail."""
        done = self.run(*command.split(), *more)
        assert done.returncode != 0, f"az {command} was accepted"
        return done.stderr

    def until(self, command: str, check: Callable[[Any], bool]) -> None:
        """Type a command until its answer is as wanted."""
        assert any(check(self(command)) for _ in range(30)), f"az {command}: never came true"

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """The simulated time runs as the real one, so that what is under way stays so, and moves only as it is told."""
        self.control("POST", "/clock", {"speed": 1})
        try:
            yield
        finally:
            self.control("POST", "/clock", {"speed": SPEED})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call to the simulator's control endpoints."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.simulator['ARM']}/_sandbox{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.simulator["CA"])) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def signed_in(executable: Path, directory: Path, simulator: dict[str, str]) -> Az:
    """An az with a configuration of its own, on the simulator's cloud."""
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
    return signed_in(installed(say), tmp_path_factory.mktemp("az"), az_simulator)


@pytest.fixture(scope="session")
def az_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulator in a process of its own, with no clusters behind."""
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
    """A public SSH key."""
    path = tmp_path_factory.mktemp("keys") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub")


@pytest.fixture(scope="session")
def principal() -> dict[str, Any]:
    """What create-for-rbac answered last."""
    return {}
