"""One word for each state a release can be in, one function that finds it. Pure.

What may be done about a state is in `helm/actions.py`, one function a word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from notebook_platform.helm.charts import ChartRef
from notebook_platform.helm.release import Release


class State(Enum):
    """How a release stands towards what is wanted."""

    ABSENT = "absent"
    IN_LINE = "in line"
    OUTDATED = "outdated"
    """Other values or another chart than wanted."""
    FAILED = "failed"
    ABANDONED = "abandoned"
    """Helm's lock is held by a process of ours that is dead."""
    HELD = "held"
    """Helm's lock is held by somebody else who may still be at work."""
    STUCK = "stuck"
    """Helm's lock is held by somebody else for longer than helm may take."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The release the spec asks for."""

    name: str
    namespace: str
    chart: ChartRef
    values: Mapping[str, Any]


def state_of(release: Release | None, wanted: Wanted, *, our_revision: int | None, now: datetime, patience: timedelta) -> State:
    """`our_revision` is the last revision that this operator began to write; `patience` how long helm may take."""
    if release is None or release.status == "uninstalled":
        return State.ABSENT
    if release.pending:
        if release.revision == our_revision:
            return State.ABANDONED
        since = release.last_deployed
        return State.HELD if since and now - since < patience else State.STUCK
    if release.status == "failed":
        return State.FAILED
    same_chart = (release.chart, release.chart_version) == (wanted.chart.name, wanted.chart.version)
    return State.IN_LINE if same_chart and release.config == wanted.values else State.OUTDATED
