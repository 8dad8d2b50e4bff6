"""The identity of a replica: the name by which it holds leases.

Two processes must never have one identity. A process that starts again in the same work directory, as a container does after a crash,
continues with the identity of the one before it and need not wait until that one's leases expire. The kernel guarantees that the
earlier process has ended: the identity belongs to whoever holds the lock of its file, and a stopped process still holds it.
"""

import fcntl
import os
import re
import socket
from pathlib import Path
from uuid import uuid4

FILE = "replica"
FORM = re.compile(r"[-a-z0-9.]{1,63}_[0-9a-f]{32}")


class Identity:
    """The identity of this process; it keeps the lock of its file until the process ends."""

    def __init__(self, work_dir: Path | None) -> None:
        self.name = f"{socket.gethostname().lower()[:63]}_{uuid4().hex}"
        self._file: int | None = None
        if work_dir is not None:
            self._continue(work_dir)

    def _continue(self, work_dir: Path) -> None:
        work_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(work_dir / FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another operator uses the directory
            os.close(descriptor)
            return
        self._file = descriptor
        known = os.read(descriptor, 200).decode(errors="replace")
        if FORM.fullmatch(known):
            self.name = known
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, self.name.encode(), 0)
