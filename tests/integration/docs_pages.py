"""The code blocks of the manual, and how a reader runs them.

A block with the language `sh` holds commands; one with `console` holds commands after `$ ` and what they print, where `...` stands for
any lines, or at the end of a line for any text. A `yaml` block with a title is the file of that name. The comment
`<!-- not run: reason -->` before a block exempts it.
"""

import os
import re
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

BLOCK = re.compile(
    r'^(?P<indent> *)(?:<!-- not run: (?P<why>.+?) -->\n+ *)?```(?P<language>\w*)(?: title="(?P<title>[\w.-]+)")?\n'
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)

COMMAND = re.compile(r"((?:.*\\\n)*.*)\n?((?:.*\n?)*)")
"""A command, which goes on after a backslash at the end of a line, and what follows it."""

TIMEOUT_SECONDS = 180
ANY = "..."


@dataclass(frozen=True, kw_only=True)
class Block:
    """One code block. `why`: the reason why it is not run."""

    language: str
    text: str
    title: str | None
    why: str | None


def blocks(page: Path) -> Iterator[Block]:
    """Yield the code blocks of a page in order."""
    for found in BLOCK.finditer(page.read_text()):
        text = textwrap.dedent(found["text"])
        yield Block(language=found["language"], text=text, title=found["title"], why=found["why"])


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield (command, what the page shows that it prints) of a block."""
    if block.language == "sh":
        yield from ((line, ANY) for line in block.text.splitlines() if line.strip())
    elif block.language == "console":
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            if found := COMMAND.fullmatch(part):
                yield found[1], found[2].strip() or ANY


def pattern(shown: str) -> re.Pattern[str]:
    """Return what a command's output has to match, with any amount of white space between words."""
    lines = []
    for line in shown.splitlines():
        words = r"[^\S\n]+".join(map(re.escape, line.removesuffix(ANY).split()))
        lines.append(r"(?:.*\n)*?" if line == ANY else words + (r".*\n" if line.endswith(ANY) else r"[^\S\n]*\n"))
    return re.compile("".join(lines) + (r"(?:.*\n?)*" if shown.endswith(ANY) else ""))


def run_page(page: Path, directory: Path, environment: Mapping[str, str]) -> list[str]:
    """Run a page in `directory`. Returns the commands that failed, with what was printed."""
    failures = []
    for block in blocks(page):
        if block.title and block.language == "yaml":
            (directory / block.title).write_text(block.text)
        for command, shown in () if block.why else commands(block):
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=directory,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
            printed = done.stdout if done.stdout.endswith("\n") else f"{done.stdout}\n"
            if done.returncode or not pattern(shown).fullmatch(printed):
                failures.append(
                    f"{page.name}: $ {command}\nexit code {done.returncode}; printed:\n{printed}the page shows:\n{shown}"
                )
    return failures


def merged(whole: dict[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec with a page's fragment in it, as a reader edits it: `auth` has one block, which the fragment replaces."""
    return {
        **whole,
        **{
            key: merged(whole.get(key, {}), value) if isinstance(value, dict) and key != "auth" else value
            for key, value in part.items()
        },
    }


def fragments(page: Path) -> Iterator[dict[str, Any]]:
    """Yield the parts of a platform that a page shows without its head."""
    for block in blocks(page):
        if block.language == "yaml" and not block.title and block.text.startswith("spec:"):
            yield yaml.safe_load(block.text)
