"""Build the archives of the kubectl plugin and the manifest by which krew installs them.

    python deploy/krew/build.py ADDRESS DIRECTORY [PLATFORM...]

ADDRESS: where the release's files are downloaded from. DIRECTORY: receives `kubectl-notebook_platform-OS-ARCH.tar.gz` for each platform,
and `notebook-platform.yaml` when all platforms are built.

An archive has the launcher, `shared` with the packages that every Python reads, and one folder for each version of Python with the
packages compiled for it. krew links the launcher into its `bin`; nothing is unpacked at the first start. Left out is what the commands
never import: tests, type stubs, sources of compiled modules, and OpenTelemetry, which is the operator's. Packages come from
requirements/operator.txt with their hashes, so one machine builds for all platforms. Times and owners in an archive are constant: the
same commit gives the same digest.
"""

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
MANIFEST = HERE / "notebook-platform.yaml"
PROGRAM = "kubectl-notebook_platform"
PARTS = (PROGRAM, "start.py")
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS: Mapping[str, Sequence[str]] = {
    "linux-amd64": ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "linux-arm64": ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "darwin-arm64": ("macosx_12_0_arm64", "macosx_11_0_arm64"),
}
"""The platforms of the archives, with the tags of the wheels that run there. cryptography has no wheel for Macs with Intel's processors."""

OPERATOR_ONLY = re.compile(r"(opentelemetry-[\w-]+|googleapis-common-protos|protobuf)==")
UNUSED = ("shared/bin", "*/*/tests", "**/__pycache__", "**/*.pyi", "**/*.pyx", "**/*.pxd", "**/*.c", "**/*.h")
EPOCH = 315532800
"""1980-01-01, the time of each file in an archive."""


def version() -> str:
    """Return the version of this project."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def requirements(locked: str) -> str:
    """Return the locked requirements, with their hashes, without those that only the operator uses."""
    entries = re.findall(r"^[\w.-]+(?:\[[^\]]*\])?==.*(?:\n .*)*", locked, re.MULTILINE)
    return "\n".join(entry for entry in entries if not OPERATOR_ONLY.match(entry)) + "\n"


def manifest(address: str, digests: Mapping[str, str]) -> str:
    """Return krew's manifest of this version. `digests`: the SHA-256 of each platform's archive. Raises KeyError for a missing one."""
    named = {platform.replace("-", "_"): digest for platform, digest in digests.items()}
    return Template(MANIFEST.read_text()).substitute(version=version(), address=address.rstrip("/"), **named)


def install(locked: Path, platform: str, python: str, target: Path) -> None:
    """Install the locked wheels for a platform and a version of Python into a folder."""
    tags = [f"--platform={tag}" for tag in PLATFORMS[platform]]
    chosen = ["--python-version", python, "--implementation", "cp", "--only-binary=:all:", *tags]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "install", *quiet, *chosen, "--target", str(target), "-r", str(locked)]
    subprocess.run(command, check=True)


def split(installed: Path, shared: Path, compiled: Path) -> None:
    """Move the packages that one version of Python reads to `compiled`, the other ones to `shared`.

    A module `*.abi3.so` is compiled for all versions (https://docs.python.org/3/c-api/stable.html).
    """
    for path in sorted(installed.iterdir()):
        modules = [path, *path.rglob("*.so")]
        own = any(module.suffix == ".so" and not module.name.endswith(".abi3.so") for module in modules)
        target = compiled if own else shared
        if not (target / path.name).exists():
            path.rename(target / path.name)


def add_operator(shared: Path) -> None:
    """Add this package, with the metadata in which it finds its version."""
    shutil.copytree(ROOT / "operator/notebook_platform", shared / "notebook_platform")
    metadata = shared / f"notebook_platform-{version()}.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: notebook-platform\nVersion: {version()}\n")


def trim(folder: Path) -> None:
    """Remove what no command imports."""
    for path in [found for glob in UNUSED for found in folder.glob(glob)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def members(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder in a constant order, each with its path in the archive."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def pack(folder: Path, archive: Path) -> str:
    """Write the folder into an archive; return its SHA-256."""
    with (
        archive.open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in members(folder):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = path.stat().st_size, EPOCH, 0o755 if name == PROGRAM else 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def build(platform: str, directory: Path, progress: Callable[[str], None]) -> str:
    """Write the archive of a platform; return its SHA-256. `progress` gets a line before each version of Python."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, installed, locked = (Path(temporary) / name for name in ("archive", "installed", "requirements.txt"))
        shared = folder / "shared"
        shared.mkdir(parents=True)
        locked.write_text(requirements((ROOT / "requirements/operator.txt").read_text()))
        for python in VERSIONS:
            progress(f"{platform}: packages for Python {python}")
            compiled = folder / f"cp{python.replace('.', '')}"
            compiled.mkdir()
            install(locked, platform, python, installed)
            split(installed, shared, compiled)
            shutil.rmtree(installed)
        add_operator(shared)
        trim(folder)
        for part in (*(HERE / name for name in PARTS), *ROOT.glob("LICENSE*")):
            shutil.copy(part, folder)
        return pack(folder, directory / f"{PROGRAM}-{platform}.tar.gz")


def _to_standard_error(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(address: str, directory: Path, platforms: Sequence[str]) -> None:
    """Build the archives, and the manifest when no platform is left out."""
    directory.mkdir(parents=True, exist_ok=True)
    digests = {platform: build(platform, directory, _to_standard_error) for platform in platforms or PLATFORMS}
    for platform, digest in digests.items():
        size = (directory / f"{PROGRAM}-{platform}.tar.gz").stat().st_size
        sys.stdout.write(f"{digest}  {platform}  {size / 1e6:.1f} MB\n")
    if set(digests) == set(PLATFORMS):
        (directory / MANIFEST.name).write_text(manifest(address, digests))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
