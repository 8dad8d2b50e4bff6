"""Shell completion, by a real bash, and by zsh and fish where they are installed."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_platform.cli import COMMANDS, main
from notebook_platform.cli.completion import script
from notebook_platform.cli.flags import SHELLS

from tests.local.cli_watch.zsh import zsh

PLAN = {"--help", "--filename", "--namespace", "--operator-namespace", "--output"}
"""The flags of `plan`."""

ASK = """
{script}
COMP_WORDS=({words} "$1") COMP_CWORD={place} COMP_TYPE=9
complete -p notebook-platform >&2
_shtab_notebook_platform
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(*words: str) -> set[str]:
    """Return what bash offers for the last word."""
    with contextlib.redirect_stdout(io.StringIO()) as script:
        main(["completion", "bash"])
    text = ASK.format(script=script.getvalue(), words=" ".join(words[:-1]), place=len(words) - 1)
    done = subprocess.run(["bash", "--norc", "-c", text, "bash", words[-1]], capture_output=True, text=True, check=True)
    assert "-F _shtab_notebook_platform notebook-platform" in done.stderr
    return set(done.stdout.split())


def test_bash_completes_commands() -> None:
    assert completed("notebook-platform", "wa") == {"wait", "watch"}
    assert completed("notebook-platform", "") >= set(COMMANDS)


def test_bash_completes_the_flags_of_a_command_and_their_values() -> None:
    assert completed("notebook-platform", "plan", "--") == PLAN
    assert completed("notebook-platform", "plan", "-o", "j") == {"json"}


def test_bash_completes_files(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    subprocess.run(["touch", "platform.yaml"], check=True)
    assert completed("notebook-platform", "plan", "-f", "plat") == {"platform.yaml"}


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_commands_flags_and_values(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(script("fish"))
    (tmp_path / "notebook-platform").touch(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}

    def offered(line: str) -> set[str]:
        command = ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", str(tmp_path / "script"), line]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return {words.partition("\t")[0] for words in done.stdout.splitlines()}

    assert offered("notebook-platform wa") == {"wait", "watch"}
    assert offered("notebook-platform plan --") == PLAN
    assert offered("notebook-platform plan -o ") == {"json", "text"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_registers_the_completion_without_an_error(tmp_path: Path) -> None:
    (tmp_path / "_notebook-platform").write_text(script("zsh"))
    load = f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -d {tmp_path}/dump"
    text = f"{load}; print $_comps[notebook-platform]; autoload +X $_comps[notebook-platform]"
    done = subprocess.run(["zsh", "-f", "-c", text], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "_notebook-platform\n", "")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_tab_in_zsh_completes_commands_flags_values_and_files(tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").touch()
    with zsh(tmp_path, script("zsh"), {**os.environ, "HOME": str(tmp_path)}) as shell:
        assert "wait" in shell.press("notebook-platform wa\t\t", until="watch")
        shell.clear()
        shell.press("notebook-platform supp\t", until="support-bundle ")
        shell.clear()
        shell.press("notebook-platform plan --fil\t", until="--filename ")
        shell.clear()
        shell.press("notebook-platform plan --output js\t", until="--output json ")
        shell.clear()
        shell.press(f"notebook-platform plan --filename {tmp_path}/plat\t", until="platform.yaml ")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_prints_the_script_of_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    assert "support-bundle" in printed and "until-ready" in printed and "notebook-platform" in printed


def test_another_shell_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["completion", "tcsh"])
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err


def test_help_imports_neither_the_engine_nor_an_sdk() -> None:
    program = (
        "import sys\n"
        "from notebook_platform.cli import main\n"
        "try: main(['plan', '--help'])\n"
        "except SystemExit: sys.stderr.write(' '.join(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True, check=True)
    heavy = ("azure", "kubernetes", "pydantic", "aiohttp", "rich", "notebook_platform.engine", "notebook_platform.clients")
    assert "--filename" in done.stdout and not [one for one in done.stderr.split() if one.startswith(heavy)]
