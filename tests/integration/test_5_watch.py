"""`watch` and `wait` beside a running operator, also as a plugin of the real kubectl."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.forked_command import run_command
from tests.integration.conftest import Field, runbook

pytestmark = pytest.mark.story

NAME = "watched"
UNSERVED, LONELY = "unserved", "lonely"
PATIENT = "40s"
"""How long a `wait` for LONELY waits: past the age from which a silent platform is explained, also on a busy machine."""
BIN = Path(sys.executable).parent


@dataclass
class Watched:
    """The site, a `watch` without a terminal and a `wait` for LONELY, which were started when the platforms were applied."""

    site: Field
    watching: subprocess.Popen[bytes]
    output: Path
    waiting: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "KUBECONFIG": self.site.environment["KUBECONFIG"]}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `notebook-platform`."""
        return run_command(self.environment, *words)

    def plugin(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `kubectl notebook_platform`."""
        command = ("kubectl", "notebook_platform", *words)
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def lines(self) -> list[str]:
        """Return the lines that `watch` has printed so far, without the times."""
        return [line.split("  ", 1)[1] for line in self.output.read_text().splitlines()]


@pytest.fixture(scope="module")
def watched(site: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    output = tmp_path_factory.mktemp("watch") / "lines"
    site.clear()
    site.apply(runbook(NAME, suspend=True))  # until those who watch have begun
    site.kubectl("create", "namespace", UNSERVED)
    site.apply(in_unserved())
    environment = {**os.environ, "KUBECONFIG": site.environment["KUBECONFIG"]}
    command = [str(BIN / "notebook-platform"), "watch", NAME, "-n", "platforms"]
    wait = [command[0], "wait", LONELY, "-n", UNSERVED, "--timeout", PATIENT]
    with (
        output.open("wb") as file,
        subprocess.Popen(wait, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting,
        subprocess.Popen(command, env=environment, stdout=file, stderr=file) as watching,
    ):
        found = Watched(site, watching, output, waiting)
        site.until("watch has begun", found.lines)
        yield found
        watching.kill()
        waiting.kill()
    site.apply(in_unserved() | {"spec": {**in_unserved()["spec"], "deletionProtection": False}})
    for namespace in ("platforms", UNSERVED):
        for name in site.kubectl("get", "nbp", "-n", namespace, "-o", "name").split():
            site.kubectl("delete", name, "-n", namespace, "--timeout=90s")
    site.kubectl("delete", "namespace", UNSERVED, "--wait=false")


def in_unserved() -> dict[str, Any]:
    """Return a platform in a namespace where the operator has no rights."""
    found = runbook(LONELY)
    return {**found, "metadata": {"name": LONELY, "namespace": UNSERVED}}


def test_wait_shows_what_it_waits_for_and_returns_when_the_platform_is_ready(watched: Watched) -> None:
    command = ["notebook-platform", "wait", NAME, "-n", "platforms", "--for", "Ready", "--timeout", "3m"]
    with subprocess.Popen(command, env=watched.environment, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        first = waiting.stdout.readline()
        watched.site.apply(runbook(NAME))
        *meanwhile, last = [first.rstrip(), *waiting.stdout.read().splitlines()]
    assert waiting.returncode == 0
    assert last == "platforms/watched has the condition Ready: Ready: Up to date"
    assert (
        "platforms/watched waits for Ready: Creating: Cluster: Azure operation in progress: create managed cluster aks-watched"
        in meanwhile
    )
    assert all(before != after for before, after in pairwise(meanwhile))


def test_watch_without_a_terminal_prints_a_line_for_each_change(watched: Watched) -> None:
    ready = "platforms/watched: Ready: Up to date"
    watched.site.until("watch tells that it is Ready", lambda: ready in watched.lines())
    lines = watched.lines()
    begun = next(line for line in lines if line.startswith("operation create managed cluster aks-watched: in progress since"))
    story = [
        "Network: up to date",
        "Cluster: Creating: Azure operation in progress: create managed cluster aks-watched",
        begun,
        "operation create managed cluster aks-watched: ended",
        "nodes: 3/3 ready",
        "JupyterHub: up to date",
        "release jhub/jhub: jupyterhub-4.4.0, revision 1, deployed",
        ready,
    ]
    assert [lines.index(line) for line in story] == sorted(lines.index(line) for line in story)


def test_an_event_that_is_no_condition_is_a_line_too(watched: Watched) -> None:
    key, setting = next(
        (k, v) for k, v in watched.site.resources().items() if "/rg_watched_nodes/" in k and "/autoscalesettings/" in k
    )
    setting["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["threshold"] = 95
    watched.site.control("PATCH", f"/resources{key}", setting)
    line_start = "event Warning DriftDetected: Autoscale: "
    watched.site.until("watch tells the Event", lambda: [line for line in watched.lines() if line.startswith(line_start)])


def test_on_a_terminal_watch_draws_and_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(watched: Watched) -> None:
    watched.site.until_ready(NAME)
    ours, theirs = pty.openpty()
    command = [str(BIN / "notebook-platform"), "watch", NAME, "-n", "platforms"]
    environment = {**watched.environment, "TERM": "xterm", "COLUMNS": "120", "LINES": "50"}
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as drawing:
        os.close(theirs)
        try:
            screen = b""
            while b"Cluster" not in screen:
                screen += os.read(ours, 65536)
            drawing.send_signal(signal.SIGINT)
            with contextlib.suppress(OSError):  # the other end is closed
                while True:
                    screen += os.read(ours, 65536)
        finally:
            drawing.kill()
            os.close(ours)
    text = screen.decode()
    assert drawing.returncode == 130 and "Traceback" not in text
    assert "platforms/watched" in text and "●" in text and "https://hub.example.org" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is hidden"


def test_watch_until_ready_of_a_ready_platform_ends_at_once_also_through_kubectl(watched: Watched) -> None:
    done = watched.plugin("watch", NAME, "--namespace", "platforms", "--until-ready")
    assert done.returncode == 0, done.stderr
    assert "platforms/watched: Ready: Up to date" in done.stdout


def test_the_plugin_of_kubectl_waits_and_takes_the_namespace_as_kubectl_does(watched: Watched) -> None:
    for namespace in (("-n", "platforms"), ("--namespace=platforms",)):
        done = watched.plugin("wait", NAME, *namespace, "--for", "JupyterHubReady")
        assert (done.returncode, done.stderr) == (0, "")
    nowhere = watched.plugin("wait", NAME)
    assert (nowhere.returncode, nowhere.stderr) == (
        1,
        "kubectl notebook-platform wait: NotebookPlatform default/watched not found. "
        "It is in the namespace platforms: use -n platforms\n",
    )


def test_a_wait_that_times_out_names_what_it_waited_for(watched: Watched) -> None:
    done = watched.run("wait", NAME, "-n", "platforms", "--for", "DriftDetected", "--timeout", "3s")
    assert done.returncode == 1
    assert "did not reach DriftDetected within 3s: NoDrift: No drift detected" in done.stderr


def test_a_wait_for_ready_ends_at_once_when_user_action_is_required(watched: Watched) -> None:
    wanted = runbook("stuck")
    wanted["spec"]["cluster"]["kubernetesVersion"] = "1.19.6"
    watched.site.apply(wanted)
    done = watched.run("wait", "stuck", "-n", "platforms")
    assert done.returncode == 1
    assert "platforms/stuck is stalled: VersionNotOffered: Preflight: spec.cluster.kubernetesVersion 1.19.6" in done.stderr


def test_wait_for_delete_returns_and_watch_ends_when_the_platform_is_gone(watched: Watched) -> None:
    watched.site.kubectl("delete", "nbp", NAME, "-n", "platforms", "--wait=false")
    done = watched.run("wait", NAME, "-n", "platforms", "--for", "delete", "--timeout", "2m")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "platforms/watched is deleted")
    assert watched.watching.wait(30) == 0
    assert watched.lines()[-1] == "platforms/watched: deleted"


def test_the_api_server_warns_about_a_namespace_that_the_operator_does_not_serve(watched: Watched) -> None:
    def warnings(namespace: str) -> str:
        document = {**in_unserved(), "metadata": {"name": "another", "namespace": namespace}}
        command = ["kubectl", "create", "--dry-run=server", "-f", "-"]
        done = subprocess.run(command, env=watched.environment, input=json.dumps(document), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr

    watched.site.until("the API server has the policy", lambda: warnings(UNSERVED))
    assert "the operator has no rights in the namespace unserved, so this platform stays without a status. " in warnings(UNSERVED)
    assert warnings("platforms") == ""


def test_doctor_of_a_file_passes_the_warning_on(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text(json.dumps(in_unserved()))
    done = watched.run("doctor", "-f", str(tmp_path / "hub.yaml"))
    assert "Warning: Validation failed for ValidatingAdmissionPolicy 'notebook-platform-served-namespaces'" in done.stderr


def test_wait_names_the_reason_why_a_platform_has_no_status(watched: Watched) -> None:
    output, errors = watched.waiting.communicate()
    assert watched.waiting.returncode == 1
    _, line = output.splitlines()
    assert line.startswith("unserved/lonely waits for Ready: no status for ")
    assert ": the operator has no rights in the namespace unserved. Apply it in a namespace that the operator serves, " in line
    assert f"unserved/lonely did not reach Ready within {PATIENT}: no status for " in errors


def test_a_platform_in_another_namespace_is_found(watched: Watched) -> None:
    for command in (("watch",), ("wait",), ("plan",), ("doctor",), ("support-bundle",)):
        done = watched.run(*command, LONELY)
        words = f"notebook-platform {command[0]}: NotebookPlatform default/lonely not found. It is in the namespace unserved: "
        assert (done.returncode, done.stderr) == (1, f"{words}use -n unserved\n")
