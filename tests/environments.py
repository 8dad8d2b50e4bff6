"""Python environments with programs that verify the project, as their projects release them; each is created once."""

import hashlib
import os
import shutil
import subprocess
import time
import venv
from collections.abc import Callable
from pathlib import Path

from sandbox.kubernetes.binaries import cache_root, locked
from sandbox.operator_process import ROOT

Say = Callable[[str], None]
"""A function that prints progress."""


def environment(name: str, what: str, say: Say) -> Path:
    """Return the directory of the environment that requirements/<name>.txt pins by hashes; it stays in the cache."""
    requirements = ROOT / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    home = cache_root() / f"{name}-{digest}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.with_suffix(".lock")):
        if not (home / ".done").exists():
            _make(home, requirements, what, say)
    return home


def _make(home: Path, requirements: Path, what: str, say: Say) -> None:
    began = time.monotonic()
    say(f"{what} from PyPI into {home} (once, a few minutes)")
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    python = str(home / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "-r", str(requirements)], check=True)
    say(f"installed after {time.monotonic() - began:.0f} s; compiling")
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([python, "-m", "compileall", "-q", "-j", "0", str(home / "lib")], check=False, env=variables)
    (home / ".done").touch()
    say(f"ready after {time.monotonic() - began:.0f} s")
