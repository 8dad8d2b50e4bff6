"""`make demo`: an empty subscription becomes a Ready JupyterHub by one `kubectl apply`, before your eyes.

On a terminal it stays up until Ctrl-C; without one it ends after that: exit code 0 only if Ready was reached.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from sandbox.checks import speed
from sandbox.operator_process import ROOT, OperatorProcess, install, kubectl

TIMEOUT_SECONDS = 180.0

KEEP_ONE = """\
To keep a sandbox and its operator running, and go on by hand:
  . .venv/bin/activate
  notebook-platform-sandbox up --operator --env sandbox.env && . ./sandbox.env
  kubectl apply -f deploy/examples/runbook.yaml
  notebook-platform watch prd-jhub -n platforms --until-ready
  notebook-platform init -o first.yaml              # a platform of your own; Enter takes the default of each question
  kubectl apply -f first.yaml
  notebook-platform-sandbox down"""


@contextlib.contextmanager
def sandbox(state: Path, speed: float, say: Console) -> Iterator[dict[str, str]]:
    """A sandbox for as long as the block."""
    command = [str(Path(sys.executable).parent / "notebook-platform-sandbox")]
    env_file = state / "env"
    say.print("starting the sandbox: a simulated Azure and a real API server ...")
    started = time.monotonic()
    state.mkdir(parents=True, exist_ok=True)
    subprocess.run([*command, "up", "--state", str(state), "--env", str(env_file), "--speed", str(speed)], check=True)
    say.print(f"sandbox ready in {time.monotonic() - started:.1f} s")
    try:
        lines = [line.removeprefix("export ").split("=", 1) for line in env_file.read_text().splitlines()]
        yield {name: value.strip("'") for name, value in lines}
    finally:
        subprocess.run([*command, "down", "--state", str(state)], check=True)
        say.print("sandbox ended; nothing is left running")


def watch(environment: dict[str, str]) -> bool:
    """Show the way to Ready, as anyone can; returns whether it was reached."""
    command = [str(Path(sys.executable).parent / "notebook-platform"), "watch", "prd-jhub", "-n", "platforms", "--until-ready"]
    with subprocess.Popen(command, env={**os.environ, "KUBECONFIG": environment["KUBECONFIG"]}) as watching:
        try:
            return watching.wait(TIMEOUT_SECONDS) == 0
        except subprocess.TimeoutExpired:
            watching.send_signal(signal.SIGINT)
            return False


def report(environment: dict[str, str], say: Console, state: Path) -> None:
    """What there is now."""
    target = state / "target.kubeconfig"
    text = kubectl(
        environment, "get", "secret", "prd-jhub-kubeconfig", "-n", "platforms", "-o", "go-template={{.data.value | base64decode}}"
    )
    target.touch(mode=0o600)
    target.write_text(text)
    inside = {**environment, "KUBECONFIG": str(target)}
    sections = {
        "kubectl get notebookplatforms -o wide": kubectl(environment, "get", "notebookplatforms", "-A", "-o", "wide"),
        "nodes of the cluster": kubectl(inside, "get", "nodes"),
        "releases": _helm(environment, target),
    }
    for title, body in sections.items():
        say.rule(title, align="left")
        say.print(body.rstrip(), markup=False, highlight=False, soft_wrap=True)


def _helm(environment: dict[str, str], kubeconfig: Path) -> str:
    command = [environment["SANDBOX_HELM"], "list", "-A", "--kubeconfig", str(kubeconfig)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def how_to_go_on(environment: dict[str, str], state: Path, say: Console) -> None:
    """For a person at a terminal: it stays up."""
    say.rule("go on by hand", align="left")
    say.print(
        f"  . .venv/bin/activate && . {state}/env          # in another terminal: the commands, KUBECONFIG, the sandbox's addresses\n"
        "  notebook-platform watch prd-jhub -n platforms     # what happens next; Ctrl-C ends it\n"
        "  kubectl get events -n platforms                   # what a person would want to know\n"
        f"  kubectl --kubeconfig {state}/target.kubeconfig get pods -A\n"
        "  kubectl edit nbp prd-jhub -n platforms            # maxCount: 8, and watch one write\n"
        "  kubectl delete nbp prd-jhub -n platforms          # and nothing is left\n"
        "Ctrl-C ends everything.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main() -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=speed, default=20.0, help="how many times faster than real Azure")
    parser.add_argument("--keep", type=Path, help="directory for the sandbox (default: a temporary one)")
    given = parser.parse_args()
    say = Console(width=None if sys.stdout.isatty() else 160)
    started = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="notebook-platform-demo-") as temporary:
        state = given.keep or Path(temporary)
        try:
            with sandbox(state, given.speed, say) as environment:
                install(environment)
                operator = OperatorProcess(environment, state / "operator", namespaces='["platforms"]')
                operator.start()
                try:
                    say.print("operator started with its own ServiceAccount")
                    say.print("kubectl apply -f deploy/examples/runbook.yaml")
                    kubectl(environment, "apply", "-f", os.fspath(ROOT / "deploy" / "examples" / "runbook.yaml"))
                    say.print("notebook-platform watch prd-jhub -n platforms --until-ready")
                    reached = watch(environment)
                    if reached:
                        report(environment, say, state)
                        say.print(f"Ready. {(datetime.now(UTC) - started).total_seconds():.1f} s from start to here.")
                    else:
                        say.print(kubectl(environment, "describe", "nbp", "prd-jhub", "-n", "platforms"), markup=False)
                        say.print(operator.log.read_text()[-4000:], markup=False)
                    if say.is_terminal:
                        how_to_go_on(environment, state, say)
                    else:
                        say.print(KEEP_ONE, markup=False, highlight=False, soft_wrap=True)
                finally:
                    operator.stop()
        except KeyboardInterrupt:
            return 130
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
