"""JupyterHub, OAuthenticator and KubeSpawner of each generation of the chart, as their projects release them.

A generation is a directory with the three packages before the environment of the newest hub on the path; generations before the newest
share a directory with the older libraries that they need. No hub starts here, so the remaining libraries may be newer than in the
generation's hub image. `python -m tests.hub.generations` writes what the operator knows about their classes.
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.kubernetes.binaries import cache_root, locked
from sandbox.operator_process import ROOT
from tests.environments import Say, environment

OLDER = ("0.11", "1", "2", "3")
NEWEST = "4"
GENERATIONS = (*OLDER, NEWEST)
SHARED = "old"
HERE = Path(__file__).parent
TRAITS = ROOT / "operator" / "notebook_platform" / "hubs" / "chart" / "traits.json"
STARTER = """
import runpy, sys
sys.modules["rfc3987_syntax"] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script without a package that jsonschema does not need and that compiles grammars for seconds."""

IRRELEVANT = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


def command_of(home: Path, script: Path, *arguments: str) -> list[str]:
    """Return the command that runs a script in the Python of a hub."""
    return [str(home / "bin" / "python"), "-W", "ignore", "-c", STARTER, str(script), *arguments]


def generations_home(say: Say) -> Path:
    """Return the directory with the packages of the older generations; it is created once and stays in the cache."""
    files = [ROOT / "requirements" / f"hub-{name}.txt" for name in (SHARED, *OLDER)]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    home = cache_root() / f"hub-generations-{digest}"
    newest = environment("hub", "JupyterHub", say)
    with locked(home.with_suffix(".lock")):
        if not (home / ".done").exists():
            _install(home, newest, files, say)
    return home


def _install(home: Path, newest: Path, files: Iterable[Path], say: Say) -> None:
    began = time.monotonic()
    say(f"JupyterHub of four older charts from PyPI into {home} (once, about a minute)")
    shutil.rmtree(home, ignore_errors=True)
    python = str(newest / "bin" / "python")
    environment_variables = {k: v for k, v in os.environ.items() if k not in IRRELEVANT}
    for file in files:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        target = home / file.stem.removeprefix("hub-")
        subprocess.run([*pip, "--no-compile", "--target", str(target), "-r", str(file)], check=True, env=environment_variables)
    compile_all = [python, "-m", "compileall", "-q", "-j", "0", str(home)]
    subprocess.run(compile_all, check=False, env=environment_variables, capture_output=True)
    (home / ".done").touch()
    say(f"ready after {time.monotonic() - began:.0f} s")


def run(home: Path, newest: Path, generation: str, script: str, given: Any = None) -> Any:
    """Run a script of this directory with the packages of a generation; both ways it speaks JSON. Raises AssertionError."""
    paths = [] if generation == NEWEST else [str(home / generation), str(home / SHARED)]
    variables = {k: v for k, v in os.environ.items() if k not in IRRELEVANT} | {"PYTHONPATH": os.pathsep.join(paths)}
    command = command_of(newest, HERE / script)
    done = subprocess.run(command, env=variables, input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == 0, f"{script} with generation {generation}: {done.stderr[-4000:]}"
    return json.loads(done.stdout.strip().rpartition("\n")[2])  # an old hub prints warnings before it


def text_of(traits: dict[str, Any]) -> str:
    """Return the table of the traits as it stands in the operator: JSON, a class in a line."""
    lines = []
    for generation, found in traits.items():
        head = {key: value for key, value in found.items() if key != "classes"}
        members = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        classes = [f"   {json.dumps(name)}: {json.dumps(known)}" for name, known in found["classes"].items()]
        members.append('  "classes": {\n' + ",\n".join(classes) + "\n  }")
        lines.append(f" {json.dumps(generation)}: {{\n" + ",\n".join(members) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the table of the traits."""
    newest = environment("hub", "JupyterHub", print)
    home = generations_home(print)
    TRAITS.write_text(text_of({name: run(home, newest, name, "traits_of_hub.py") for name in GENERATIONS}))


if __name__ == "__main__":
    main()
