"""The little of GitHub's Markdown that the pages need."""

import re
from collections.abc import Iterable, Sequence

NOTHING = "–"


def code(text: str) -> str:
    """Text as a code span, also inside a table."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text else NOTHING


def prose(text: str) -> str:
    """A sentence of the code for a table's cell: code spans stay, anything else that Markdown would take for a sign is escaped."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(code(part[1:-1]) if index % 2 else re.sub(r"([*_<>|\[\]])", r"\\\1", part) for index, part in enumerate(parts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [head, ["---"] * len(head), *([cell or NOTHING for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def generated(title: str, opening: str) -> str:
    """The head of a page."""
    return f"<!-- Written by `make docs` from the code; do not edit. -->\n\n# {title}\n\n{opening}\n"
