"""`notebook-platform-sandbox`: a whole cloud on this machine, up and down with one command."""

import argparse
import asyncio
import atexit
import gc
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.checks import problem, speed
from sandbox.kubernetes.binaries import MissingError, find
from sandbox.options import Options, arguments, default_state, exports, write_atomically

START_SECONDS = 120
STOP_SECONDS = 60
PIPE_CLOSED, INTERRUPTED = 141, 130
"""Exit codes as in shells: 128 + SIGPIPE, 128 + SIGINT."""

NONE_RUNS = "no sandbox runs in {0}; `notebook-platform-sandbox up --state {0}` starts one"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="notebook-platform-sandbox", description="A simulated Azure with real Kubernetes API servers."
    )
    commands = root.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a sandbox; returns when all is ready")
    up.add_argument("--speed", type=speed, default=20.0, help="how many times faster than real Azure (default 20)")
    up.add_argument("--env", type=Path, help="write export lines for a shell into this file")
    up.add_argument("--catalog", default="today", help="what AKS offers: today, 2021, or a YAML file")
    up.add_argument("--charts", type=Path, help="directory with packaged charts (default: the sandbox's own)")
    up.add_argument("--operator", action="store_true", help="install and run the operator too, with a namespace platforms")
    up.add_argument("--foreground", action="store_true", help="stay, and end with Ctrl-C")
    for name, text in (("down", "end it"), ("status", "what there is"), ("journal", "every request Azure saw")):
        commands.add_parser(name, help=text)
    for command in commands.choices.values():
        command.add_argument("--state", type=Path, default=default_state(), help="directory of this sandbox")
    return root


def main() -> int:
    """Run one command; returns the exit code."""
    atexit.register(gc.freeze)  # an interpreter that exits collects garbage first, which takes the supervisor a second
    given = parser().parse_args()
    try:
        code = {"up": up, "down": down, "status": status, "journal": journal}[given.command](given)
        sys.stdout.flush()
    except BrokenPipeError:  # `journal | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def up(given: argparse.Namespace) -> int:
    """Start the supervisor and wait until all is ready."""
    options = Options(state=given.state, speed=given.speed, catalog=given.catalog, charts=given.charts, operator=given.operator)
    if wrong := problem(options, given.env):
        return _fail(wrong)
    if _running(given.state):
        return _fail(
            f"a sandbox runs already in {given.state}; end it with `notebook-platform-sandbox down --state {given.state}`"
        )
    try:
        find()
    except MissingError as missing:
        return _fail(str(missing))
    if given.foreground:
        from sandbox.supervisor import supervise  # its imports take more time than all the other commands

        logging.basicConfig(level="INFO")
        asyncio.run(supervise(options))
        return 0
    log = given.state / "supervisor.log"
    command = [sys.executable, "-m", "sandbox.cli", "up", "--foreground", *arguments(options)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    _say(f"starting the sandbox{' and the operator' if given.operator else ''}: half a minute, more on a busy machine ...")
    started = time.monotonic()
    while time.monotonic() < started + START_SECONDS:
        if ready := _running(given.state):
            if given.env:
                write_atomically(given.env, exports(ready["environment"]))
            _say(f"ready after {time.monotonic() - started:.0f} s" + (f"; its variables are in {given.env}" if given.env else ""))
            return 0
        if process.poll() is not None:
            return _fail(f"the sandbox did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)
    process.terminate()
    return _fail(f"the sandbox was not ready within {START_SECONDS} s; see {log}")


def down(given: argparse.Namespace) -> int:
    """End the supervisor, which ends everything it started."""
    ready = _running(given.state)
    if not ready:
        return _fail(NONE_RUNS.format(given.state))
    os.kill(ready["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if not _alive(ready["pid"]):
            return 0
        time.sleep(0.05)
    return _fail(f"the sandbox (pid {ready['pid']}) did not end within {STOP_SECONDS} s")


def status(given: argparse.Namespace) -> int:
    """A table of what runs and where."""
    ready = _running(given.state)
    if not ready:
        return _fail(NONE_RUNS.format(given.state))
    table = Table(title=f"sandbox, pid {ready['pid']}")
    table.add_column("variable")
    table.add_column("value", overflow="fold")
    for name, value in ready["environment"].items():
        table.add_row(name, "***" if "SECRET" in name else value)
    Console().print(table)
    return 0


def journal(given: argparse.Namespace) -> int:
    """Print the journal as JSON lines."""
    try:
        with (given.state / "journal.jsonl").open(encoding="utf-8") as lines:
            shutil.copyfileobj(lines, sys.stdout)
    except (FileNotFoundError, NotADirectoryError):
        return _fail(f"no journal in {given.state}; `notebook-platform-sandbox up --state {given.state}` starts a sandbox there")
    except PermissionError:
        return _fail(f"the journal in {given.state} cannot be read: it belongs to another user, who can print it")
    return 0


def _running(state: Path) -> dict[str, Any] | None:
    """Return what the supervisor wrote when it was ready; None unless it still runs."""
    try:
        ready: dict[str, Any] = json.loads((state / "ready.json").read_text())
    except (OSError, ValueError):
        return None
    return ready if _alive(ready["pid"]) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def _say(text: str) -> None:
    """Tell a person how far it is; standard output stays empty for programs."""
    print(text, file=sys.stderr, flush=True)


def _fail(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
