"""The repository of a team that follows docs/gitops.md: the waves, and a Secret that the page's command has encrypted with SOPS."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from sandbox.operator_process import ROOT
from tests.integration.docs_pages import blocks

PAGE = ROOT / "docs" / "gitops.md"
SECRET = "azure-credentials.yaml"


def encrypted_repository(directory: Path, binaries: Path, values: Mapping[str, str]) -> tuple[Path, str]:
    """Make a bare repository in a directory. Returns its path, and the private key. `values`: those of the Secret."""
    made, bare = directory / "repository", directory / "served" / "platforms.git"
    for part in ("deploy", "crds"):
        shutil.copytree(ROOT / part, made / part)
    secrets = made / "deploy" / "gitops" / "waves" / "3-secrets"
    document = next(yaml.safe_load(block.text) for block in blocks(PAGE) if block.title == SECRET)
    document["stringData"] = {key: values[key] for key in document["stringData"]}
    (secrets / SECRET).write_text(yaml.safe_dump(document))
    (secrets / "external-secret.yaml").unlink()
    index = secrets / "kustomization.yaml"
    index.write_text(index.read_text().replace("external-secret.yaml", SECRET))
    key = subprocess.run([binaries / "age-keygen"], check=True, capture_output=True, text=True).stdout
    _encrypt(secrets, binaries, re.findall(r"public key: (\S+)", key)[0])
    assert not [value for value in document["stringData"].values() if value in (secrets / SECRET).read_text()]
    for words in ("init -q -b main", "add -A", "-c user.name=team -c user.email=team@example.org commit -qm waves"):
        subprocess.run(["git", *words.split()], cwd=made, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", made, bare], check=True)
    return bare, key


def _encrypt(directory: Path, binaries: Path, public: str) -> None:
    """Run the command of the page."""
    (command,) = re.findall(r"`(sops encrypt [^`]+)`", PAGE.read_text())
    name, *words = shlex.split(command.replace("PUBLIC_KEY", public))
    subprocess.run([binaries / name, *words], cwd=directory, check=True)
