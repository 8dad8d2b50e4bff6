"""Check of schedules and time zones, before the first resource is created: the steps that follow them come after the cluster."""

from collections.abc import Callable, Iterator
from functools import partial

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.autoscale_body import monitor_time_zone
from notebook_platform.azure.checks.finding import Finding
from notebook_platform.azure.schedules import check_schedules, check_time_zone
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import StepError

CLUSTER = "spec.cluster"


async def schedules(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Return what is wrong with each schedule, window and recurring profile, or how many there are; nothing without any."""
    found, count = [], 0
    for check in _checks(scope.spec):
        count += 1
        try:
            check()
        except StepError as refused:
            failed = refused.failed
            found.append(Finding(sentence=failed.message, reason=failed.reason, remedy=failed.remedy))
    return found or [Finding(sentence=f"valid times and time zones: {count}")] * bool(count)


def _checks(spec: NotebookPlatformSpec) -> Iterator[Callable[[], object]]:
    """Yield a call for each schedule that raises StepError when it cannot be followed. Pure."""
    window = spec.cluster.maintenance_window
    if window is not None:
        yield partial(check_time_zone, window.time_zone, f"{CLUSTER}.maintenanceWindow")
    for schedule in spec.cluster.power_schedules:
        yield partial(check_schedules, [schedule], f"{CLUSTER}.powerSchedules")
    for pool in spec.node_pools:
        for bounds in pool.schedules:
            yield partial(check_schedules, [bounds], f"spec.nodePools[{pool.name}].schedules")
    for setting in spec.autoscale:
        for recurring in setting.recurring:
            yield partial(monitor_time_zone, setting, recurring)
