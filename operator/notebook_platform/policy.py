"""What the spec lets a pass do: which differences are others' business, and whether people may be disrupted now. Pure."""

import fnmatch
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from notebook_platform.api.durations import parse_duration
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.windows import is_open, next_opening
from notebook_platform.hubs.users.census import UserCounts
from notebook_platform.pace import Limits


def ignored_by(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Whether `spec.driftIgnore` leaves the difference at (step, path) to others. Only `*` has a meaning in a pattern, and a
    pattern speaks of all that is below it too."""
    compiled = [re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.IGNORECASE) for pattern in patterns]
    deeper = [re.compile(fnmatch.translate(f"{pattern.replace('[', '[[]')}.*"), re.IGNORECASE) for pattern in patterns]

    def ignored(step: str, path: str) -> bool:
        return any(expression.match(f"{step}.{path}") for expression in (*compiled, *deeper))

    return ignored


def interval_of(spec: NotebookPlatformSpec, limits: Limits) -> float:
    """Seconds between two looks for drift: spec.interval, or the least that the operator's configuration allows if that is more."""
    return max(parse_duration(spec.interval).total_seconds(), limits.least_interval)


def disruption_waits(spec: NotebookPlatformSpec, now: datetime) -> str:
    """Return what a disruptive change has to wait for; empty: nothing."""
    window = spec.cluster.maintenance_window
    if window is None or spec.disruption != "MaintenanceWindow" or is_open(window, now):
        return ""
    opens = next_opening(window, now).strftime("%A %H:%M %Z")
    return f"spec.cluster.maintenanceWindow, which opens on {opens}"


def disruption_gate(users: UserCounts | None) -> str:
    """What such a change waits for with spec.disruption NoServers, given who works; None: that cannot be told. Empty: nobody does."""
    if users is None:
        return "the cluster to tell whether users' servers run (spec.disruption: NoServers)"
    if not users.servers:
        return ""
    run = "1 user's server, which runs" if users.servers == 1 else f"{users.servers} users' servers, which run"
    return f"the end of {run} now (spec.disruption: NoServers)"
