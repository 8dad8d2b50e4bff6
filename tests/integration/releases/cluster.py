"""One control plane with nodes for releases, and charts to install on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kubernetes.aio import client
from notebook_platform.engine import Check, Inputs, Observed
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.runner import Helm
from notebook_platform.workload.kubeconfig import parse_kubeconfig
from notebook_platform.workload.step import WorkloadClusterOutput

from sandbox.charts.package import package_one
from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted
from sandbox.operator_process import ROOT
from tests.running_nodes import running_nodes

CHART = Path(__file__).parent / "charts" / "little"
HUB_CHARTS = [ROOT / "sandbox" / "charts" / f"jupyterhub-{version}" for version in ("0.11.1", "4.4.0")]


class ExistingCluster(Check[WorkloadClusterOutput]):
    """A workload cluster that exists already."""

    name = "WorkloadCluster"
    provides = WorkloadClusterOutput

    def __init__(self, target: WorkloadClusterOutput) -> None:
        self._target = target

    def desired(self, inputs: Inputs) -> WorkloadClusterOutput | None:
        return self._target

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[WorkloadClusterOutput]:
        return Observed(found=self._target)


@dataclass
class Cluster:
    """One control plane with nodes, and charts to install."""

    target: WorkloadClusterOutput
    charts: Path
    directory: Path
    helms: list[Helm] = field(default_factory=list)
    messages: dict[tuple[str, str], str] = field(default_factory=dict)
    """Message of the condition by (situation, reason), for the summary."""
    theirs: list[asyncio.subprocess.Process] = field(default_factory=list)
    """Helm processes that the tests started by hand."""

    @property
    def kubeconfig(self) -> str:
        assert self.target.access is not None
        return self.target.access.kubeconfig()

    @property
    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.target.api)

    def helm(self, *, timeout: int = 60) -> Helm:
        source = ChartSource(directory=self.charts, repository="")
        made = Helm(executable=str(find().path("helm")), work_dir=self.directory / "helm", charts=source, timeout=timeout)
        self.helms.append(made)
        return made

    async def end_processes(self) -> None:
        """End the Helm processes of the operator and of the tests."""
        for process in self.theirs:
            if process.returncode is None:
                process.kill()
        for helm in self.helms:
            await helm.close()


@asynccontextmanager
async def cluster_of(directory: Path) -> AsyncIterator[Cluster]:
    """Start a control plane with two nodes, and charts to install on it."""
    binaries = find()
    for chart in (CHART, *HUB_CHARTS):
        package_one(binaries.path("helm"), chart, directory / "charts")
    plane = ControlPlane(directory / "plane", binaries, Wanted(name="releases", nodes=True))
    await plane.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(plane.delete)
        api = await stack.enter_async_context(running_nodes(plane, "one", 2, "1.37.2"))
        target = WorkloadClusterOutput(
            api=api,
            access=parse_kubeconfig(plane.kubeconfig()),
            cluster_id="id",
            secret_name="kubeconfig",
            served_version=(1, 37),
            nodes=2,
            ready_nodes=2,
        )
        made = Cluster(target, directory / "charts", directory)
        stack.push_async_callback(made.end_processes)
        yield made
