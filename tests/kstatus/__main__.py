"""`python -m tests.kstatus BINARY` (`make kstatus`): a platform lives in the sandbox, and in each phase cli-utils' own code computes its
status, as Flux and `kubectl wait` for other kinds do, and health.lua that of Argo CD. Exit code 1 when one of them is not as documented.

BINARY is the program of tests/kstatus/build.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from sandbox.operator_process import ROOT, OperatorProcess, install
from tests.integration.conftest import PLATFORMS, Field, running_sandbox
from tests.local.deploy.rendered import health_of

NAME = "trial"
OLDEST, UPGRADED = "0.11.1", "4.4.0"
FAULT = {"method": "PUT", "path": f"managedClusters/{NAME}-hub$", "status": 500, "code": "InternalServerError", "count": None}
TIMEOUT = 180


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase: what kstatus and Argo CD say of it, and the object as the API server has it."""

    name: str
    kstatus: str
    health: str
    seen: dict[str, Any]


class Life:
    """A platform in a sandbox, and the phases that it passes through."""

    def __init__(self, site: Field) -> None:
        self.site = site
        self.document: dict[str, Any] = yaml.safe_load((ROOT / "deploy/gitops/waves/4-platforms/hub.yaml").read_text())

    def phase(self, name: str, kstatus: str, health: str) -> Phase:
        found: dict[str, Any] = self.site.read(f"{PLATFORMS}/{NAME}")
        return Phase(name=name, kstatus=kstatus, health=health, seen=found)

    def apply(self, **spec: Any) -> None:
        self.document["spec"] |= spec
        self.site.apply(self.document)

    def until(self, type_: str, status: str, reason: str = "") -> None:
        """Wait until a condition of the current generation has this status, and this reason if one is given."""

        def there() -> bool:
            found, now = self.site.platform(NAME) or {}, self.site.condition(NAME, type_)
            current = now.get("observedGeneration") == found["metadata"]["generation"]
            return current and now["status"] == status and reason in ("", now["reason"])

        self.site.until(f"{type_} is {status} {reason}", there, TIMEOUT)

    def phases(self) -> Iterator[Phase]:
        """Yield the phases in the order of a life."""
        yield from self.beginning()
        yield from self.later()

    def beginning(self) -> Iterator[Phase]:
        """From the first apply to the hub."""
        site, cluster = self.site, self.document["spec"]["cluster"]
        self.apply(interval="2s", cluster=cluster | {"kubernetesVersion": "1.19.6"})
        yield self.phase("no operator has seen it", "InProgress", "Progressing")
        site.operator.start()
        self.until("Stalled", "True", "VersionNotOffered")
        yield self.phase("stalled: a version that Azure does not offer", "Failed", "Degraded")
        site.control("POST", "/faults", FAULT)
        older = {"chart": {"version": OLDEST}, "values": {"scheduling": {"userScheduler": {"enabled": False}}}}
        self.apply(cluster=cluster | {"kubernetesVersion": "1.34"}, jupyterhub=self.document["spec"]["jupyterhub"] | older)
        self.until("ClusterReady", "False", "AzureUnavailable")
        yield self.phase("failed, and retried", "InProgress", "Progressing")
        site.control("DELETE", "/faults")
        self.until("ClusterReady", "False", "Creating")
        yield self.phase("being provisioned", "InProgress", "Progressing")
        self.until("Ready", "True")
        yield self.phase("Ready", "Current", "Healthy")

    def later(self) -> Iterator[Phase]:
        """From the hub to the deletion."""
        cluster, hub = self.document["spec"]["cluster"], self.document["spec"]["jupyterhub"]
        self.apply(cluster=cluster | {"kubernetesVersion": "1.35"})
        yield self.phase("a spec that the operator has not seen", "InProgress", "Progressing")
        self.until("ClusterReady", "False")
        yield self.phase("being upgraded", "InProgress", "Progressing")
        self.until("Ready", "True")
        self.apply(jupyterhub=hub | {"chart": {"version": UPGRADED}})
        self.until("Stalled", "True", "ApprovalNeeded")
        yield self.phase("waiting for an approval", "Failed", "Degraded")
        self.document["metadata"]["annotations"] = {"notebookplatform.io/approve": UPGRADED}
        self.apply()
        self.until("Ready", "True")
        yield self.phase("approved, and Ready again", "Current", "Healthy")
        self.apply(suspend=True)
        self.until("Ready", "True", "Suspended")
        yield self.phase("suspended", "Current", "Suspended")
        self.apply(suspend=False, deletionProtection=False)
        self.until("Ready", "True")
        self.site.kubectl("delete", "nbp", NAME, "-n", "platforms", "--wait=false")
        self.until("Ready", "False", "Deleting")
        yield self.phase("being deleted", "Terminating", "Progressing")


def computed(binary: Path, phases: list[Phase]) -> list[dict[str, str]]:
    """Return the status and message that cli-utils computes for each object."""
    lines = "\n".join(json.dumps(phase.seen) for phase in phases)
    done = subprocess.run([str(binary)], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    """Run the life; print a table; return the exit code."""
    with tempfile.TemporaryDirectory() as name, running_sandbox(Path(name) / "sandbox") as environment:
        install(environment)
        operator = OperatorProcess(environment, Path(name) / "operator")
        try:
            phases = list(Life(Field(environment, Path(name), operator)).phases())
        finally:
            operator.stop()
    table, wrong = Table("phase", "kstatus", "Argo CD", "message of kstatus"), 0
    for phase, found in zip(phases, computed(Path(sys.argv[1]), phases), strict=True):
        health, _ = health_of(phase.seen)
        right = (found["status"], health) == (phase.kstatus, phase.health)
        wrong += not right
        expected = "" if right else f" [red]expected {phase.kstatus}, {phase.health}[/red]"
        table.add_row(phase.name + expected, found["status"], health, found["message"])
    Console(width=180).print(table)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
