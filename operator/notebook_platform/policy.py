"""Evaluate what the spec allows a reconcile to do: how often drift is checked, and whether users may be disrupted now. Pure.

The reconciler and the commands `plan` and `watch` use it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notebook_platform.api.durations import parse_duration
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.time_zones import time_zone, unknown_time_zone
from notebook_platform.api.windows import is_open, next_opening
from notebook_platform.helm.plan import approved
from notebook_platform.hubs.users.user_counts import UserCounts
from notebook_platform.hubs.users.volumes import CONFIRM
from notebook_platform.pace import Limits


def interval_of(spec: NotebookPlatformSpec, limits: Limits) -> float:
    """Return the seconds between two drift checks: spec.interval, or the configured minimum if that is longer."""
    return max(parse_duration(spec.interval).total_seconds(), limits.least_interval)


OLDEST_READ = 600.0
"""Seconds. Upper bound for the age of a read of a subscription that platforms share."""

EARLIEST, EARLIEST_FIRST = 0.95, 0.1
"""Smallest parts of the interval after which the next drift check begins: as a rule, and after the operator's start."""

LATEST_POLL, LATEST_SECONDS = 0.1, 2.0
"""Largest part, and largest number of seconds, by which jitter lengthens a wait that is shorter than the interval: Azure asks for no
earlier poll, and a token of a rate limit is kept for a limited time only."""


def oldest_read(interval: float, *, edited: bool = False) -> float:
    """Return the largest age, in seconds, of a shared read that a platform with this interval uses: at most the time between two of its own
    drift checks, so that no two of them use the same read.

    `edited`: its user waits for a change. Then it may be twice as old, because it takes seconds to read the lists of a thousand platforms,
    and what the change concerns is read from its own address anyway.
    """
    return min(EARLIEST * interval, OLDEST_READ) * (2 if edited else 1)


def spread(wait: float, interval: float, jitter: float, *, first: bool) -> float:
    """Return a wait with jitter, in seconds, so that platforms that reconcile together do not stay together.

    `wait`: until the next reconcile; the whole interval if nothing asks for an earlier one. `jitter`: 0 to 1, chosen at random by the
    caller. `first`: an operator that starts reconciles all its platforms within seconds, so its first drift checks spread over the whole
    interval.
    """
    if wait < interval:
        return min(interval, wait + min(LATEST_POLL * wait, LATEST_SECONDS) * jitter)
    earliest = EARLIEST_FIRST if first else EARLIEST
    return interval * (earliest + (1 - earliest) * jitter)


def window_gate(spec: NotebookPlatformSpec, now: datetime) -> str:
    """Return what a disruptive change is deferred until, by the maintenance window. Empty: nothing."""
    window = spec.cluster.maintenance_window
    if window is None or spec.disruption != "MaintenanceWindow":
        return ""
    if time_zone(window.time_zone) is None:  # its opening is unknown; the step MaintenanceWindow fails with the same words
        return f"spec.cluster.maintenanceWindow.{unknown_time_zone(window.time_zone)}"
    if is_open(window, now):
        return ""
    opens = next_opening(window, now).strftime("%A %H:%M %Z")
    return f"spec.cluster.maintenanceWindow opens on {opens}"


def server_gate(users: UserCounts | None) -> str:
    """Return what a disruptive change is deferred until with spec.disruption NoServers; `users` is None when unknown. Empty:
    nothing."""
    if users is None:
        return "the cluster reports whether user servers are running (spec.disruption: NoServers)"
    if not users.servers:
        return ""
    stop = "1 user server stops" if users.servers == 1 else f"{users.servers} user servers stop"
    return f"{stop} (spec.disruption: NoServers)"


def reconcile_trigger(metadata: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the members of an object's metadata that change when the user wants something else."""
    confirmed = (metadata.get("annotations") or {}).get(CONFIRM)
    return metadata.get("generation"), bool(metadata.get("deletionTimestamp")), confirmed, approved(metadata)
