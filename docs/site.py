"""Collect the pages of the manual for Zensical: `python -m docs.site` writes build/site-source and build/zensical.toml.

The pages link to files beside docs/ (README.md, deploy/), as a reader of the repository needs it. The site does not have these files, so
the copies link to the repository's public address (pyproject.toml, project.urls). Zensical then checks every other link and anchor.
"""

import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import normpath

ROOT = Path(__file__).parent.parent
PAGES = "docs"
LINK = re.compile(r"(\]\()([^)\s:#]+)([^)\s]*\))")
"""A relative link of Markdown: its opening, its path, the rest."""

LEFT_OUT = ("generator",)
"""Directories of docs/ that hold no pages."""


def collect(root: Path, target: Path) -> list[str]:
    """Write the pages with their links into `target`, which is emptied first. Returns their paths below docs/."""
    shutil.rmtree(target, ignore_errors=True)
    source = urls(root)["Source"].rstrip("/")
    for path in pages(root):
        copy = target / path.relative_to(root / PAGES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            copy.write_text(rewritten(path.read_text(), path.relative_to(root).parent.as_posix(), source))
        else:
            shutil.copyfile(path, copy)
    return sorted(path.relative_to(root / PAGES).as_posix() for path in pages(root))


def pages(root: Path) -> Iterator[Path]:
    """Yield the pages and pictures of the manual."""
    for path in sorted((root / PAGES).rglob("*")):
        if path.suffix in {".md", ".svg"} and path.relative_to(root / PAGES).parts[0] not in LEFT_OUT:
            yield path


def rewritten(document: str, directory: str, source: str) -> str:
    """Return a page whose links that leave docs/ lead to the repository at `source`. `directory`: that of the page, from the root."""

    def absolute(found: re.Match[str]) -> str:
        path = normpath(f"{directory}/{found[2]}")
        inside = path == PAGES or path.startswith(f"{PAGES}/")
        return found[0] if inside else f"{found[1]}{source}/blob/main/{path}{found[3]}"

    return LINK.sub(absolute, document)


def urls(root: Path) -> Mapping[str, str]:
    """Return project.urls of pyproject.toml."""
    found: Mapping[str, str] = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]
    return found


def main() -> int:
    """Collect the pages and copy the configuration beside them; Zensical writes below the directory of its configuration only."""
    build = ROOT / "build"
    collected = collect(ROOT, build / "site-source")
    shutil.copyfile(ROOT / PAGES / "zensical.toml", build / "zensical.toml")
    sys.stdout.write(f"{len(collected)} pages and pictures in {build.name}/site-source\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
