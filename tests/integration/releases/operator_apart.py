"""`python -m tests.integration.releases.operator_apart CHARTS DIRECTORY NAMESPACE`: an operator for one release in a process of
its own, which a test may kill. Reads the kubeconfig from standard input."""

import asyncio
import sys
from pathlib import Path

from notebook_platform.workload.kubeconfig import parse_kubeconfig
from notebook_platform.workload.step import WorkloadClusterOutput

from sandbox.kubernetes.api import api_client
from tests.integration.releases.cluster import Cluster
from tests.integration.releases.harness import ReleaseHarness

NEVER_ENDS = "example.org/does-not-exist:1"


async def main(charts: Path, directory: Path, namespace: str, kubeconfig: str) -> None:
    """Reconcile until the process is killed."""
    target = WorkloadClusterOutput(
        api=await api_client(kubeconfig),
        access=parse_kubeconfig(kubeconfig),
        cluster_id="id",
        secret_name="kubeconfig",
        served_version=(1, 37),
        nodes=2,
        ready_nodes=2,
    )
    cluster = Cluster(target, charts, directory)
    wanted = {"name": "little", "namespace": namespace, "chart": {"name": "little", "version": "1.0.0"}}
    harness = ReleaseHarness(cluster, cluster.helm(), namespace, [wanted])
    harness.set(hook=NEVER_ENDS)
    while True:
        await harness.once()
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.stdin.read()))
