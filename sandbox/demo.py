"""`make demo`: an empty subscription becomes a Ready JupyterHub by one `kubectl apply`, before your eyes.

On a terminal it stays up until Ctrl-C; without one it ends by itself: exit code 0 only if Ready was reached.
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
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sandbox.operator_process import ROOT, OperatorProcess, install, kubectl, platform

STEPS = (
    "Credentials",
    "Providers",
    "Preflight",
    "ResourceGroup",
    "Network",
    "Identity",
    "RoleAssignment",
    "Cluster",
    "NodePools",
    "Autoscale",
    "TargetCluster",
    "JupyterHub",
)
MARKS = {"True": "[green]●[/]", "False": "[yellow]◐[/]", "Unknown": "[dim]○[/]"}
TIMEOUT_SECONDS = 180.0


class Timeline:
    """When each step was first busy and when it was done, in seconds from the start."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.began: dict[str, float] = {}
        self.done: dict[str, float] = {}

    def see(self, conditions: dict[str, Any]) -> list[str]:
        """Take in the conditions; returns the steps whose state is new, as lines."""
        now, lines = time.monotonic() - self.start, []
        for step in STEPS:
            condition = conditions.get(f"{step}Ready")
            if condition is None or condition["reason"] == "Waiting":
                continue
            if step not in self.began:
                self.began[step] = now
                if condition["status"] != "True":
                    lines.append(f"{now:6.1f} s  {step}: {condition['reason']}: {condition['message']}")
            if condition["status"] == "True" and step not in self.done:
                self.done[step] = now
                lines.append(f"{now:6.1f} s  {step}: done")
        return lines

    def took(self, step: str) -> str:
        """How long the step took, or takes by now."""
        if step not in self.began:
            return ""
        end = self.done.get(step, time.monotonic() - self.start)
        return f"{end - self.began[step]:.1f} s"


def conditions_of(found: dict[str, Any] | None) -> dict[str, Any]:
    """The conditions of an object by type."""
    return {c["type"]: c for c in (found or {}).get("status", {}).get("conditions", ())}


def tree(found: dict[str, Any] | None, timeline: Timeline) -> RenderableType:
    """Each step, its state, how long it takes; a bar for each operation."""
    conditions = conditions_of(found)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "step", "state", "time", "what"):
        table.add_column(name, overflow="ellipsis", no_wrap=name != "what")
    for step in STEPS:
        condition = conditions.get(f"{step}Ready", {"status": "Unknown", "reason": "", "message": ""})
        what = "" if condition["status"] == "True" else condition["message"]
        table.add_row(MARKS[condition["status"]], step, condition["reason"], timeline.took(step), Text(what, style="dim"))
    bars = [_bar(operation) for operation in (found or {}).get("status", {}).get("operations", ())]
    ready = conditions.get("Ready", {})
    head = Text(f"prd-jhub: {ready.get('reason', 'waiting for the operator')}", style="bold")
    return Group(head, table, *bars)


def _bar(operation: dict[str, Any]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    percent = operation.get("percent") or 0
    end = operation.get("expectedEnd", "")
    grid.add_row(
        f"  {operation['kind']}",
        ProgressBar(total=100, completed=percent, width=40),
        f"{percent} %",
        f"expected end {end[11:19]}",
    )
    return grid


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


def watch(environment: dict[str, str], say: Console) -> tuple[bool, Timeline]:
    """Show the way to Ready; returns whether it was reached, and when what was done."""
    timeline = Timeline()
    live = Live(console=say, refresh_per_second=8) if say.is_terminal else None
    with live or contextlib.nullcontext():
        while time.monotonic() - timeline.start < TIMEOUT_SECONDS:
            found = platform(environment, "prd-jhub")
            lines = timeline.see(conditions_of(found))
            if live:
                live.update(tree(found, timeline))
            for line in lines if not live else ():
                say.print(line, markup=False, highlight=False, soft_wrap=True)
            if conditions_of(found).get("Ready", {}).get("status") == "True":
                return True, timeline
            time.sleep(0.4)
    return False, timeline


def report(environment: dict[str, str], timeline: Timeline, say: Console, state: Path) -> None:
    """What there is now, how long it took, how to go on."""
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
    say.rule("timeline", align="left")
    table = Table("step", "took", "done after", box=None)
    for step in STEPS:
        if step in timeline.done:
            table.add_row(step, timeline.took(step), f"{timeline.done[step]:.1f} s")
    say.print(table)


def _helm(environment: dict[str, str], kubeconfig: Path) -> str:
    command = [environment["SANDBOX_HELM"], "list", "-A", "--kubeconfig", str(kubeconfig)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def how_to_go_on(environment: dict[str, str], state: Path, say: Console) -> None:
    """For a person at a terminal: it stays up."""
    say.rule("go on by hand", align="left")
    say.print(
        f"  . {state}/env                                  # KUBECONFIG and the sandbox's addresses\n"
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
    parser.add_argument("--speed", type=float, default=20.0, help="how many times faster than real Azure")
    parser.add_argument("--keep", type=Path, help="directory for the sandbox (default: a temporary one)")
    given = parser.parse_args()
    say = Console(width=None if sys.stdout.isatty() else 160)
    started = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="notebook-platform-demo-") as temporary:
        state = given.keep or Path(temporary)
        try:
            with sandbox(state, given.speed, say) as environment:
                install(environment)
                operator = OperatorProcess(environment, state / "operator")
                operator.start()
                try:
                    say.print("operator started with its own ServiceAccount")
                    say.print("kubectl apply -f deploy/examples/runbook.yaml")
                    kubectl(environment, "apply", "-f", os.fspath(ROOT / "deploy" / "examples" / "runbook.yaml"))
                    reached, timeline = watch(environment, say)
                    if reached:
                        report(environment, timeline, say, state)
                        say.print(f"Ready. {(datetime.now(UTC) - started).total_seconds():.1f} s from start to here.")
                    else:
                        say.print(kubectl(environment, "describe", "nbp", "prd-jhub", "-n", "platforms"), markup=False)
                        say.print(operator.log.read_text()[-4000:], markup=False)
                    if say.is_terminal:
                        how_to_go_on(environment, state, say)
                finally:
                    operator.stop()
        except KeyboardInterrupt:
            return 130
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
