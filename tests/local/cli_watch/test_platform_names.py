"""Completion of platforms' names, by the real kubectl and real shells, from an API server on loopback that has two platforms."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from notebook_platform.cli.completion import script
from notebook_platform.cli.platform_names import namespace_of

from tests.local.cli_watch.zsh import zsh

PROGRAM = f"#!{sys.executable}\nimport sys\nfrom notebook_platform.cli.kubectl_completion import main\nsys.exit(main())\n"
NAMES = ("hub", "$(touch made)", "hub-two")
BASH = """
{script}
COMP_WORDS=({words} "$1") COMP_CWORD={place} COMP_TYPE=9
_shtab_notebook_platform
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@dataclass
class Server:
    """An API server that answers LIST after `delay` seconds, and the environment in which kubectl finds it."""

    environment: dict[str, str]
    delay: float = 0.0
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Yield the server; its kubeconfig's context has the namespace `platforms`."""
    (tmp_path / "kubectl_complete-notebook_platform").write_text(PROGRAM)
    (tmp_path / "kubectl_complete-notebook_platform").chmod(0o755)
    found = Server(
        {
            **os.environ,
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
            "HOME": str(tmp_path),
        }
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/apis/"):  # kubectl also asks for the version
                found.paths.append(self.path)
            time.sleep(found.delay)
            body = json.dumps({"items": [{"metadata": {"name": name}} for name in NAMES]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # kubectl was ended while it waited
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    (tmp_path / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nusers: [{name: u, user: {}}]\n"
        f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{http.server_port}'}}}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u, namespace: platforms}}]\n"
    )
    yield found
    http.shutdown()
    http.server_close()


def completed(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what the executable that kubectl calls answers."""
    command = ["kubectl_complete-notebook_platform", *words]
    return subprocess.run(command, env=server.environment, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("command", ["watch", "wait", "plan", "doctor", "support-bundle"])
def test_names_of_the_contexts_namespace_complete_a_command(command: str, server: Server) -> None:
    done = completed(server, command, "hu")
    assert (done.stdout.split(), done.stderr) == (["hub", "hub-two", ":4"], "")
    assert len(server.paths) == 1 and "/namespaces/platforms/notebookplatforms" in server.paths[0]


def test_the_namespace_of_the_line_is_asked(server: Server) -> None:
    assert completed(server, "watch", "-n", "team-a", "hub-").stdout.split() == ["hub-two", ":4"]
    assert "/namespaces/team-a/notebookplatforms" in server.paths[0]


def test_a_slow_cluster_gives_no_names_and_no_error(server: Server) -> None:
    server.delay = 30.0
    started = time.monotonic()
    done = completed(server, "watch", "")
    assert (done.stdout, done.stderr) == (":4\n", "") and time.monotonic() - started < 20


def test_without_kubectl_there_are_no_names_and_no_error(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, str(tmp_path / "kubectl_complete-notebook_platform"), "watch", ""]
    done = subprocess.run(command, env={**server.environment, "PATH": "/none"}, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (":4\n", "")


def test_bash_completes_a_name(server: Server) -> None:
    text = BASH.format(script=script("bash"), words="notebook-platform watch", place=2)
    done = subprocess.run(
        ["bash", "--norc", "-c", text, "bash", "hub"], env=server.environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (["hub", "hub-two"], "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_a_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(script("fish"))
    (tmp_path / "notebook-platform").touch(0o755)
    command = ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", str(tmp_path / "script")]
    done = subprocess.run(
        [*command, "notebook-platform watch hub"], env=server.environment, capture_output=True, text=True, check=True
    )
    assert {line.partition("\t")[0] for line in done.stdout.splitlines()} == {"hub", "hub-two"} and not done.stderr


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_tab_in_zsh_completes_a_name(server: Server, tmp_path: Path) -> None:
    with zsh(tmp_path, script("zsh"), server.environment) as shell:
        shell.press("notebook-platform watch hu\t", until="watch hub")
        shell.press("-t\t", until="two ")
        shell.clear()
        shell.press("notebook-platform watch -n team-a hub-\t", until="hub-two ")
    namespaces = [path.split("/namespaces/")[1].split("/")[0] for path in server.paths]
    assert namespaces[0] == "platforms" and namespaces[-1] == "team-a" and not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("words", "namespace"),
    [(["-n", "a"], "a"), (["--namespace=a"], "a"), (["-na"], "a"), (["--namespace", "a", "b"], "a"), (["--until-ready"], "")],
)
def test_the_namespace_is_read_in_each_form(words: list[str], namespace: str) -> None:
    assert namespace_of(words) == namespace
