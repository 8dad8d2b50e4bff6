"""A real interactive zsh on a pseudo-terminal: type words, press Tab, read the line and the candidates below it."""

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

PROMPT, SECONDS = "ready> ", 30.0
CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]|\x1b[=>]|\r|\x07")
"""What a terminal does not draw."""


class Zsh:
    """One shell with the completion script loaded as `completion --help` says."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal

    def press(self, text: str, *, until: str) -> str:
        """Type the text; return what the shell draws then, up to the first screen that has `until`."""
        os.write(self._terminal, text.encode())
        drawn, end = "", time.monotonic() + SECONDS
        while until not in drawn:
            readable, _, _ = select.select([self._terminal], [], [], max(end - time.monotonic(), 0))
            assert readable, f"zsh does not draw {until!r}, but {drawn!r}"
            drawn = CONTROL.sub("", drawn + os.read(self._terminal, 65536).decode())
        return drawn

    def clear(self) -> None:
        """Delete the line, and begin another one."""
        self.press("\x15\n", until=PROMPT)


@contextlib.contextmanager
def zsh(directory: Path, script: str, environment: Mapping[str, str]) -> Iterator[Zsh]:
    """Yield a shell without the user's own files. `directory`: for the script and the shell's files."""
    (directory / "_notebook-platform").write_text(script)
    (directory / ".zshrc").write_text(
        f"fpath=({directory} $fpath)\nautoload -U compinit\ncompinit -u -d {directory}/dump\nPROMPT='{PROMPT}'\nunsetopt prompt_sp\n"
    )
    more = {"ZDOTDIR": str(directory), "TERM": "xterm", "COLUMNS": "200", "LINES": "50"}
    ours, theirs = pty.openpty()
    command = ["zsh", "--no-global-rcs", "-i"]
    try:
        with subprocess.Popen(
            command, env={**environment, **more}, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        ) as running:
            os.close(theirs)
            try:
                shell = Zsh(ours)
                shell.press("", until=PROMPT)
                yield shell
            finally:
                running.kill()
    finally:
        os.close(ours)
