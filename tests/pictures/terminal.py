"""Draw what a command prints on a terminal as an SVG, without fonts or other files from outside."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

FORMAT = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's own, which would fetch a font."""

REDRAWN = re.compile(r"(?:\x1b\[1A|\x1b\[2K|\x1b\[\?25[lh])+")
"""What Rich writes before it draws a frame again."""

ROWS = 60


def draw(text: str, *, title: str, file: Path, width: int) -> None:
    """Write the SVG of a terminal that shows `text`, which may have ANSI colours. `width`: in characters."""
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True, highlight=False)
    console.print(Text.from_ansi(text.rstrip()), soft_wrap=False)
    drawn = console.export_svg(title=title, theme=MONOKAI, code_format=FORMAT, unique_id=file.stem)
    file.write_text("\n".join(line.rstrip() for line in drawn.splitlines() if line.strip()) + "\n")


def printed(command: Sequence[str], environment: Mapping[str, str], *, width: int, seconds: float) -> str:
    """Return what a command prints on a terminal, at most in so many seconds, then it is ended. Of a picture that is drawn again and
    again only the last whole one."""
    master, slave = pty.openpty()
    settings = {**os.environ, **environment, "TERM": "xterm-256color", "COLUMNS": str(width), "LINES": str(ROWS)}
    with subprocess.Popen(command, env=settings, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        text = _read(master, time.monotonic() + seconds)
        process.kill()
    os.close(master)
    frames = [frame for frame in REDRAWN.split(text.replace("\r", "")) if frame.strip()]
    return frames[-1]


def _read(master: int, until: float) -> str:
    found = bytearray()
    while (left := until - time.monotonic()) > 0:
        if not select.select([master], [], [], left)[0]:
            break
        try:
            part = os.read(master, 65536)
        except OSError:  # the command has ended
            break
        if not part:
            break
        found += part
    return found.decode(errors="replace")
