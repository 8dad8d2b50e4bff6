"""`python -m tests.pictures` (`make pictures`): the pictures of the manual, drawn from what the real commands print on the sandbox.

A platform is checked, planned, created and changed; the terminal after each command becomes an SVG in docs/pictures.
"""

import re
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sandbox.operator_process import ROOT, OperatorProcess, install
from tests.integration.conftest import Field, running_sandbox
from tests.pictures.terminal import draw, printed

PICTURES = ROOT / "docs" / "pictures"
COMMAND = str(Path(sys.executable).parent / "notebook-platform")
WIDTH, TIMEOUT = 110, 180.0
"""Characters; seconds."""

SPEED = "15"
"""How many times faster than Azure: the creation of a cluster lasts 20 seconds, so that `watch` can be drawn meanwhile."""

CREATING = ("expected end", " ago", "Ctrl-C")
"""What `watch` shows while Azure works on an operation: its end, Events, and the last line."""

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


WITH_WINDOW = {**HUB["spec"]["cluster"], "maintenanceWindow": {"days": ["Saturday"], "start": "02:00"}}

ANSWERS = ("", "", "lab", "120", "")
"""To the questions of `init`: the offered subscription and region, a name, the number of users, the sign-in for a trial."""

CONDITIONS = r"^  Conditions:\n(?:    .*\n){18}"
"""The part of `kubectl describe` that is drawn: the conditions of the whole platform, which are the first three."""


def signed_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which Azure's SDKs sign in: `init` has no platform with credentials."""
    names = {
        "AZURE_TENANT_ID": "SANDBOX_TENANT",
        "AZURE_CLIENT_ID": "SANDBOX_CLIENT_ID",
        "AZURE_CLIENT_SECRET": "SANDBOX_CLIENT_SECRET",
    }
    return {name: environment[source] for name, source in names.items()}


class Album:
    """The pictures, and the platform that they show."""

    def __init__(self, site: Field, directory: Path) -> None:
        self._site, self._file = site, directory / "hub.yaml"

    def write(self, pools: list[dict[str, Any]], **spec: Any) -> None:
        """Write hub.yaml."""
        self._file.write_text(yaml.safe_dump({**HUB, "spec": {**HUB["spec"], "nodePools": pools, **spec}}))

    def take(
        self,
        name: str,
        *arguments: str,
        program: str = COMMAND,
        until: Sequence[str] = (),
        answers: Sequence[str] = (),
        part: str = "",
    ) -> None:
        """Draw what a command prints, to its end or until a frame has all of `until`. Its title is the command as a reader types it.

        `answers` are typed to its questions. `part`: a regular expression of what is drawn of a long text.
        """
        real = [str(self._file) if one == self._file.name else one for one in arguments]
        environment = {
            **self._site.operator.environment,
            **signed_in(self._site.environment),
            "KUBECONFIG": self._site.environment["KUBECONFIG"],
        }
        text = printed([program, *real], environment, width=WIDTH, seconds=TIMEOUT, until=until, answers=answers)
        if part:
            text = textwrap.dedent(found[0]) if (found := re.search(part, text, re.MULTILINE)) else ""
        sys.stdout.write(f"[pictures] {name}.svg\n")
        sys.stdout.flush()
        title = f"{Path(program).name} {' '.join(arguments)}"
        draw(text.replace(str(self._file), self._file.name), title=title, file=PICTURES / f"{name}.svg", width=WIDTH)

    def all(self) -> None:
        """Take all pictures."""
        system, users = HUB["spec"]["nodePools"]
        self.take("init", "init", "-o", "hub.yaml", answers=ANSWERS)
        self.write([system | {"vmSize": "Standard_M128ms"}, users])
        self.take("doctor", "doctor", "-f", "hub.yaml")
        self.write([system, users])
        self.take("plan-create", "plan", "-f", "hub.yaml")
        self._site.kubectl("apply", "-f", str(self._file))
        self.take("watch", "watch", "hub", "-n", "platforms", until=CREATING)
        self.take("wait", "wait", "hub", "-n", "platforms")
        self.take("get", "get", "notebookplatforms", "-n", "platforms", program="kubectl")
        changed = users | {"vmSize": "Standard_D8s_v5", "autoscaling": {"minCount": 1, "maxCount": 8}}
        self.write([system, changed], disruption="NoServers")
        self.take("plan-change", "plan", "-f", "hub.yaml")
        self.write([system, users], cluster=WITH_WINDOW)
        self._site.kubectl("apply", "-f", str(self._file))
        self._site.until_ready("hub", TIMEOUT)
        self.write([system, users | {"vmSize": "Standard_D8s_v5", "replacement": "Rotate"}], cluster=WITH_WINDOW)
        self.take("plan-deferred", "plan", "-f", "hub.yaml")
        self.write([system, users | {"vmSize": "Standard_D8s_v5"}], cluster=WITH_WINDOW)
        self._site.kubectl("apply", "-f", str(self._file))
        self._site.until("the platform is stalled", lambda: self._site.condition("hub", "Stalled")["status"] == "True", TIMEOUT)
        self.take("describe", "describe", "notebookplatform", "hub", "-n", "platforms", program="kubectl", part=CONDITIONS)


def main() -> None:
    """Take the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, running_sandbox(Path(name) / "sandbox", SPEED) as environment:
        install(environment)
        operator = OperatorProcess(environment, Path(name) / "operator")
        operator.start()
        try:
            Album(Field(environment, Path(name), operator), Path(name)).all()
        finally:
            operator.stop()


if __name__ == "__main__":
    main()
