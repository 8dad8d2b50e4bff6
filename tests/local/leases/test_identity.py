"""The identity of a replica, which its leases name."""

import subprocess
import sys
from pathlib import Path

from notebook_platform.leases.identity import Identity


def test_an_identity_survives_its_process_and_is_never_that_of_two(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from notebook_platform.leases.identity import Identity\n"
    program += "sys.stdout.write(Identity(Path(sys.argv[1])).name)"
    command = [sys.executable, "-c", program, str(tmp_path)]

    def other() -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    first = other()
    own = Identity(tmp_path)
    assert own.name == first, "a container that starts again continues with its leases"
    assert other() != first, "a second process beside the first has another identity"
    assert Identity(None).name != Identity(None).name
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "replica").write_text("../../x\nholder")
    assert "/" not in Identity(tmp_path / "other").name
