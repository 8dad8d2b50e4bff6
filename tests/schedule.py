"""Which process of `-n` runs which file.

The files of some directories share a control plane, an estate or a hub, which each process that runs one of them starts for itself and
keeps until it leaves the directory. A process therefore stays in its directory. The directories whose tests wait most come first, so that
the tests that compute fill the waits, and are what is left to fill the end.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARING = ("tests/integration", "tests/security", "tests/az", "tests/integration/releases", "tests/hub")
"""Directories whose files share what takes long to start, in the order in which processes begin them. tests/az computes while the two before
it wait."""

ALONE = ""
"""The directory of all files that share nothing."""

TOGETHER = ("tests/az/test_[123]_*", "tests/security/rights/*", "tests/unit/test_re[af]*")
"""Files for one process: those of tests/az are one story and share an estate; those of tests/security/rights share an API server;
test_reasons and test_reference share the syntax trees of all modules."""


def unit_of(nodeid: str) -> str:
    """Return the name of the tests that stay together: a file, or a pattern of TOGETHER."""
    file = nodeid.partition("::")[0]
    return next((pattern for pattern in TOGETHER if fnmatch(file, pattern)), file)


def directory_of(unit: str) -> str:
    """Return the innermost directory of SHARING with the unit, or ALONE."""
    return max((one for one in SHARING if unit.startswith(f"{one}/")), key=len, default=ALONE)


def next_unit(waiting: Iterable[str], own: str, taken: Sequence[str]) -> str:
    """Return the unit that a process runs next.

    `waiting`: the units that no process has, one at least. `own`: the directory of the process. `taken`: those of the other processes.
    A process helps with the last file of the directory that has most of them; one process is left for the files that share nothing.
    """
    units: dict[str, list[str]] = {}
    for unit in waiting:
        units.setdefault(directory_of(unit), []).append(unit)
    shared = [one for one in SHARING if one in units]
    unbegun = [one for one in shared if one not in taken]
    if own in shared or unbegun:
        return units[own if own in shared else unbegun[0]][0]
    if ALONE in units and (not shared or ALONE not in taken):
        return units[ALONE][0]
    return max((units[one] for one in shared), key=len)[-1]


class Files(LoadScopeScheduling):
    """Give all tests of a file to one process, and the files of a directory to few."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        """Move the next unit of the process to the front of the queue, from where it is taken."""
        found = {one: directory_of(next(reversed(units), "")) for one, units in self.assigned_work.items()}
        own = found.pop(node, ALONE)
        self.workqueue.move_to_end(next_unit(self.workqueue, own, list(found.values())), last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files:
    """Return the scheduler of `-n`. The groups of xdist 3.8 (`--dist loadgroup`) are lost with pytest 9.2."""
    return Files(config, log)
