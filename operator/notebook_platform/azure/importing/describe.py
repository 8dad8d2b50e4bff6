"""Convert existing Azure resources to the spec that keeps them unchanged. Pure: wire forms in, members of the spec out.

Members that have the spec's or AKS's own default are left out, so that only chosen values are printed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from azure.core.utils import CaseInsensitiveDict
from isodate import parse_duration
from tzlocal.windows_tz import win_tz

from notebook_platform.api.cluster import LTS
from notebook_platform.api.numbers import wire_decimal
from notebook_platform.api.pool_nodes import PURPOSE_LABEL, SPOT_LABEL, SPOT_TAINT, USER_TAINT
from notebook_platform.azure.autoscale_body import ended_by

Wire = Mapping[str, Any]
Spec = dict[str, Any]

AKS_DISK_GB = 128
AKS_MAX_PODS = frozenset({30, 110, 250})
AKS_MAX_SURGE = "10%"
"""Defaults of AKS by network plugin; any other number was chosen."""


def _chosen(**members: Any) -> Spec:
    """Return the members that are neither absent nor empty."""
    return {key: value for key, value in members.items() if value not in (None, "", [], {}, ())}


def describe_cluster(found: Wire, windows: Mapping[str, Wire]) -> Spec:
    """Return spec.cluster of a managed cluster. `windows`: AKS's maintenance schedules by name."""
    properties = found["properties"]
    linux = properties.get("linuxProfile") or {}
    keys = (linux.get("ssh") or {}).get("publicKeys") or [{}]
    channels = properties.get("autoUpgradeProfile") or {}
    return _chosen(
        name=found["name"],
        nodeResourceGroup=properties.get("nodeResourceGroup"),
        kubernetesVersion=properties["kubernetesVersion"],
        dnsPrefix=properties.get("dnsPrefix"),
        adminUsername=linux.get("adminUsername"),
        sshPublicKey=str(keys[0].get("keyData") or "").strip(),
        tier=(found.get("sku") or {}).get("tier"),
        supportPlan=LTS if properties.get("supportPlan") == LTS else None,
        upgrades=_chosen(channel=channels.get("upgradeChannel"), nodeOSChannel=channels.get("nodeOSUpgradeChannel")),
        network=_network_profile(properties.get("networkProfile") or {}),
        apiServer=_api_server(properties.get("apiServerAccessProfile") or {}),
        entra=_entra(properties.get("aadProfile")),
        localAccounts=False if properties.get("disableLocalAccounts") else None,
        oidcIssuer=True if (properties.get("oidcIssuerProfile") or {}).get("enabled") else None,
        workloadIdentity=_workload_identity(properties),
        autoscalerProfile=_autoscaler(properties.get("autoScalerProfile") or {}),
        nodeProvisioning="Auto" if (properties.get("nodeProvisioningProfile") or {}).get("mode") == "Auto" else None,
        monitoring=_monitoring(properties.get("addonProfiles") or {}),
        maintenanceWindow=_window(windows),
        powerState="Stopped" if (properties.get("powerState") or {}).get("code") == "Stopped" else None,
    )


def _network_profile(profile: Wire) -> Spec:
    return _chosen(
        plugin=profile.get("networkPlugin"),
        pluginMode=profile.get("networkPluginMode"),
        policy=profile.get("networkPolicy") or "none",
        serviceCidr=profile.get("serviceCidr"),
        dnsServiceIP=profile.get("dnsServiceIP"),
        podCidr=profile.get("podCidr"),
        outboundType=profile.get("outboundType"),
    )


def _api_server(profile: Wire) -> Spec:
    private = True if profile.get("enablePrivateCluster") else None
    ranges = list(profile.get("authorizedIPRanges") or ())
    return _chosen(authorizedIPRanges=ranges, private=private, privateDNSZone=profile.get("privateDNSZone") if private else None)


def _entra(profile: Wire | None) -> Spec | None:
    if profile is None:
        return None
    groups, rbac = list(profile.get("adminGroupObjectIDs") or ()), True if profile.get("enableAzureRBAC") else None
    return _chosen(adminGroupObjectIDs=groups, azureRBAC=rbac, tenantId=profile.get("tenantID")) or {"azureRBAC": False}


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
    found |= {field: profile[key] == "true" for field, key in flags.items() if key in profile}
    seconds = profile.get("max-graceful-termination-sec")
    return _chosen(**found, maxGracefulTerminationSec=int(seconds) if seconds else None)


def _monitoring(addons: Wire) -> Spec | None:
    addon = addons.get("omsagent") or {}
    workspace = (addon.get("config") or {}).get("logAnalyticsWorkspaceResourceID")
    return {"workspaceId": workspace} if addon.get("enabled") and workspace else None


def _window(windows: Mapping[str, Wire]) -> Spec | None:
    window = windows.get("aksManagedAutoUpgradeSchedule") or windows.get("aksManagedNodeOSUpgradeSchedule")
    weekly = ((window or {}).get("schedule") or {}).get("weekly")
    if not window or not weekly or window.get("utcOffset", "+00:00") != "+00:00":
        return None
    return {"days": [weekly["dayOfWeek"]], "start": window["startTime"], "duration": f"{window['durationHours']}h"}


def describe_pool(pool: Wire, default_subnet: str | None, managed: Mapping[str, str]) -> Spec:
    """Return one item of spec.nodePools. `managed`: names of the platform's subnets by lower-case id."""
    labels, taints = dict(pool.get("nodeLabels") or {}), list(pool.get("nodeTaints") or ())
    purpose = {"core": "Core", "user": "User"}.get(labels.pop(PURPOSE_LABEL, ""))
    if purpose == "User" and (USER_TAINT not in taints or pool.get("mode") != "User"):
        labels[PURPOSE_LABEL], purpose = "user", None
    labels.pop(SPOT_LABEL, None)
    derived = {SPOT_TAINT, *([USER_TAINT] if purpose == "User" else [])}
    autoscaled, spot = bool(pool.get("enableAutoScaling")), str(pool.get("scaleSetPriority")).lower() == "spot"
    subnet = str(pool.get("vnetSubnetID") or "").lower()
    elsewhere = bool(subnet) and subnet != (default_subnet or "").lower()
    gpu, surge = pool.get("gpuProfile") or {}, (pool.get("upgradeSettings") or {}).get("maxSurge")
    return _chosen(
        name=pool["name"],
        mode=pool.get("mode"),
        purpose=purpose,
        vmSize=pool["vmSize"],
        count=None if autoscaled else pool.get("count"),
        autoscaling={"minCount": pool["minCount"], "maxCount": pool["maxCount"]} if autoscaled else None,
        maxPods=pool.get("maxPods") if pool.get("maxPods") not in AKS_MAX_PODS else None,
        maxSurge=surge if surge != AKS_MAX_SURGE else None,
        osDiskSizeGB=pool.get("osDiskSizeGB") if pool.get("osDiskSizeGB") not in (0, AKS_DISK_GB) else None,
        osDiskType="Ephemeral" if pool.get("osDiskType") == "Ephemeral" else None,
        osSKU="AzureLinux" if pool.get("osSKU") == "AzureLinux" else None,
        availabilityZones=list(pool.get("availabilityZones") or ()),
        spot=_spot(pool) if spot else None,
        gpu=_chosen(driver=gpu.get("driver"), instanceProfile=pool.get("gpuInstanceProfile")),
        subnet=managed.get(subnet) if elsewhere else None,
        subnetId=pool.get("vnetSubnetID") if elsewhere and subnet not in managed else None,
        nodeLabels=labels,
        nodeTaints=[taint for taint in taints if taint not in derived],
    )


def _spot(pool: Wire) -> Spec:
    return _chosen(maxPrice=wire_decimal(pool.get("spotMaxPrice", -1)), evictionPolicy=pool.get("scaleSetEvictionPolicy"))


def describe_network(networks: Iterable[Wire], group: str, pools: Sequence[Wire]) -> tuple[Spec | None, str | None]:
    """Return (spec.network, the id of the default subnet). A network of the platform's group is adopted; a subnet of another is
    used."""
    ids = list(dict.fromkeys(str(p["vnetSubnetID"]) for p in pools if p.get("vnetSubnetID")))
    if not ids:
        return None, None
    default, root = ids[0], ids[0].rsplit("/subnets/", 1)[0].lower()
    network = next((n for n in networks if n["id"].lower() == root), None)
    if network is None or default.split("/")[4].lower() != group.lower():
        return {"subnetId": default}, default
    prefixes = CaseInsensitiveDict({s["id"]: _prefix(s) for s in network["properties"].get("subnets") or ()})
    used = [id_ for id_ in ids if id_ in prefixes]
    subnets = [{"name": id_.rsplit("/", 1)[1], "addressPrefix": prefixes[id_]} for id_ in used]
    addresses = list(network["properties"]["addressSpace"]["addressPrefixes"])
    virtual = {"name": network["name"], "addressPrefixes": addresses}
    return _chosen(virtualNetwork=virtual, subnet=subnets[0], subnets=subnets[1:]), default


def _prefix(subnet: Wire) -> str:
    properties = subnet["properties"]
    return str(properties.get("addressPrefix") or properties["addressPrefixes"][0])


def describe_autoscale(setting: Wire, pool: str) -> Spec:
    """Return one item of spec.autoscale. Profiles with a fixed date are ignored."""
    properties = setting["properties"]
    profiles = {profile["name"]: profile for profile in properties["profiles"]}
    plain = next((p for p in profiles.values() if not p.get("recurrence") and not p.get("fixedDate")), None)
    ends = {ended: profile for profile in profiles.values() if (ended := ended_by(profile))}
    default = plain or next(iter(ends.values()))
    recurring = [
        _recurring(profile, ends[name]) for name, profile in profiles.items() if profile.get("recurrence") and name in ends
    ]
    emails = [
        address for n in properties.get("notifications") or () for address in (n.get("email") or {}).get("customEmails") or ()
    ]
    return _chosen(
        pool=pool,
        name=setting["name"],
        capacity={key: int(value) for key, value in default["capacity"].items()},
        rules=[describe_rule(rule) for rule in default["rules"]],
        recurring=recurring,
        notifications={"emails": emails} if emails else None,
    )


def _recurring(profile: Wire, end: Wire) -> Spec:
    begins, ends = profile["recurrence"]["schedule"], end["recurrence"]["schedule"]
    return _chosen(
        name=profile["name"],
        days=list(begins["days"]),
        start=f"{begins['hours'][0]:02}:{begins['minutes'][0]:02}",
        end=f"{ends['hours'][0]:02}:{ends['minutes'][0]:02}",
        timeZone=win_tz.get(begins["timeZone"], "UTC"),
        capacity={key: int(value) for key, value in profile["capacity"].items()},
        rules=[describe_rule(rule) for rule in profile["rules"]],
    )


def describe_rule(rule: Wire) -> Spec:
    """Return one metric rule."""
    trigger, action = rule["metricTrigger"], rule["scaleAction"]
    sign = 1 if action["direction"] == "Increase" else -1
    return _chosen(
        metric=trigger["metricName"],
        namespace=trigger.get("metricNamespace"),
        statistic=trigger["statistic"],
        aggregation=trigger["timeAggregation"],
        grain=_duration(trigger["timeGrain"]),
        operator=trigger["operator"],
        window=_duration(trigger["timeWindow"]),
        type=action["type"],
        change=sign * int(float(action["value"])),
        cooldown=_duration(action["cooldown"]),
    ) | {"threshold": wire_decimal(trigger["threshold"])}


def _duration(value: object) -> str:
    """Convert `PT10M` (or what an SDK model makes of it) to `10m`."""
    length = value if isinstance(value, timedelta) else parse_duration(str(value))
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
