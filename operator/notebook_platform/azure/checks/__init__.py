"""Checks before creation: what Azure would reject later, found before anything costs money. One function a check, each finding
with its remedy.

The step Preflight runs those that a creation needs, the steps Cluster and NodePools those of an upgrade and of new pools, each on the change
that it is about, so that `plan` shows them there; `notebook-platform doctor` runs all and shows the good ones too.
"""

from collections.abc import Mapping

from notebook_platform.azure.checks.capacity_and_names import addresses, names
from notebook_platform.azure.checks.finding import Check, Finding
from notebook_platform.azure.checks.monitoring import metrics
from notebook_platform.azure.checks.patches import patches
from notebook_platform.azure.checks.permissions import clock, permissions
from notebook_platform.azure.checks.private_zone import private_zone
from notebook_platform.azure.checks.quota import quota, upgrade_quota
from notebook_platform.azure.checks.region import providers, region, version
from notebook_platform.azure.checks.schedules import schedules
from notebook_platform.azure.checks.server_placement import server_placement
from notebook_platform.azure.checks.vm_sizes import sizes

__all__ = ["ALL", "BEFORE_CREATION", "BEFORE_UPGRADE", "FIRST", "OF_THE_REGION", "Check", "Finding"]

FIRST = "region"
OF_THE_REGION = frozenset({"version", "VM sizes", "quota", "names", "servers"})
"""The check of the region, and those that Azure answers with an error for one that does not exist."""

ALL: Mapping[str, Check] = {
    FIRST: region,
    "clock": clock,
    "permissions": permissions,
    "providers": providers,
    "version": version,
    "VM sizes": sizes,
    "quota": quota,
    "addresses": addresses,
    "names": names,
    "private zone": private_zone,
    "servers": server_placement,
    "patches": patches,
    "schedules": schedules,
    "metrics": metrics,
}
"""By what people call them, in the order in which they are shown."""

BEFORE_CREATION: tuple[Check, ...] = (
    clock,
    permissions,
    patches,
    schedules,
    names,
    version,
    addresses,
    private_zone,
    sizes,
    quota,
)
BEFORE_UPGRADE: tuple[Check, ...] = (version, upgrade_quota)
