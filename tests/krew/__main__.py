"""Build the plugin's archive for this machine, install it with krew's own code and run it with kubectl: `python -m tests.krew DIRECTORY`.

validate-krew-manifest is what krew's index runs on a new manifest. Without the other archives their digests are unknown here, so the
manifest has this archive's digest for all platforms. The installed commands run without this project's environment.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.krew import build
from sandbox.kubernetes.binaries import find_go
from tests.console import printer

say = printer("krew")

HERE = Path(__file__).parent
ADDRESS = "https://github.com/notebookplatform/notebook-platform/releases/download/v0.1.0"
STILL = 30.0
"""Seconds between two lines about a tool that is being built."""

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
COMMANDS = {
    "notebook-platform --help": "usage: kubectl notebook-platform COMMAND",
    "notebook-platform plan --help": "usage: kubectl notebook-platform plan",
    "notebook_platform crd": "kind: CustomResourceDefinition",
    "__complete notebook-platform wat": "watch\twatch a platform's progress",
}
"""Words after kubectl, and a part of what they print."""


def go_tool(*words: str, **more: str) -> None:
    """Run a tool of go.mod, which Go builds first, and print every half minute that it goes on. Raises CalledProcessError."""
    command, started = [find_go(), "tool", *words], time.monotonic()
    with subprocess.Popen(command, cwd=HERE, env={**os.environ, "GOFLAGS": "-mod=readonly", **more}) as running:
        while running.returncode is None:
            try:
                running.wait(STILL)
            except subprocess.TimeoutExpired:
                say(f"{words[0]}: still at work after {time.monotonic() - started:.0f} s")
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)


def clean_environment(home: Path) -> Mapping[str, str]:
    """Return an environment with krew's programs first on the PATH, and without a virtual environment of this process."""
    rest = [one for one in os.environ["PATH"].split(os.pathsep) if one != str(Path(sys.executable).parent)]
    return {"PATH": os.pathsep.join([str(home / "bin"), *rest]), "HOME": str(home), "KUBECONFIG": str(home / "none")}


def main(directory: Path) -> int:
    """Return 0 if each command prints what it should."""
    here = f"{platform.system().lower()}-{MACHINES[platform.machine()]}"
    directory.mkdir(parents=True, exist_ok=True)
    say(f"building the archive of {here}: the packages of {len(build.VERSIONS)} versions of Python, one to fifteen minutes")
    digest = build.build(here, directory, say)
    archive = directory / f"{build.PROGRAM}-{here}.tar.gz"
    say(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB")
    described = directory / build.MANIFEST.name
    described.write_text(build.manifest(ADDRESS, dict.fromkeys(build.PLATFORMS, digest)))
    say("building validate-krew-manifest and krew from source: about ten minutes the first time, then seconds")
    go_tool("validate-krew-manifest", "-skip-install", "-manifest", str(described.resolve()))
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        flags = [f"--manifest={described.resolve()}", f"--archive={archive.resolve()}"]
        say("krew installs the archive")
        go_tool("krew", "install", *flags, KREW_ROOT=str(home))
        (home / "bin/kubectl_complete-notebook_platform").symlink_to(build.PROGRAM)
        for words, expected in COMMANDS.items():
            done = subprocess.run(
                ["kubectl", *words.split()], env=clean_environment(home), capture_output=True, text=True, check=False
            )
            good = done.returncode == 0 and expected in done.stdout
            say(f"{'works' if good else 'FAILS'}: kubectl {words}")
            if not good:
                say(f"exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
