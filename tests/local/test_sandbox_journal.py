"""`notebook-platform-sandbox journal` in a pipeline."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_reader_that_stops_early_sees_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("{}\n" * 100_000)
    command = f"set -o pipefail; {sys.executable} -m sandbox.cli journal --state {tmp_path} | head -1"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (141, "{}\n", "")
