"""Convert a managed cluster to spec.cluster, which keeps it unchanged. Pure: wire forms in, members of the spec out.

Members that have the spec's or AKS's own default are left out, so that only chosen values are printed.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from azure.core.utils import CaseInsensitiveDict
from tzlocal.windows_tz import win_tz

from notebook_platform.api.cluster import LTS, ClusterNetwork
from notebook_platform.api.windows import DAYS
from notebook_platform.azure.cluster_changes import SAME_TIER
from notebook_platform.azure.maintenance import SCHEDULES
from notebook_platform.azure.monitoring_addon import workspace_of
from notebook_platform.azure.versions import satisfies
from notebook_platform.versions import minor

Wire = Mapping[str, Any]
Spec = dict[str, Any]

OFFSET = re.compile(r"([-+])(\d\d):(\d\d)")
FARTHEST_EAST, FARTHEST_WEST = 14, 12
"""Hours from UTC of the zones Etc/GMT-14 and Etc/GMT+12."""

SHORTEST_HOURS, LONGEST_HOURS = 4, 24
"""What AKS takes for a maintenance window (https://learn.microsoft.com/azure/aks/planned-maintenance)."""


def chosen(**members: Any) -> Spec:
    """Return the members that are neither absent nor empty."""
    return {key: value for key, value in members.items() if value not in (None, "", [], {}, ())}


def describe_cluster(found: Wire, windows: Mapping[str, Wire]) -> Spec:
    """Return spec.cluster of a managed cluster. `windows`: AKS's maintenance schedules by name."""
    properties = found["properties"]
    channels = properties.get("autoUpgradeProfile") or {}
    tier = str((found.get("sku") or {}).get("tier") or "")
    return chosen(
        name=found["name"],
        nodeResourceGroup=properties.get("nodeResourceGroup"),
        kubernetesVersion=_version(properties),
        dnsPrefix=properties.get("dnsPrefix"),
        **_login(properties.get("linuxProfile") or {}),
        tier=SAME_TIER.get(tier, tier),
        supportPlan=LTS if properties.get("supportPlan") == LTS else None,
        upgrades=chosen(channel=channels.get("upgradeChannel"), nodeOSChannel=channels.get("nodeOSUpgradeChannel")),
        network=_network_profile(properties.get("networkProfile") or {}),
        apiServer=_api_server(properties.get("apiServerAccessProfile") or {}),
        entra=_entra(properties.get("aadProfile") or {}),
        localAccounts=False if properties.get("disableLocalAccounts") else None,
        oidcIssuer=True if (properties.get("oidcIssuerProfile") or {}).get("enabled") else None,
        workloadIdentity=_workload_identity(properties),
        autoscalerProfile=_autoscaler(properties.get("autoScalerProfile") or {}),
        nodeProvisioning="Auto" if (properties.get("nodeProvisioningProfile") or {}).get("mode") == "Auto" else None,
        monitoring=chosen(workspaceId=workspace_of(properties)),
        maintenanceWindow=describe_window(windows),
        powerState="Stopped" if (properties.get("powerState") or {}).get("code") == "Stopped" else None,
    )


def _version(properties: Wire) -> str:
    """Return a version that the control plane and as many pools as possible satisfy: the declared one; the running minor version where
    AKS has moved on from it, or where pools run another patch of it."""
    declared = str(properties["kubernetesVersion"])
    running = str(properties.get("currentKubernetesVersion") or declared)
    pools = [
        str(pool.get("currentOrchestratorVersion") or pool.get("orchestratorVersion") or running)
        for pool in properties.get("agentPoolProfiles") or ()
    ]
    near = [version for version in (running, *pools) if minor(version) == minor(running)]
    if all(satisfies(version, declared) for version in near):
        return declared
    return ".".join(map(str, minor(running)))


def _login(profile: Wire) -> Spec:
    keys = [str((key or {}).get("keyData") or "").strip() for key in (profile.get("ssh") or {}).get("publicKeys") or ()]
    if len(keys) != 1 or not keys[0]:
        return {}
    return chosen(adminUsername=profile.get("adminUsername"), sshPublicKey=keys[0])


def _network_profile(profile: Wire) -> Spec:
    outbound = profile.get("outboundType")
    plugin_mode = str(profile.get("networkPluginMode") or "").lower()
    return chosen(
        plugin=profile.get("networkPlugin"),
        pluginMode=plugin_mode if plugin_mode == "overlay" else None,
        policy=profile.get("networkPolicy") or "none",
        serviceCidr=profile.get("serviceCidr"),
        dnsServiceIP=profile.get("dnsServiceIP"),
        podCidr=profile.get("podCidr"),
        outboundType=outbound if outbound in _choices(ClusterNetwork, "outbound_type") else None,
    )


def _choices(model: Any, field: str) -> tuple[str, ...]:
    """Return the values that a field with a fixed set of them takes."""
    return get_args(model.model_fields[field].annotation)


def _api_server(profile: Wire) -> Spec:
    private = True if profile.get("enablePrivateCluster") else None
    ranges = list(dict.fromkeys(profile.get("authorizedIPRanges") or ()))
    zone = profile.get("privateDNSZone") if private else None
    return chosen(authorizedIPRanges=ranges, private=private, privateDNSZone=zone)


def _entra(profile: Wire) -> Spec | None:
    """Return spec.cluster.entra. A sign-in with applications of one's own, as before 2021, has no field."""
    if not profile.get("managed"):
        return None
    groups, rbac = list(profile.get("adminGroupObjectIDs") or ()), True if profile.get("enableAzureRBAC") else None
    return chosen(adminGroupObjectIDs=groups, azureRBAC=rbac, tenantId=profile.get("tenantID")) or {"azureRBAC": False}


def _workload_identity(properties: Wire) -> bool | None:
    profile = (properties.get("securityProfile") or {}).get("workloadIdentity") or {}
    return True if profile.get("enabled") else None


def _autoscaler(profile: Wire) -> Spec:
    texts = {
        "scanInterval": "scan-interval",
        "scaleDownDelayAfterAdd": "scale-down-delay-after-add",
        "scaleDownUnneededTime": "scale-down-unneeded-time",
        "scaleDownUtilizationThreshold": "scale-down-utilization-threshold",
        "maxNodeProvisionTime": "max-node-provision-time",
        "expander": "expander",
    }
    flags = {
        "balanceSimilarNodeGroups": "balance-similar-node-groups",
        "skipNodesWithLocalStorage": "skip-nodes-with-local-storage",
        "skipNodesWithSystemPods": "skip-nodes-with-system-pods",
    }
    found = {field: profile.get(key) for field, key in texts.items()}
    found |= {field: str(profile[key]).lower() == "true" for field, key in flags.items() if profile.get(key) is not None}
    seconds = str(profile.get("max-graceful-termination-sec") or "")
    return chosen(**found, maxGracefulTerminationSec=int(seconds) if seconds.isdecimal() else None)


def describe_window(windows: Mapping[str, Wire]) -> Spec | None:
    """Return spec.cluster.maintenanceWindow; None unless both of AKS's schedules are the same window of each week or each day."""
    there = CaseInsensitiveDict(windows)
    found = [_window(there.get(name) or {}) for name in SCHEDULES]
    return found[0] if all(found) and found[0] == found[1] else None


def _window(window: Wire) -> Spec | None:
    days, zone = _days(window.get("schedule") or {}), _zone(str(window.get("utcOffset") or "+00:00"))
    hours = str(window.get("durationHours") or "")
    if not days or zone is None or not window.get("startTime") or not hours.isdecimal():
        return None
    if not SHORTEST_HOURS <= int(hours) <= LONGEST_HOURS:
        return None
    return chosen(days=days, start=f"{window['startTime']:0>5}", duration=f"{hours}h", timeZone=zone or None)


def _days(schedule: Wire) -> list[str]:
    """Return the days of a schedule that opens each week or each day; none for any other."""
    weekly, daily = schedule.get("weekly") or {}, schedule.get("daily") or {}
    if weekly.get("intervalWeeks") == 1:
        return [day for day in DAYS if day.casefold() == str(weekly.get("dayOfWeek")).casefold()]
    return list(DAYS) if daily.get("intervalDays") == 1 else []


def _zone(offset: str) -> str | None:
    """Return a time zone that has this offset from UTC all year, empty for UTC itself; None: the tz database has none."""
    found = OFFSET.fullmatch(offset)
    if found is None:
        return None
    sign, hours, minutes = found[1], int(found[2]), int(found[3])
    if not minutes:
        name = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
        return name if hours and hours <= (FARTHEST_EAST if sign == "+" else FARTHEST_WEST) else "" if not hours else None
    wanted = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
    year = datetime.now(UTC).year
    moments = [datetime(year, month, 1, tzinfo=UTC) for month in range(1, 13)]
    zones = (
        name for name in sorted(set(win_tz.values())) if all(m.astimezone(ZoneInfo(name)).utcoffset() == wanted for m in moments)
    )
    return next(zones, None)
