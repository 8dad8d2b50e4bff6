"""One process that is the whole sandbox: the simulated Azure, the management cluster, the clusters behind AKS."""

import asyncio
import json
import logging
import os
import signal
from pathlib import Path

from sandbox.azure.server import AzureSimulator
from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT
from sandbox.charts.package import packaged
from sandbox.kubernetes.aks import RealClusters
from sandbox.kubernetes.binaries import Binaries, find
from sandbox.kubernetes.control_plane import ControlPlane, Issuer, Wanted
from sandbox.operator_process import OperatorProcess, install
from sandbox.options import Options, write_atomically

log = logging.getLogger(__name__)


CRASH_SECONDS = 3.0
"""Seconds for which the management cluster is away after a crash; its start takes some more."""


def environment(
    options: Options, simulator: AzureSimulator, management: ControlPlane, binaries: Binaries, charts: Path
) -> dict[str, str]:
    """What a client needs to know, as DESIGN section 10 names it."""
    return {
        "KUBECONFIG": str(management.kubeconfig_path),
        "SANDBOX_ARM": simulator.url,
        "SANDBOX_CA": str(simulator.ca_file),
        "SANDBOX_TENANT": TENANT,
        "SANDBOX_SUBSCRIPTION": SUBSCRIPTION,
        "SANDBOX_CLIENT_ID": CLIENT_ID,
        "SANDBOX_CLIENT_SECRET": CLIENT_SECRET,
        "SANDBOX_JOURNAL": str(options.state / "journal.jsonl"),
        "SANDBOX_HELM": str(binaries.path("helm")),
        "SANDBOX_CHARTS": str(charts),
        "SANDBOX_STATE": str(options.state),
        # init, import, and plan and doctor of a platform without credentials, sign in with these, as azure-identity reads them
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        # plan, doctor and import call Azure and helm as the operator does
        "NOTEBOOK_PLATFORM_RESOURCE_MANAGER_URL": simulator.url,
        "NOTEBOOK_PLATFORM_AUTHORITY_URL": simulator.url,
        "NOTEBOOK_PLATFORM_GRAPH_URL": simulator.url,
        "NOTEBOOK_PLATFORM_CA_FILE": str(simulator.ca_file),
        "NOTEBOOK_PLATFORM_HELM": str(binaries.path("helm")),
        "NOTEBOOK_PLATFORM_CHARTS": str(charts),
        "NOTEBOOK_PLATFORM_CHART_REPOSITORY": "",  # as for the operator: the sandbox reaches none
    }


async def supervise(options: Options) -> None:
    """Run until SIGTERM or SIGINT; then end everything that was started. SIGUSR1 lets the management cluster crash and come back."""
    options.state.mkdir(parents=True, exist_ok=True)
    (options.state / "ready.json").unlink(missing_ok=True)
    (options.state / "journal.jsonl").unlink(missing_ok=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    binaries = await asyncio.to_thread(find)
    charts = options.charts if options.charts else await asyncio.to_thread(packaged, binaries.path("helm"))
    management = ControlPlane(options.state / "management", binaries, Wanted(name="management", nodes=False))

    async def sleep(seconds: float) -> None:
        await simulator.world.clock.sleep(seconds)

    def issuer() -> Issuer:
        return Issuer(url=f"{simulator.url}/{TENANT}/v2.0", ca_file=simulator.ca_file)

    simulator = AzureSimulator(
        backend=RealClusters(options.state / "clusters", binaries, sleep, issuer),
        state_dir=options.state,
        speed=options.speed,
        catalog=options.catalog,
        journal=options.state / "journal.jsonl",
    )
    operator: OperatorProcess | None = None
    crashes: list[asyncio.Task[None]] = []
    try:
        await asyncio.gather(simulator.start(), management.start())
        told = environment(options, simulator, management, binaries, charts)
        if options.operator:
            operator = await asyncio.to_thread(_operator, told, options.state / "operator")
        crash = lambda: crashes.append(asyncio.create_task(management.crash(CRASH_SECONDS)))  # noqa: E731
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, crash)
        write_atomically(options.state / "ready.json", json.dumps({"pid": os.getpid(), "environment": told}))
        await stop.wait()
    finally:
        if operator is not None:
            await asyncio.to_thread(operator.stop)
        await asyncio.gather(*crashes)
        await simulator.close()
        await management.delete()
        (options.state / "ready.json").unlink(missing_ok=True)


def _operator(variables: dict[str, str], directory: Path) -> OperatorProcess:
    """Install the CRD, the operator's rights and a namespace for platforms, and start the operator. Raises RuntimeError."""
    install(variables)
    operator = OperatorProcess(variables, directory)
    operator.start()
    return operator
