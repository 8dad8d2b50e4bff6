"""The judge of the simulator: azure-cli as Microsoft ships it, in an environment of its own, unchanged."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT
from sandbox.kubernetes.binaries import cache_root
from sandbox.operator_process import ROOT

REQUIREMENTS = ROOT / "requirements" / "az.txt"


def installed() -> Path:
    """The `az` of the pinned azure-cli; made once (a few minutes) and kept in the cache."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    home = cache_root() / f"az-{digest}"
    if not (home / ".done").exists():
        print(f"[az] azure-cli from PyPI into {home} (once, a few minutes)", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        python = str(home / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run([python, "-m", "compileall", "-q", "-j", "0", str(home / "lib")], check=False, env=environment)
        (home / ".done").touch()
    return home / "bin" / "az"


@dataclass
class Az:
    """az, signed in to the simulator. Calling it runs a command and gives its JSON answer."""

    executable: Path
    environment: dict[str, str]
    passed: list[str] = field(default_factory=list)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment}
        return subprocess.run([str(self.executable), *words], env=environment, capture_output=True, text=True, check=False)

    def __call__(self, command: str, *more: str) -> Any:
        """`az COMMAND MORE`; the command is counted as passed. Fails with az's own words."""
        done = self.run(*command.split(), *more, "-o", "json")
        assert done.returncode == 0, f"az {command}: {done.stderr.strip()[-800:]}"
        self.passed.append(command.split(" -")[0])
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, command: str, *more: str) -> str:
        """The words of a command that must fail."""
        done = self.run(*command.split(), *more)
        assert done.returncode != 0, f"az {command} was accepted"
        return done.stderr


def signed_in(executable: Path, directory: Path, arm: str, authority: str) -> Az:
    """An az with a configuration of its own, on the simulator's cloud."""
    az = Az(
        executable,
        {
            "AZURE_CONFIG_DIR": str(directory / "azure"),
            "REQUESTS_CA_BUNDLE": authority,
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_CHECK_FOR_UPDATES": "no",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
            "AZURE_CORE_NO_COLOR": "1",
            "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
        },
    )
    az(f"cloud register -n Sandbox --endpoint-resource-manager {arm}")
    az("cloud set -n Sandbox")
    az(f"login --service-principal -u {CLIENT_ID} -p {CLIENT_SECRET} --tenant {TENANT}")
    az(f"account set --subscription {SUBSCRIPTION}")
    return az


@pytest.fixture(scope="session")
def az_executable() -> Path:
    return installed()


@pytest.fixture(scope="session")
def az(az_executable: Path, az_simulator: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Az:
    return signed_in(az_executable, tmp_path_factory.mktemp("az"), az_simulator["ARM"], az_simulator["CA"])


@pytest.fixture(scope="session")
def az_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulator in a process of its own, with no clusters behind."""
    directory = tmp_path_factory.mktemp("simulator")
    command = [sys.executable, "-m", "tests.az.simulator", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
