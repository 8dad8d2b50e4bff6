"""The plugin's manifest and archives for krew, without a build: `make krew` builds one and installs it by krew's own code."""

import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from deploy.krew import build
from sandbox.operator_process import ROOT

ADDRESS = "https://git.example.org/np/releases/download/v9"
DIGESTS = {platform: f"{place}" * 64 for place, platform in enumerate(build.PLATFORMS, start=1)}
LAUNCHER = ROOT / "deploy/krew" / build.PROGRAM


def test_the_manifest_names_each_platform_with_its_archive_and_digest() -> None:
    made = yaml.safe_load(build.manifest(f"{ADDRESS}/", DIGESTS))
    assert (made["apiVersion"], made["kind"]) == ("krew.googlecontainertools.github.com/v1alpha2", "Plugin")
    assert made["metadata"]["name"] == build.MANIFEST.stem and made["spec"]["version"] == f"v{build.version()}"
    found = {"-".join(one["selector"]["matchLabels"][key] for key in ("os", "arch")): one for one in made["spec"]["platforms"]}
    assert {name: one["sha256"] for name, one in found.items()} == DIGESTS
    assert all(one["uri"] == f"{ADDRESS}/{build.PROGRAM}-{name}.tar.gz" for name, one in found.items())
    assert {one["bin"] for one in found.values()} == {build.PROGRAM}


def test_the_texts_keep_the_rules_of_krews_index() -> None:
    """Check against https://krew.sigs.k8s.io/docs/developer-guide/develop/naming-guide/ and plugin-manifest/."""
    spec = yaml.safe_load(build.manifest(ADDRESS, DIGESTS))["spec"]
    assert len(spec["shortDescription"]) <= 50 and not re.search(r"kubectl|\.$|\n", spec["shortDescription"])
    assert "${KREW_ROOT:-$HOME/.krew}" in spec["caveats"] and max(map(len, spec["description"].splitlines())) <= 140
    ends = re.search(r"Python (3\.\d+) to (3\.\d+)", spec["caveats"])
    assert ends and (ends[1], ends[2]) == (build.VERSIONS[0], build.VERSIONS[-1])


def test_a_missing_digest_is_an_error() -> None:
    with pytest.raises(KeyError):
        build.manifest(ADDRESS, {"linux-amd64": "1" * 64})


def test_the_archive_has_each_locked_package_but_opentelemetry() -> None:
    locked = (ROOT / "requirements/operator.txt").read_text()
    kept = build.requirements(locked)
    names = {line.partition("==")[0] for line in kept.splitlines() if "==" in line}
    left_out = {line.partition("==")[0] for line in locked.splitlines() if "==" in line} - names
    assert left_out == {name for name in left_out if name.startswith("opentelemetry-")} | {"googleapis-common-protos", "protobuf"}
    assert {"kopf", "azure-identity", "pydantic-core"} <= names
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", kept.strip()))


def test_a_package_compiled_for_one_python_is_apart_from_the_shared_ones(tmp_path: Path) -> None:
    installed, shared, compiled = (tmp_path / name for name in ("installed", "shared", "cp311"))
    for path in (
        "plain/a.py",
        "stable/x.abi3.so",
        "own/x.cpython-311-x86_64-linux-gnu.so",
        "one.cpython-311.so",
        "own-1.dist-info/METADATA",
    ):
        (installed / path).parent.mkdir(parents=True, exist_ok=True)
        (installed / path).touch()
    shared.mkdir()
    compiled.mkdir()
    build.split(installed, shared, compiled)
    assert {path.name for path in compiled.iterdir()} == {"own", "one.cpython-311.so"}
    assert {path.name for path in shared.iterdir()} == {"plain", "stable", "own-1.dist-info"}


def test_an_archive_has_the_same_digest_at_any_time_and_an_executable_launcher(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("b.py", build.PROGRAM, "a.py"):
        (folder / name).write_text(name)
    first = build.pack(folder, tmp_path / "first.tar.gz")
    os.utime(folder / "a.py", (1, 1))
    assert build.pack(folder, tmp_path / "second.tar.gz") == first
    with tarfile.open(tmp_path / "first.tar.gz") as tar:
        assert {member.name: oct(member.mode) for member in tar} == {"a.py": "0o644", "b.py": "0o644", build.PROGRAM: "0o755"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return an unpacked archive with the real launcher for Python 3.12 only, and a link to it as krew makes one."""
    unpacked = tmp_path / "store"
    (unpacked / "cp312").mkdir(parents=True)
    (unpacked / build.PROGRAM).write_bytes(LAUNCHER.read_bytes())
    (unpacked / build.PROGRAM).chmod(0o755)
    (tmp_path / "bin").mkdir()
    for name in (build.PROGRAM, "kubectl_complete-notebook_platform"):
        (tmp_path / "bin" / name).symlink_to(unpacked / build.PROGRAM)
    return tmp_path


def python(directory: Path, name: str, tag: str) -> None:
    """Write a program that answers as this version of Python and prints the words it is started with."""
    (directory / name).write_text(f'#!/bin/sh\n[ "$1" = -c ] && echo {tag} || echo "{name} $*"\n')
    (directory / name).chmod(0o755)


def started(archive: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{archive / 'bin'}:{archive / 'pythons'}:/usr/bin:/bin"
    return subprocess.run([program, *words], env={"PATH": path}, capture_output=True, text=True, check=False)


def test_the_launcher_takes_a_python_for_which_there_are_packages(archive: Path) -> None:
    (archive / "pythons").mkdir()
    python(archive / "pythons", "python3.14", "cp314")
    python(archive / "pythons", "python3.12", "cp312")
    store = archive / "store"
    for program in (build.PROGRAM, "kubectl_complete-notebook_platform"):
        done = started(archive, program, "plan", "-f", "two words")
        assert done.stdout == f"python3.12 {store}/start.py {store}/cp312 {program} plan -f two words\n", done.stderr


def test_the_launcher_names_the_versions_when_none_fits(archive: Path) -> None:
    (archive / "pythons").mkdir()
    for name in ("python3.14", "python3.13", "python3.12", "python3.11", "python3"):
        python(archive / "pythons", name, "cp39")
    done = started(archive, build.PROGRAM, "plan")
    ends = f"{build.VERSIONS[0]} to {build.VERSIONS[-1]}"
    assert (done.returncode, done.stderr) == (1, f"kubectl notebook-platform needs Python {ends} on the PATH\n")
