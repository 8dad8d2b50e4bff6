"""What AKS refuses in the profiles of a cluster: values of its autoscaler, private DNS zones. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.azure.aks_rules import refusal

EXPANDERS = ("least-waste", "most-pods", "priority", "random")


def _form(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


def _between(low: float, high: float) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(r"\d+(\.\d+)?", text) is not None and low <= float(text) <= high


SECONDS, MINUTES, WHOLE, TRUTH = _form(r"\d+s?"), _form(r"\d+m"), _form(r"\d+"), _form("true|false")
AUTOSCALER: Mapping[str, Callable[[str], bool]] = {
    "balance-similar-node-groups": TRUTH,
    "daemonset-eviction-for-empty-nodes": TRUTH,
    "daemonset-eviction-for-occupied-nodes": TRUTH,
    "expander": EXPANDERS.__contains__,
    "ignore-daemonsets-utilization": TRUTH,
    "max-empty-bulk-delete": WHOLE,
    "max-graceful-termination-sec": WHOLE,
    "max-node-provision-time": MINUTES,
    "max-total-unready-percentage": _between(0, 100),
    "new-pod-scale-up-delay": _form(r"\d+(s|m|h)"),
    "ok-total-unready-count": WHOLE,
    "scale-down-delay-after-add": MINUTES,
    "scale-down-delay-after-delete": _form(r"\d+(s|m)"),
    "scale-down-delay-after-failure": _form(r"0*[1-9]\d*m"),
    "scale-down-unneeded-time": MINUTES,
    "scale-down-unready-time": MINUTES,
    "scale-down-utilization-threshold": _between(0, 1),
    "scan-interval": SECONDS,
    "skip-nodes-with-local-storage": TRUTH,
    "skip-nodes-with-system-pods": TRUTH,
}
"""The form of each parameter (https://learn.microsoft.com/azure/aks/cluster-autoscaler#cluster-autoscaler-profile-settings). Minutes
are minutes: no other unit is taken (https://github.com/Azure/azure-sdk-for-go/issues/14311)."""


def check_autoscaler(profile: Mapping[str, Any]) -> None:
    """Raises InvalidParameter for a value that is not in its parameter's form."""
    for name, value in profile.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if value is not None and not (name in AUTOSCALER and AUTOSCALER[name](text)):
            message = (
                f"Invalid value specified for the cluster-autoscaler parameter '{name}'. "
                "Please refer to https://aka.ms/cluster-autoscaler for more details."
            )
            raise refusal("InvalidParameter", message)


def is_own_zone(zone: str) -> bool:
    """Whether a private DNS zone is one of the owner's own."""
    return zone.lower() not in ("", "system", "none")


def check_zone_name(zone: str, location: str) -> None:
    """Raises InvalidParameter unless the zone is `privatelink.REGION.azmk8s.io`, or that below one more label."""
    name = zone.rsplit("/", 1)[1].lower()
    if not re.fullmatch(rf"([a-z0-9-]{{1,32}}\.)?(privatelink\.)?{re.escape(location)}\.azmk8s\.io", name):
        message = (
            f"The private dns zone {zone} is not valid: its name has to be privatelink.{location}.azmk8s.io or "
            f"<subzone>.privatelink.{location}.azmk8s.io."
        )
        raise refusal("InvalidParameter", message, "apiServerAccessProfile.privateDNSZone")
