"""Commands with an unusable kubeconfig, an unanswering cluster, a missing file, a locale without UTF-8: one sentence, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_platform.cli import main

DEAD = """apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: x}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
"""
FROM_THE_CLUSTER = (("watch", "hub"), ("wait", "hub"), ("plan", "hub"), ("doctor", "hub"), ("support-bundle", "hub"))


@pytest.fixture(autouse=True)
def no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a directory of its own, and no kubeconfig in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command that fails prints to standard error."""
    assert main(words) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("words", FROM_THE_CLUSTER, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not: [yaml", "it is not a kubeconfig"),
        (b"\xff\xfe\x00", "it is not a kubeconfig"),
        (b"[]", "it is not a kubeconfig"),
        (DEAD.replace("current-context: c", "current-context: gone").encode(), "with name gone"),
    ],
    ids=["no YAML", "bytes", "a list", "no context"],
)
def test_an_unusable_kubeconfig_is_named(
    words: tuple[str, ...], content: bytes, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kubeconfig").write_bytes(content)
    text = refused(capsys, *words)
    assert text.startswith(f"notebook-platform {words[0]}: {tmp_path}/kubeconfig cannot be used: ") and why in text
    assert text.endswith("Correct it, or set KUBECONFIG to another file\n") and len(text.splitlines()) == 1


@pytest.mark.parametrize("words", FROM_THE_CLUSTER, ids=lambda words: words[0])
def test_a_cluster_that_does_not_answer_has_a_remedy(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kubeconfig").write_text(DEAD)
    assert refused(capsys, *words).endswith("does not answer (ClientConnectorError); check it with `kubectl cluster-info`\n")


@pytest.mark.parametrize("command", ["plan", "doctor"])
def test_a_missing_file_leads_to_init(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    remedy = "hub.yaml does not exist; `notebook-platform init -o hub.yaml` writes a first platform"
    assert refused(capsys, command, "-f", "hub.yaml") == f"notebook-platform {command}: {remedy}\n"


def test_a_directory_and_a_binary_file_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "plan", "-f", str(tmp_path)) == f"notebook-platform plan: {tmp_path} cannot be read: Is a directory\n"
    (tmp_path / "hub.yaml").write_bytes(b"\xff\xfe\x00")
    assert refused(capsys, "plan", "-f", "hub.yaml").startswith("notebook-platform plan: hub.yaml is not YAML: ")


def test_a_file_is_planned_without_a_current_context(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kubeconfig").write_text("apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n")
    (tmp_path / "hub.yaml").write_text(f"{PLATFORM}spec: {{}}\n")
    assert "the spec cannot be read: spec.azure: Field required" in refused(capsys, "plan", "-f", "hub.yaml")


PLATFORM = "apiVersion: notebookplatform.io/v1alpha1\nkind: NotebookPlatform\nmetadata: {name: hub}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLATFORM, "hub.yaml: spec is missing"),
        (f"{PLATFORM}spec:\n  azure: {{}}\n location: x\n", "hub.yaml is not YAML: line 6, column 2: did not find expected"),
        (
            f"{PLATFORM}spec: {{}}\njupyterhub: {{}}\n",
            "hub.yaml: jupyterhub is not a field, spec.jupyterhub is: correct the indentation",
        ),
        (PLATFORM.replace("v1alpha1", "v1"), "hub.yaml: apiVersion must be notebookplatform.io/v1alpha1; spec is missing"),
        (PLATFORM.replace("hub", "Hub"), "hub.yaml: metadata.name must be the name of an object: lower-case letters"),
        (PLATFORM.replace("NotebookP", "Notebookp"), "hub.yaml holds no NotebookPlatform, only: Notebookplatform"),
        ("", "hub.yaml holds no NotebookPlatform, only: nothing"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "doctor"])
def test_a_file_is_checked_without_an_api_server(
    command: str, text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.yaml").write_text(text)
    assert words in refused(capsys, command, "-f", "hub.yaml")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("-o", "none/platform.yaml"), "the directory none does not exist; create it, or choose another --output"),
        (("-o", ".", "--force"), ". cannot be written; choose another --output"),
    ],
)
def test_init_checks_its_file_before_the_first_question(
    flags: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, "init", *flags) == f"notebook-platform init: {words}\n"


def test_a_locale_without_utf_8_shows_a_question_mark(tmp_path: Path) -> None:
    program = "import sys; from notebook_platform.cli import main; from notebook_platform.cli.output import show\n"
    program += "try: main(['--help'])\nexcept SystemExit: show('✓ token')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "? token", "")


CTRL_C = """
import argparse, asyncio, sys
from notebook_platform.cli.questions import Question, answer
from notebook_platform.cli.running import run_command
async def ask():
    return len(await answer(Question(flag="name", text="Name"), argparse.Namespace(name=None)))
try: sys.exit(run_command("init", ask()))
except KeyboardInterrupt: sys.exit(130)
"""


def test_one_ctrl_c_ends_a_question() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", CTRL_C], env=environment, stdin=pipe, stderr=pipe) as asking:
        assert asking.stderr is not None
        assert asking.stderr.read(len("Name: ")) == b"Name: "
        asking.send_signal(2)
        try:
            assert asking.wait(30) == 130
            assert asking.stderr.read() == b""
        finally:
            asking.kill()


def test_run_names_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--log-level", "LOUD"])
    text = str(ended.value.code)
    assert text.startswith("notebook-platform run: the operator's configuration") and "log_level" in text
