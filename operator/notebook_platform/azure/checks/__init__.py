"""Checks before creation: what Azure would reject later, found before anything costs money. One function a check, each finding
with its remedy.

The step Preflight runs those that a creation or an upgrade needs; `notebook-platform doctor` runs all and shows the good ones too.
"""

from collections.abc import Mapping

from notebook_platform.azure.checks.capacity_and_names import addresses, names
from notebook_platform.azure.checks.finding import Check, Finding
from notebook_platform.azure.checks.patches import patches
from notebook_platform.azure.checks.permissions import clock, permissions
from notebook_platform.azure.checks.sku_and_quota import providers, quota, sizes, version

__all__ = ["ALL", "BEFORE_CREATION", "BEFORE_UPGRADE", "Check", "Finding"]

ALL: Mapping[str, Check] = {
    "clock": clock,
    "permissions": permissions,
    "providers": providers,
    "version": version,
    "VM sizes": sizes,
    "quota": quota,
    "addresses": addresses,
    "names": names,
    "patches": patches,
}
"""By what people call them, in the order in which they are shown."""

BEFORE_CREATION: tuple[Check, ...] = (clock, permissions, patches, names, version, addresses, sizes, quota)
BEFORE_UPGRADE: tuple[Check, ...] = (version,)
