"""`python -m tests.flux BINARIES CRDS ...` (`make flux`): Flux itself brings an empty management cluster to a Ready hub, by docs/gitops.md.

BINARIES is the directory of what tests/flux/build builds: Flux's source-controller and kustomize-controller, sops and age-keygen; CRDS are
the directories with Flux's CRDs. Exit code 1 when the hub is not Ready in time, or when an apply of Flux changes a settled platform.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.kubernetes.processes import free_ports
from sandbox.operator_process import NAMESPACE, ROOT, OperatorProcess, azure_credentials
from tests.flux.git_server import git_server
from tests.flux.repository import encrypted_repository
from tests.integration.conftest import PLATFORMS, SPEED, Field
from tests.integration.management import management_cluster

FLUX = "flux-system"
KUSTOMIZATIONS = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{FLUX}/kustomizations"
WAVES = ("crd", "operator", "namespaces", "secrets")
LAST = "notebook-platforms"
TIMEOUT = 900.0  # of all waves
APPLIES = 3


@contextmanager
def flux(binaries: Path, directory: Path, kubeconfig: str) -> Iterator[None]:
    """Run Flux's two controllers, as its Deployments do, until the block ends."""
    storage, address = directory / "storage", f"127.0.0.1:{free_ports(1)[0]}"
    storage.mkdir()
    common = ["--enable-leader-election=false", "--watch-all-namespaces", "--events-addr=", "--metrics-addr=127.0.0.1:0"]
    serves = [f"--storage-path={storage}", f"--storage-addr={address}", f"--storage-adv-addr={address}"]
    environment = {
        **os.environ,
        "KUBECONFIG": kubeconfig,
        "RUNTIME_NAMESPACE": FLUX,
        "HOME": str(directory),
        "TMPDIR": str(directory),
    }
    running = []
    try:
        for name, more in (("source-controller", serves), ("kustomize-controller", ["--requeue-dependency=5s"])):
            health = f"--health-addr=127.0.0.1:{free_ports(1)[0]}"
            with (directory / f"{name}.log").open("wb") as log:
                running.append(
                    subprocess.Popen([binaries / name, *common, *more, health], env=environment, stdout=log, stderr=log)
                )
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


class Site:
    """A management cluster that Flux reconciles, and the seconds at which something became true."""

    def __init__(self, site: Field, directory: Path) -> None:
        self.site, self._directory = site, directory
        self.began = time.monotonic()
        self.seconds: dict[str, float] = {}

    def note(self, what: str) -> None:
        self.seconds.setdefault(what, time.monotonic() - self.began)

    def until_ready(self, kustomization: str) -> None:
        """Wait until a Kustomization is Ready. Raises RuntimeError with Flux's message when it is not in time."""
        ready: dict[str, Any] = {}
        while time.monotonic() < self.began + TIMEOUT:
            found: dict[str, Any] = self.site.read(f"{KUSTOMIZATIONS}/{kustomization}")
            ready = next((one for one in found.get("status", {}).get("conditions", ()) if one["type"] == "Ready"), {})
            if ready.get("status") == "True":
                return self.note(kustomization)
            time.sleep(0.5)
        raise RuntimeError(f"{kustomization} is not Ready: {ready.get('message')}")

    def run_deployment(self) -> OperatorProcess:
        """Run the operator once its Deployment exists, and report it as the kubelet and the Deployment's controller do."""
        while not (found := self._deployment()):
            time.sleep(0.2)
        operator = OperatorProcess(self.site.environment, self._directory / "operator")
        operator.start()
        self.note("the operator is ready")
        now, count = datetime.now(UTC).isoformat(timespec="seconds"), found["spec"]["replicas"]
        reasons = {"Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}
        same = {"status": "True", "message": "", "lastUpdateTime": now, "lastTransitionTime": now}
        status = {
            "observedGeneration": found["metadata"]["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count),
            "conditions": [{"type": type_, "reason": reason, **same} for type_, reason in reasons.items()],
        }
        self._report("deployment", status)
        budget = {"expectedPods": count, "currentHealthy": count, "desiredHealthy": 1, "disruptionsAllowed": count - 1}
        self._report("poddisruptionbudget", {"observedGeneration": 1, **budget})
        return operator

    def _report(self, kind: str, status: dict[str, Any]) -> None:
        patch = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
        self.site.kubectl("patch", kind, NAMESPACE, "-n", NAMESPACE, *patch)

    def _deployment(self) -> dict[str, Any] | None:
        return self.site.read(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAMESPACE}")

    def platform(self) -> dict[str, Any]:
        found: dict[str, Any] = self.site.read(f"{PLATFORMS}/trial")
        return found

    def apply_again(self) -> None:
        """Have Flux apply the last wave once more."""
        asked = str(time.time())
        self.site.kubectl(
            "annotate", "--overwrite", "kustomization", LAST, "-n", FLUX, f"reconcile.fluxcd.io/requestedAt={asked}"
        )
        while self.site.read(f"{KUSTOMIZATIONS}/{LAST}")["status"].get("lastHandledReconcileAt") != asked:
            time.sleep(0.2)
        self.until_ready(LAST)


def manifest(address: str) -> str:
    """Return deploy/gitops/flux/kustomization.yaml for a repository with the directories of this one."""
    text = (ROOT / "deploy" / "gitops" / "flux" / "kustomization.yaml").read_text()
    return text.replace("https://git.example.org", address).replace("./waves/", "./deploy/gitops/waves/")


def bring_up(binaries: Path, crds: Sequence[Path], directory: Path, speed: float) -> tuple[Site, bool]:
    """Bring the hub up. Returns the times, and whether applies of Flux left the settled platform as it was."""
    with management_cluster(directory, speed=speed) as cluster:
        field, environment = cluster.site, cluster.environment
        repository, key = encrypted_repository(directory, binaries, azure_credentials(environment))
        (directory / "age.agekey").write_text(key)
        field.kubectl("create", "namespace", FLUX)
        field.kubectl("create", "secret", "generic", "sops-age", "-n", FLUX, f"--from-file={directory / 'age.agekey'}")
        for one in crds:
            field.kubectl("apply", "--server-side", "-f", str(one))
        with git_server(repository.parent) as address, flux(binaries, directory, environment["KUBECONFIG"]):
            (directory / "flux.yaml").write_text(manifest(address))
            site = Site(field, directory)
            field.kubectl("apply", "-f", str(directory / "flux.yaml"))
            operator = site.run_deployment()
            try:
                for wave in WAVES:
                    site.until_ready(f"notebook-platform-{wave}")
                site.until_ready(LAST)
                before = site.platform()
                for _ in range(APPLIES):
                    site.apply_again()
                return site, before["metadata"]["resourceVersion"] == site.platform()["metadata"]["resourceVersion"]
            finally:
                operator.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.flux", description=__doc__)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("crds", type=Path, nargs="+")
    parser.add_argument(
        "--speed", type=float, default=float(SPEED), help="how many times faster than real Azure (default: %(default)s)"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flux-") as directory:
        site, kept = bring_up(asked.binaries, asked.crds, Path(directory), asked.speed)
    table = Table(title=f"One kubectl apply, and then Flux (Azure at {asked.speed:g} times real speed)")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    for what, seconds in sorted(site.seconds.items(), key=lambda one: one[1]):
        table.add_row(what, f"{seconds:.0f}")
    Console().print(table)
    Console().print(
        f"{APPLIES} more applies of Flux {'leave' if kept else 'change'} the settled platform{' as it is' if kept else ''}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
