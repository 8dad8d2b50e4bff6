"""The commands of kubectl, helm and az that the documents name, in code blocks and in code spans."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name not in ("reference", "decisions")),
]
"""What users read. docs/reference repeats the descriptions of the API, and a decision may name a command that was rejected."""

FENCE = re.compile(r"^ *```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
DATA = ("yaml", "json", "mermaid")
"""Languages of blocks without commands."""


@dataclass(frozen=True, order=True)
class Command:
    """One command of a page: its program and the words after it."""

    page: str
    program: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join([self.program, *self.words])


def document_commands(page: Path, programs: frozenset[str]) -> Iterator[Command]:
    """Yield the commands of these programs on a page. A span with the program alone, or with an ellipsis, is no command."""
    text = page.read_text()
    lines = [
        line.strip().removeprefix("$ ")
        for block in FENCE.finditer(text)
        if block["language"] not in DATA
        for line in re.split(r"\n| {8,}", block["text"].replace("\\\n", " "))
    ]
    spans = [" ".join(span.split()) for span in SPAN.findall(FENCE.sub("", text))]
    for line in (*lines, *spans):
        if any(f"{program} " in line for program in programs):
            for words in simple_commands(line):
                if (
                    words[0] in programs
                    and len(words) > 1
                    and re.fullmatch(r"-{0,2}[a-z][a-z-]*", words[1])
                    and "..." not in words
                ):
                    yield Command(page.relative_to(ROOT).as_posix(), words[0], tuple(words[1:]))


def simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line of the shell, without redirections; nothing for a line that is not shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return
    for joins, part in groupby(words, key=lambda word: set(word) <= set("|&;")):
        if not joins:
            found = list(part)
            yield found[: next((place for place, word in enumerate(found) if set(word) <= set("<>")), len(found))]
