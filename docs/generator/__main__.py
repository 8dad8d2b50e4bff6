"""`python -m docs.generator` writes docs/reference; with `--check` it only tells whether the pages are in step with the code."""

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from docs.generator import errors, spec

DIRECTORY = Path(__file__).parent.parent / "reference"
PAGES: Mapping[str, Callable[[], str]] = {"spec.md": spec.page, "errors.md": errors.page}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check all pages; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generator", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 and the differences when there are any")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where the pages are")
    asked = parser.parse_args(arguments)
    differences: list[str] = []
    for name, page in PAGES.items():
        path, wanted = asked.directory / name, page()
        if asked.check:
            there = path.read_text() if path.exists() else ""
            differences += difflib.unified_diff(
                there.splitlines(True), wanted.splitlines(True), f"{name} now", f"{name} made anew"
            )
        else:
            path.write_text(wanted)
    if differences:
        sys.stdout.writelines([*differences, "docs/reference is behind the code: `make docs` writes it anew\n"])
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
