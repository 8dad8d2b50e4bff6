"""How long one platform takes to become Ready beside two measures: Azure's own work on it (the critical path), and a person who types the
runbook without pauses: Microsoft's `az`, then `helm install --wait`.

Azure's operations run `burst.SPEED` times as fast as real ones, for both. The programs are as fast as they are, so the overhead of
operator, az and Helm counts that many times as much as in Azure. Hub and Helm are measured on another control plane (`release.py`).
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox.azure.world import SUBSCRIPTION
from sandbox.operator_process import ROOT
from tests.az.conftest import Az, signed_in
from tests.bench.burst import SPEED, Alone
from tests.bench.release import Hub
from tests.environments import environment

GROUP, NODES, NETWORK, CLUSTER = "rg-runbook", "rg-runbook-nodes", "vnet-runbook", "aks-runbook"
NETWORK_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/{NETWORK}"
FEATURE = "--name VMSSPreview --namespace Microsoft.ContainerService"


@dataclass(frozen=True)
class Creation:
    """Seconds. `critical`: Azure's work on the first platform of a subscription (`burst.Alone`); `cluster`: until the operator reports
    it Ready; `hub`: from a settled cluster to a Ready hub; `az` and `helm`: the runbook's commands."""

    critical: float
    cluster: float
    hub: float
    az: float
    helm: float

    @property
    def ready_over_critical_path(self) -> float:
        """Return the seconds until a cluster is Ready in relation to Azure's work."""
        return self.cluster / self.critical

    @property
    def ready_over_runbook(self) -> float:
        """Return the seconds until cluster and hub are Ready in relation to the runbook."""
        return (self.cluster + self.hub) / (self.az + self.helm)


def figures(found: Creation) -> dict[str, float]:
    """Return the figures for the file."""
    ratios = {name: round(getattr(found, name), 2) for name in ("ready_over_critical_path", "ready_over_runbook")}
    return {**ratios, **asdict(found)}


async def measure(alone: Alone, hub: Hub) -> Creation:
    """Type the runbook, and compare it with a platform that was created alone and a hub that was installed."""
    az = await asyncio.to_thread(_runbook)
    return Creation(critical=alone.critical, cluster=alone.took, hub=hub.marks["Ready"], az=az, helm=hub.by_hand)


def _runbook() -> float:
    """Return the seconds of the runbook's commands on an empty subscription."""
    with tempfile.TemporaryDirectory(prefix="bench-runbook-") as directory:
        command = [sys.executable, "-m", "tests.az.simulator", directory, str(SPEED)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None and process.stdout is not None
            simulator = json.loads(process.stdout.readline())
            with signed_in(environment("az", "azure-cli", print), Path(directory), simulator) as az:
                _typed(az, "account list-locations")  # az compiles and caches what it needs
                began = time.monotonic()
                _type_runbook(az, Path(directory))
                took = time.monotonic() - began
            process.stdin.close()
    return took


def _typed(az: Az, command: str, *more: str) -> Any:
    """Run a command as a person does, with the executable. Returns its JSON answer. Raises AssertionError with az's message."""
    done = az.executable(*command.split(), *more, "-o", "json")
    assert done.returncode == 0, f"az {command}: {done.stderr.strip()[-800:]}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def _type_runbook(az: Az, directory: Path) -> None:
    key = directory / "key.pub"
    key.write_text("ssh-rsa AAAAB3NzaC1yc2E= someone@example.org\n")
    _typed(az, f"feature register {FEATURE}")
    while _typed(az, f"feature show {FEATURE}")["properties"]["state"] != "Registered":
        pass
    _typed(az, "provider register -n Microsoft.ContainerService --wait")
    _typed(az, f"group create --name={GROUP} --location=eastus")
    network = "--address-prefixes 10.0.0.0/8 --subnet-name default --subnet-prefix 10.240.0.0/16"
    _typed(az, f"network vnet create --resource-group {GROUP} --name {NETWORK} {network}")
    principal = _typed(az, f"ad sp create-for-rbac --name sp_runbook --role Contributor --scopes {NETWORK_ID}")
    _typed(
        az,
        f"aks create --name {CLUSTER} --resource-group {GROUP} --node-resource-group {NODES} --ssh-key-value {key} "
        "--node-count 3 --node-vm-size Standard_D2s_v3 --enable-cluster-autoscaler --min-count 3 --max-count 6 "
        f"--kubernetes-version 1.35 --service-principal {principal['appId']} --client-secret {principal['password']} "
        "--dns-service-ip 10.0.0.10 --network-plugin azure --network-policy azure --service-cidr 10.0.0.0/16 "
        f"--vnet-subnet-id {NETWORK_ID}/subnets/default",
    )
    _typed(az, f"aks get-credentials --name {CLUSTER} --resource-group {GROUP} --file {directory / 'kubeconfig'} --admin")
    _typed(az, "provider register --namespace microsoft.insights --wait")
    (scale_set,) = _typed(az, f"vmss list -g {NODES}")
    _typed(
        az, f"monitor autoscale create -g {NODES} --name jhub --resource {scale_set['id']} --min-count 3 --max-count 6 --count 3"
    )
    for condition, scale in (("Percentage CPU > 70 avg 10m", "out 1"), ("Percentage CPU < 5 avg 10m", "in 1")):
        _typed(
            az,
            f"monitor autoscale rule create -g {NODES} --autoscale-name jhub --scale {scale}",
            "--condition",
            condition,
        )
