"""The page docs/reference/links.md: every address outside the project that a page written by hand leads to.

Whoever checks the links has one list, and a reader sees what the manual relies on.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from docs.generator.markdown import generated, table

ROOT = Path(__file__).parent.parent.parent
GENERATED = ("docs/reference/", "docs/troubleshooting.md", "docs/monitoring.md", "docs/generator/")
ADDRESS = re.compile(r"https?://[^\s<>\"'`)\]}|]+")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"OWNER|HOST|collector|TENANT|example\.(org|com)|127\.0\.0\.1|localhost|\.local\b")
"""Addresses with one of these are examples."""


def links(root: Path) -> Mapping[str, list[str]]:
    """Return the pages that lead to each address, by address. Code blocks hold examples and do not count."""
    found: dict[str, list[str]] = {}
    for path in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        name = path.relative_to(root).as_posix()
        if name.startswith(GENERATED):
            continue
        for match in ADDRESS.findall(FENCED.sub("", path.read_text())):
            address = match.rstrip(".,;:")
            if not PLACEHOLDER.search(address) and name not in found.setdefault(address, []):
                found[address].append(name)
    return dict(sorted(found.items()))


def page() -> str:
    """Return the page."""
    found = links(ROOT)
    opening = f"{len(found)} addresses outside the project, to which pages written by hand lead."
    return (
        generated("Links", opening)
        + "\n"
        + table(("Address", "Pages"), [(f"<{address}>", ", ".join(pages)) for address, pages in found.items()])
    )
