"""The word list: banned words and phrases in the prose of the code, of the tests and of the documents, counted in each file.

Prose is the docstrings, other string literals and comments of operator/ and sandbox/; the docstrings, comments and test names of tests/,
whose other strings are often data; and the Markdown files without their code spans and code blocks. Other identifiers are not prose.
docs/reference is left out: it repeats the strings of operator/.

docs/prose-baseline.txt allows each file the number that it had when the list was made. The check fails for more, and for fewer
as well, so that the baseline shrinks with the prose:

    python -m docs.prose             check (`make lint`)
    python -m docs.prose --tighten   lower the counts in the baseline, raise none (`make docs`)
    python -m docs.prose --accept    write today's counts, raise them too (after a merge or a renamed file)
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BASELINE = "docs/prose-baseline.txt"

HEADER = (
    "# Banned words and phrases (docs/prose.py) that a file still has: count, path. Other files have none.\n"
    "# `make docs` lowers the counts. `python -m docs.prose --accept` writes today's, after a merge or a renamed file.\n"
)

INSTEAD: Mapping[str, str] = {
    r"told": "reported, shown, returned",
    r"said": "reported, set",
    r"look(?:s|ed|ing)?(?! up\b)": "read, check, observe, poll",
    r"what is there": "the existing object, the observed state",
    r"somebody|anybody|nobody": "a user, an administrator, no user",
    r"others": "the other <noun>",
    r"people at work": "active users",
    r"(?:goes|go|went) with": "is deleted with",
    r"com(?:es|e|ing) along": "progresses",
    r"by itself": "automatically",
    r"put right": "corrected",
    r"in line": "up to date, in sync",
    r"for life": "immutable",
    r"amiss": "wrong; name the fault",
    r"for ever": "permanently, without limit",
    r"needs? a person|a person is needed": "requires user action",
    r"lets? go of": "release, orphan",
    r"stands? in the way": "block",
    r"honest reason": "name the bound",
}
"""Regular expressions of what is banned, and what to write instead."""

BANNED = re.compile(r"\b(?:" + "|".join(phrase.replace(" ", r"\s+") for phrase in INSTEAD) + r")\b", re.IGNORECASE)

CODE = re.compile(r"^( *)```.*?^\1```|`[^`]*`", re.MULTILINE | re.DOTALL)
"""A code block or a code span of Markdown."""


@dataclass(frozen=True, order=True)
class Hit:
    """One banned phrase: its line (from 1) and its words."""

    line: int
    words: str

    @property
    def instead(self) -> str:
        """Return what to write instead."""
        return next(text for phrase, text in INSTEAD.items() if re.fullmatch(phrase, self.words, re.IGNORECASE))


def hits_in_python(source: str) -> list[Hit]:
    """Return the banned phrases in the string literals, docstrings and comments of a module."""
    return sorted(hit for line, text in _prose_of_python(source) for hit in _hits(text, line))


def hits_in_test(source: str) -> list[Hit]:
    """Return the banned phrases in the docstrings, comments and test names of a module of tests."""
    return sorted(hit for line, text in _prose_of_test(source) for hit in _hits(text, line))


def _prose_of_python(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    yield from _comments(source)


def _prose_of_test(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    yield from _comments(source)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def hits_in_markdown(document: str) -> list[Hit]:
    """Return the banned phrases in a document, without its code spans and code blocks."""
    return list(_hits(CODE.sub(lambda found: "\n" * found[0].count("\n"), document), 1))


def _hits(text: str, first_line: int) -> Iterator[Hit]:
    for found in BANNED.finditer(text):
        yield Hit(first_line + text.count("\n", 0, found.start()), " ".join(found[0].split()))


def scan(root: Path) -> dict[str, list[Hit]]:
    """Return the banned phrases of each file below the root of the repository, by its path; files without any are left out."""
    modules = [path for folder in ("operator", "sandbox") for path in (root / folder).rglob("*.py")]
    documents = [*root.glob("*.md"), *(path for path in (root / "docs").rglob("*.md") if path.parent.name != "reference")]
    found = {_name(path, root): hits_in_python(path.read_text()) for path in modules}
    found |= {_name(path, root): hits_in_test(path.read_text()) for path in (root / "tests").rglob("*.py")}
    found |= {_name(path, root): hits_in_markdown(path.read_text()) for path in documents}
    return {name: hits for name, hits in sorted(found.items()) if hits}


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def read_baseline(root: Path) -> dict[str, int]:
    """Return the allowed count of each file by its path; nothing without a baseline."""
    path = root / BASELINE
    lines = path.read_text().splitlines() if path.exists() else []
    entries = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {name: int(count) for count, name in entries}


def write_baseline(root: Path, counts: Mapping[str, int]) -> None:
    """Write the allowed counts; files with none are left out."""
    lines = [f"{count} {name}\n" for name, count in sorted(counts.items()) if count]
    (root / BASELINE).write_text(HEADER + "".join(lines))


def complaints(found: Mapping[str, Sequence[Hit]], allowed: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each phrase of a file that has more than it may, and one for each file that has fewer."""
    for name in sorted({*found, *allowed}):
        hits, limit = found.get(name, ()), allowed.get(name, 0)
        if len(hits) > limit:
            yield f"{name}: {len(hits)} banned words or phrases, {limit} allowed"
            yield from (f"{name}:{hit.line}: {hit.words!r}; write instead: {hit.instead}" for hit in hits)
        elif len(hits) < limit:
            yield f"{name}: {len(hits)} banned words or phrases, {limit} in {BASELINE}: run `make docs` to lower it"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the prose, or write the baseline first. Returns the exit code: 1 when there is a complaint."""
    parser = argparse.ArgumentParser(prog="python -m docs.prose", description="Find banned words and phrases in prose.")
    write = parser.add_mutually_exclusive_group()
    write.add_argument("--tighten", action="store_true", help="lower the counts of the baseline, raise none")
    write.add_argument("--accept", action="store_true", help="write today's counts to the baseline")
    parser.add_argument("--root", type=Path, default=ROOT, help="the root of the repository")
    options = parser.parse_args(arguments)
    found, allowed = scan(options.root), read_baseline(options.root)
    if options.tighten or options.accept:
        counts = {name: len(hits) for name, hits in found.items()}
        tightened = {name: min(limit, counts.get(name, 0)) for name, limit in allowed.items()}
        allowed = counts if options.accept else tightened
        write_baseline(options.root, allowed)
    lines = list(complaints(found, allowed))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
