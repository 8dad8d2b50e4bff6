"""`python -m tests.eyes.pictures` (end of `make eyes`): draw docs/pictures/dashboard-*.svg from the answers that the run has recorded."""

import json
import sys

from docs.generator.monitoring.dashboards import DASHBOARDS
from sandbox.operator_process import ROOT
from tests.eyes.panels import chosen
from tests.eyes.pictures.answers import ANSWERS
from tests.eyes.pictures.draw import drawn

PICTURES = ROOT / "docs" / "pictures"


def main() -> int:
    """Draw all dashboards."""
    answers = json.loads(ANSWERS.read_text())
    for board in DASHBOARDS:
        values = ", ".join(f"{one.name}: {chosen('$' + one.name)}" for one in board.variables)
        path = PICTURES / board.picture
        path.write_text(drawn(board.model(), answers, values))
        sys.stdout.write(f"[eyes] {path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
