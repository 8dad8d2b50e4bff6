"""The settings of AKS's cluster autoscaler in wire form, each in the one unit that AKS takes. Pure.

AKS refuses any other spelling: the scan interval is in seconds, the rest in minutes, and there are no hours. All values are text.
https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update#autoscalerprofile
"""

from typing import Any

from notebook_platform.api.cluster import AutoscalerProfile
from notebook_platform.api.durations import parse_duration

IN_SECONDS = frozenset({"scan_interval"})
IN_MINUTES = frozenset({"scale_down_delay_after_add", "scale_down_unneeded_time", "max_node_provision_time"})


def autoscaler_profile(profile: AutoscalerProfile) -> dict[str, str]:
    """Return autoScalerProfile with the settings that the spec has: `1m` is `60s` as a scan interval, `1h` is `60m` elsewhere.

    The CRD admits whole minutes alone where AKS takes minutes.
    """
    chosen = profile.model_dump(exclude_none=True)
    return {name.replace("_", "-"): _text(name, value) for name, value in chosen.items()}


def _text(name: str, value: Any) -> str:
    if name in IN_SECONDS:
        return f"{int(parse_duration(value).total_seconds())}s"
    if name in IN_MINUTES:
        return f"{int(parse_duration(value).total_seconds()) // 60}m"
    return str(value).lower() if isinstance(value, bool) else str(value)
