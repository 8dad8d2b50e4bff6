"""The one place where commands print: it removes control characters, wherever the text is from."""

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from notebook_platform.bounded.text import printable


def show(text: str, *, end: str = "\n", to: TextIO | None = None) -> None:
    """Print lines to standard output, or to another stream, and flush it. Only the text's own line feeds end a line."""
    print(_lines(text), end=end, file=to or sys.stdout, flush=True)


def show_cells(rows: Iterable[Sequence[str]]) -> None:
    """Print rows whose cells are separated by tabs, for a program that reads them. A cell cannot start another one."""
    for row in rows:
        print("\t".join(printable(cell) for cell in row), flush=True)


def show_error(text: str) -> None:
    """Print lines to standard error."""
    show(text, to=sys.stderr)


class Output(Console):
    """Standard output by rich, which neither highlights nor wraps lines of its own accord. A closed pipe raises BrokenPipeError, as for
    `show`; rich would end the process with exit code 1."""

    def __init__(self, *, soft_wrap: bool = True) -> None:
        super().__init__(highlight=False, soft_wrap=soft_wrap, file=sys.stdout)

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, and print nothing more."""
        self.quiet = True
        raise BrokenPipeError


def styled(text: str, style: str = "", *, justify: str | None = None) -> Text:
    """Return lines as rich prints them, without markup."""
    return Text(_lines(text), style=style, justify=justify)  # type: ignore[arg-type]


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))
