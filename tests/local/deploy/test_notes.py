"""The notes that `helm install` prints, by the real helm; each command in them parses.

Helm prints notes only at an installation, and builds the objects before. So the chart here has the notes and no objects, and the API server
only says its version. tests/integration/test_operator_chart.py installs the whole chart.
"""

import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from notebook_platform.api.manual import SITE
from notebook_platform.cli import COMMANDS, NAME, command_parser

from docs.generator.deployment import CHART
from sandbox.kubernetes.binaries import find_helm
from tests.local.cli_watch.api import kubeconfig

VERSION = b'{"major": "1", "minor": "35", "gitVersion": "v1.35.1"}'
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield an environment with a cluster that helm can reach, and the chart in CHART."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(VERSION)))
            self.end_headers()
            self.wfile.write(VERSION)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    directory = tmp_path_factory.mktemp("helm")
    shutil.copytree(CHART, directory / "chart")
    for template in (directory / "chart" / "templates").iterdir():
        if template.name not in ("NOTES.txt", "_helpers.tpl"):
            template.unlink()
    (directory / "kubeconfig").write_text(kubeconfig(f"http://127.0.0.1:{http.server_port}"))
    yield {**os.environ, "KUBECONFIG": str(directory / "kubeconfig"), "CHART": str(directory / "chart")}
    http.shutdown()
    http.server_close()


def notes(environment: dict[str, str], *flags: str, namespace: str = "notebook-platform") -> str:
    """Return what `helm install` prints below NOTES."""
    command = [
        str(find_helm()),
        "install",
        "notebook-platform",
        environment["CHART"],
        "-n",
        namespace,
        "--dry-run=client",
        *flags,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]


def commands(text: str) -> list[list[str]]:
    """Return the words of the commands, which are the indented lines."""
    return [shlex.split(line) for line in text.splitlines() if line.startswith("  ")]


def test_the_notes_lead_from_the_installation_to_a_platform(environment: dict[str, str]) -> None:
    text = notes(environment)
    assert text.startswith(
        "The operator serves the namespaces platforms, and no other. A platform elsewhere stays without a status"
    )
    assert [words[:3] for words in commands(text)] == [
        ["kubectl", "rollout", "status"],
        ["kubectl", "create", "secret"],
        [NAME, "init", "-n"],
        [NAME, "doctor", "-f"],
        ["kubectl", "apply", "-f"],
        [NAME, "watch", "NAME"],
    ]
    assert "create rolebinding" not in text and "{{" not in text and "%!" not in text


def test_the_commands_of_the_notes_have_the_flags_that_they_name(environment: dict[str, str]) -> None:
    parser = command_parser(NAME, COMMANDS)
    given = [parser.parse_args(words[1:]) for words in commands(notes(environment)) if words[0] == NAME]
    assert [getattr(one, "namespace", None) for one in given] == ["platforms", None, "platforms"]


def test_the_notes_name_the_namespaces_of_the_values(environment: dict[str, str]) -> None:
    text = notes(environment, "--set", "namespaces={team-*,hubs}", namespace="operators")
    assert text.startswith("The operator serves the namespaces team-*, hubs, and no other.")
    bind = "kubectl create rolebinding notebook-platform -n NAMESPACE --clusterrole notebook-platform-namespace"
    assert (
        f"the pattern team-* matches needs the RoleBinding too:\n  {bind} --serviceaccount operators:notebook-platform\n" in text
    )
    assert "deployment/notebook-platform -n operators\n" in text and "init -n hubs\n" in text and "watch NAME -n hubs\n" in text


def test_without_an_exact_name_the_notes_have_a_word_in_its_place(environment: dict[str, str]) -> None:
    text = notes(environment, "--set", "namespaces={team-*}")
    assert "init -n NAMESPACE\n" in text and "azure-credentials -n NAMESPACE " in text


def test_in_the_whole_cluster_no_namespace_is_left_out(environment: dict[str, str]) -> None:
    text = notes(environment, "--set", "rbac.scope=Cluster")
    assert text.startswith("The operator serves every namespace.\n\n1. Wait") and "helm upgrade" not in text


def test_the_page_of_the_commands_exists(environment: dict[str, str]) -> None:
    assert (
        f"{SITE}install/#the-commands\n" in notes(environment)
        and "\n## The commands\n" in (ROOT / "docs" / "install.md").read_text()
    )
