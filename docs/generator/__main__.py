"""Write all files that follow from the code: docs/reference, the drawing in ARCHITECTURE.md, the rendered files of deploy/.

`python -m docs.generator` writes them; with `--check` it writes nothing and shows the differences."""

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from docs.generator import deployment, errors, links, metrics, monitoring, reasons, spec, steps, troubleshooting

ROOT = Path(__file__).parent.parent.parent
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/spec.md": spec.page,
    "docs/reference/errors.md": errors.page,
    "docs/reference/reasons.md": reasons.page,
    "docs/reference/steps.md": steps.page,
    "docs/reference/metrics.md": metrics.page,
    "docs/reference/links.md": links.page,
    "docs/troubleshooting.md": troubleshooting.page,
    **monitoring.PAGES,
    **deployment.PAGES,
}
"""Pages that are generated as a whole."""

BLOCKS: Mapping[str, Callable[[str], str]] = {"ARCHITECTURE.md": steps.with_drawing, **deployment.BLOCKS}
"""Documents of which one marked block is generated: from the text before to the text after."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check all pages and blocks. Returns the exit code: 1 when `--check` found a difference."""
    parser = argparse.ArgumentParser(prog="python -m docs.generator", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 and the differences when there are any")
    parser.add_argument("--root", type=Path, default=ROOT, help="the root of the repository")
    options = parser.parse_args(arguments)
    wanted = {name: page() for name, page in PAGES.items()}
    wanted |= {name: block((options.root / name).read_text()) for name, block in BLOCKS.items()}
    differences: list[str] = []
    for name, text in wanted.items():
        path = options.root / name
        if options.check:
            written = path.read_text() if path.exists() else ""
            if written != text:
                differences += difflib.unified_diff(
                    written.splitlines(True), text.splitlines(True), f"{name} as written", f"{name} from the code"
                )
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if differences:
        sys.stdout.writelines([*differences, "generated pages differ from the code: run `make docs`\n"])
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
