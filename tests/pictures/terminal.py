"""Draw what a command prints on a terminal as an SVG, without fonts or other files from outside."""

import inspect
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

RICHS = str(inspect.signature(Console.export_svg).parameters["code_format"].default)
FORMAT = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", RICHS, flags=re.DOTALL)
"""Rich's own without the font that it would fetch."""

LAST_FRAME = 0.5
"""Seconds in which a frame is drawn to its end."""

REDRAWN = re.compile(r"(?:\x1b\[1A|\x1b\[2K|\x1b\[\?25[lh])+")
"""What Rich writes before it draws a frame again."""

ROWS = 60

PROMPT = b": "
"""With what a question ends."""


def draw(text: str, *, title: str, file: Path, width: int) -> None:
    """Write the SVG of a terminal that shows `text`, which may have ANSI colours. `width`: in characters."""
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True, highlight=False)
    console.print(Text.from_ansi(text.rstrip()), soft_wrap=False)
    drawn = console.export_svg(title=title, theme=MONOKAI, code_format=FORMAT, unique_id=file.stem)
    file.write_text("\n".join(line.rstrip() for line in drawn.splitlines() if line.strip()) + "\n")


def printed(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    width: int,
    seconds: float,
    until: Sequence[str] = (),
    answers: Sequence[str] = (),
) -> str:
    """Return what a command prints on a terminal until it ends, or until one frame has all of `until`; of a picture that is drawn again and
    again only the last one. `answers`: a line for each question, typed when the command asks it. Raises TimeoutError."""
    master, slave = pty.openpty()
    settings = {**os.environ, **environment, "TERM": "xterm-256color", "COLUMNS": str(width), "LINES": str(ROWS)}
    with subprocess.Popen(command, env=settings, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        try:
            text = _read(master, time.monotonic() + seconds, until, list(answers))
        finally:
            process.kill()
    os.close(master)
    return _last_frame(text)


def _last_frame(text: str) -> str:
    return next((frame for frame in reversed(REDRAWN.split(text.replace("\r", ""))) if frame.strip()), "")


def _read(master: int, ends: float, until: Sequence[str], answers: list[str]) -> str:
    found, reached = bytearray(), False
    while (left := ends - time.monotonic()) > 0 and select.select([master], [], [], left)[0]:
        try:
            part = os.read(master, 65536)
        except OSError:  # the command has ended
            part = b""
        found += part
        if not part:
            return found.decode(errors="replace")
        if answers and found.endswith(PROMPT):
            os.write(master, f"{answers.pop(0)}\n".encode())
        if until and not reached and all(one in _last_frame(found.decode(errors="replace")) for one in until):
            reached, ends = True, time.monotonic() + LAST_FRAME
    if not reached:
        raise TimeoutError(found.decode(errors="replace"))
    return found.decode(errors="replace")
