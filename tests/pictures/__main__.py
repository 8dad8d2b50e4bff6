"""`python -m tests.pictures` (`make pictures`): the pictures of the manual, drawn from what the real commands print on the sandbox.

A platform is checked, planned, created and changed; the terminal after each command becomes an SVG in docs/pictures.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from sandbox.operator_process import ROOT, OperatorProcess, install
from tests.integration.conftest import Field, running_sandbox
from tests.pictures.terminal import draw, printed

PICTURES = ROOT / "docs" / "pictures"
COMMAND = str(Path(sys.executable).parent / "notebook-platform")
WIDTH, PATIENCE = 110, 180.0
"""Characters; seconds."""

CREATING = "expected end"
"""What `watch` shows while Azure works on an operation."""

HUB: dict[str, Any] = {
    "apiVersion": "notebookplatform.io/v1alpha1",
    "kind": "NotebookPlatform",
    "metadata": {"name": "hub", "namespace": "platforms"},
    "spec": {
        "azure": {
            "subscriptionId": "00000000-0000-0000-0000-000000000001",
            "location": "westeurope",
            "resourceGroup": "first-hub",
            "credentials": {"secretRef": {"name": "azure-credentials"}},
        },
        "cluster": {"name": "first-hub", "kubernetesVersion": "1.35"},
        "nodePools": [
            {"name": "system", "mode": "System", "vmSize": "Standard_D2s_v5", "count": 1},
            {"name": "users", "vmSize": "Standard_D4s_v5", "count": 1, "autoscaling": {"minCount": 1, "maxCount": 5}},
        ],
        "jupyterhub": {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}},
    },
}


class Album:
    """The pictures, and the platform that they show."""

    def __init__(self, site: Field, directory: Path) -> None:
        self._site, self._file = site, directory / "hub.yaml"

    def write(self, pools: list[dict[str, Any]], **spec: Any) -> None:
        """Write hub.yaml."""
        self._file.write_text(yaml.safe_dump({**HUB, "spec": {**HUB["spec"], "nodePools": pools, **spec}}))

    def take(self, name: str, *arguments: str, program: str = COMMAND, until: str = "") -> None:
        """Draw what a command prints, to its end or until it has printed `until`. Its title is the command as a reader types it."""
        real = [str(self._file) if one == "hub.yaml" else one for one in arguments]
        environment = {**self._site.operator.environment, "KUBECONFIG": self._site.environment["KUBECONFIG"]}
        text = printed([program, *real], environment, width=WIDTH, seconds=PATIENCE, until=until)
        title = f"{Path(program).name} {' '.join(arguments)}"
        draw(text.replace(str(self._file), "hub.yaml"), title=title, file=PICTURES / f"{name}.svg", width=WIDTH)

    def all(self) -> None:
        """Take all pictures."""
        system, users = HUB["spec"]["nodePools"]
        self.write([system | {"vmSize": "Standard_M128ms"}, users])
        self.take("doctor", "doctor", "-f", "hub.yaml")
        self.write([system, users])
        self.take("plan-create", "plan", "-f", "hub.yaml")
        self._site.kubectl("apply", "-f", str(self._file))
        self.take("watch", "watch", "hub", "-n", "platforms", until=CREATING)
        subprocess.run(
            [COMMAND, "wait", "hub", "-n", "platforms"], check=True, timeout=PATIENCE, env=self._site.operator.environment
        )
        self.take("get", "get", "notebookplatforms", "-n", "platforms", program="kubectl")
        changed = users | {"vmSize": "Standard_D8s_v5", "autoscaling": {"minCount": 1, "maxCount": 8}}
        self.write([system, changed], disruption="NoServers")
        self.take("plan-change", "plan", "-f", "hub.yaml")


def main() -> None:
    """Take the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, running_sandbox(Path(name) / "sandbox") as environment:
        install(environment)
        operator = OperatorProcess(environment, Path(name) / "operator")
        operator.start()
        try:
            Album(Field(environment, Path(name), operator), Path(name)).all()
        finally:
            operator.stop()


if __name__ == "__main__":
    main()
