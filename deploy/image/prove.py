"""Build the Dockerfile without a Docker engine, and start the operator from the result.

It reads the Dockerfile and runs its instructions in root filesystems of Debian's packages (mmdebstrap) instead of the published base
images, with `unshare` and `chroot`. Then it starts `notebook-platform` from the last stage as the image's user with a read-only root, and
prints the sizes. It proves the instructions, not the base images: Python comes from the same Debian release, Go from this machine.

Needs Linux, root, mmdebstrap, Go and access to Debian's and Python's packages. Usage: python deploy/image/prove.py DIRECTORY
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GO = Path("/usr/local/go")
PACKAGES = ["python3", "python3-venv", "ca-certificates"]
"""What the base images have beside Debian's essential packages."""

SANDBOX = "mount --make-rprivate / && mount -t proc proc {root}/proc && exec chroot {options} {root} {command}"
READ_ONLY = (
    "mount --make-rprivate / && mount --bind {root} {root} && mount -t proc proc {root}/proc && mount -t tmpfs tmpfs {root}/tmp && "
    "mount -o remount,bind,ro {root} && exec chroot {options} {root} {command}"
)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass
class Stage:
    """One FROM of the Dockerfile: its root filesystem, and the settings that its instructions have made."""

    root: Path
    directory: str = "/"
    user: str = "0:0"
    variables: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    )
    entrypoint: list[str] = field(default_factory=list)

    def run(self, command: list[str], *, script: str = SANDBOX, capture: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run a command in the root filesystem, in namespaces of its own. Raises CalledProcessError."""
        words = f"cd {shlex.quote(self.directory)} && exec {shlex.join(command)}"
        options = f"--userspec={self.user} --groups="
        whole = script.format(root=self.root, options=options, command=shlex.join(["/bin/sh", "-c", words]))
        outer = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", whole]
        passed = {name: value for name, value in os.environ.items() if re.match(r"PIP_|.*_proxy$|GOPROXY", name, re.IGNORECASE)}
        variables = {**passed, "HOME": "/tmp", **self.variables}
        return subprocess.run(outer, env=variables, check=True, text=True, stdout=subprocess.PIPE if capture else None)


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with their arguments; continued lines are joined."""
    lines = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    return [(name, rest) for name, _, rest in (line.strip().partition(" ") for line in lines) if name]


def in_context(path: str) -> bool:
    """Return whether .dockerignore, a list of exceptions from `*`, lets a path into the build."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    return any(fnmatch(path, one) or path.startswith(f"{one}/") for one in allowed)


def base_tar(directory: Path) -> Path:
    """Return the archive of a root filesystem of Debian's packages; it is made once."""
    tar = directory / "python.tar"
    if not tar.exists():
        subprocess.run(["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(tar)], check=True)
    return tar


def new_stage(image: str, root: Path, tar: Path) -> Stage:
    """Unpack the root filesystem that stands for a base image."""
    with tarfile.open(tar) as archive:
        archive.extractall(root, filter="fully_trusted")
    for name in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"):  # the builder's, as Docker has it
        shutil.copyfile(name, root / name.lstrip("/"))
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    made = Stage(root)
    if image.startswith("golang:"):
        shutil.copytree(GO, root / "usr/local/go", symlinks=True)
        made.variables["PATH"] = f"/usr/local/go/bin:{made.variables['PATH']}"
    return made


def copy(stage: Stage, rest: str, stages: dict[str, Stage]) -> None:
    """Do a COPY. Raises SystemExit for a file that .dockerignore keeps out."""
    words = rest.split()
    source = ROOT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *names, target = words
    place = stage.root / target.lstrip("/") if target.startswith("/") else stage.root / stage.directory.lstrip("/") / target
    for name in names:
        if source == ROOT and not in_context(name):
            sys.exit(f"COPY {name}: .dockerignore keeps it out of the build")
        path = source / name.lstrip("/")
        if path.is_dir():
            shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif target.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place / path.name)
        else:
            shutil.copy2(path, place)


def build(directory: Path, tar: Path) -> Stage:
    """Follow the Dockerfile; return its last stage."""
    stages: dict[str, Stage] = {}
    for name, rest in instructions((ROOT / "Dockerfile").read_text()):
        say(f"{name} {rest[:100]}")
        if name == "FROM":
            image, _, alias = rest.partition(" AS ")
            stage = stages[alias or "image"] = new_stage(image, directory / (alias or "image"), tar)
        elif name == "WORKDIR":
            stage.directory = rest
            (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            for setting in shlex.split(rest):
                key, _, value = setting.partition("=")
                stage.variables[key] = value.replace(f"${key}", stage.variables.get(key, ""))
        elif name == "USER":
            stage.user = rest
        elif name == "COPY":
            copy(stage, rest, stages)
        elif name == "RUN":
            stage.run(["/bin/sh", "-c", rest])
        elif name == "ENTRYPOINT":
            stage.entrypoint = re.findall(r'"([^"]+)"', rest)
    return stages["image"]


def size(path: Path) -> str:
    """Return the size of a directory or file, in MB."""
    return subprocess.run(["du", "-sm", str(path)], check=True, capture_output=True, text=True).stdout.split()[0] + " MB"


def prove(stage: Stage) -> None:
    """Start the operator and helm as the image's user with a read-only root. Raises SystemExit when something differs."""
    operator = stage.entrypoint[0]
    helm = stage.run(["helm", "version", "--short"], script=READ_ONLY, capture=True).stdout.strip()
    who = stage.run(
        ["/bin/sh", "-c", "id -u; touch /x /venv/x 2>&1 | grep -c Read-only"], script=READ_ONLY, capture=True
    ).stdout.split()
    crd = stage.run([operator, "crd"], script=READ_ONLY, capture=True).stdout
    if who != ["65532", "2"] or crd != (ROOT / "crds/notebookplatforms.notebookplatform.io.yaml").read_text():
        sys.exit(f"user and read-only files: {who}; the printed CRD has {len(crd)} characters")
    starts = f"timeout 10 {operator} run 2>&1; true"
    started = stage.run(["/bin/sh", "-c", starts], script=READ_ONLY, capture=True).stdout
    say(f"helm {helm}; user {who[0]}, read-only root; `{operator} crd` prints this repository's CRD")
    say(f"`{operator} run` without a cluster: {started.strip().splitlines()[-1] if started.strip() else 'no output'}")
    say(
        f"root filesystem {size(stage.root)}, of it /venv {size(stage.root / 'venv')} and helm {size(stage.root / 'usr/local/bin/helm')}"
    )


def main() -> None:
    """Build and prove; the root filesystems are removed, the archive of Debian's packages stays in DIRECTORY."""
    directory = Path(sys.argv[1]).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    tar = base_tar(directory)
    with tempfile.TemporaryDirectory(dir=directory) as made:
        prove(build(Path(made), tar))


if __name__ == "__main__":
    main()
