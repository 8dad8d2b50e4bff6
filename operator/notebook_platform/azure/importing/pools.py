"""Convert agent pools to items of spec.nodePools. Pure: wire forms in, members of the spec out."""

from collections.abc import Mapping
from typing import Any

from notebook_platform.api.numbers import wire_decimal
from notebook_platform.api.pool_nodes import PURPOSE_LABEL, SPOT_LABEL, SPOT_TAINT, USER_TAINT
from notebook_platform.azure.importing.describe import Spec, Wire, chosen

AKS_DISK_GB = 128
AKS_MAX_PODS = frozenset({30, 110, 250})
AKS_MAX_SURGE = "10%"
"""Defaults of AKS by network plugin; any other number was chosen."""


def obstacle(pool: Wire) -> str | None:
    """Return why spec.nodePools cannot hold a pool, as a clause; None: it can."""
    if str(pool.get("osType") or "Linux").lower() != "linux":
        return f"its nodes run {pool['osType']}"
    kind = str(pool.get("type") or "VirtualMachineScaleSets")
    if kind.lower() != "virtualmachinescalesets":
        return f"it is of type {kind}"
    if str(pool.get("mode") or "System") not in ("System", "User"):
        return f"its mode is {pool['mode']}"
    return None if pool.get("vmSize") else "it has no VM size of its own"


def describe_pool(pool: Wire, default_subnet: str | None, managed: Mapping[str, str]) -> Spec:
    """Return one item of spec.nodePools. `managed`: names of the platform's subnets by lower-case id."""
    labels, taints = dict(pool.get("nodeLabels") or {}), list(pool.get("nodeTaints") or ())
    mode = pool.get("mode") or "System"  # clusters of before 2020: every pool was what is called System today
    purpose = {"core": "Core", "user": "User"}.get(labels.pop(PURPOSE_LABEL, ""))
    if purpose == "User" and (USER_TAINT not in taints or mode != "User"):
        labels[PURPOSE_LABEL], purpose = "user", None
    labels.pop(SPOT_LABEL, None)
    derived = {SPOT_TAINT, *([USER_TAINT] if purpose == "User" else [])}
    spot = str(pool.get("scaleSetPriority")).lower() == "spot"
    subnet = str(pool.get("vnetSubnetID") or "").lower()
    elsewhere = bool(subnet) and subnet != (default_subnet or "").lower()
    gpu, surge = pool.get("gpuProfile") or {}, (pool.get("upgradeSettings") or {}).get("maxSurge")
    return chosen(
        name=pool["name"],
        mode=mode,
        purpose=purpose,
        vmSize=pool["vmSize"],
        **_count(pool, mode),
        maxPods=pool.get("maxPods") if pool.get("maxPods") not in AKS_MAX_PODS else None,
        maxSurge=surge if surge != AKS_MAX_SURGE else None,
        osDiskSizeGB=pool.get("osDiskSizeGB") if pool.get("osDiskSizeGB") not in (0, AKS_DISK_GB) else None,
        osDiskType="Ephemeral" if pool.get("osDiskType") == "Ephemeral" else None,
        osSKU="AzureLinux" if pool.get("osSKU") == "AzureLinux" else None,
        availabilityZones=list(pool.get("availabilityZones") or ()),
        spot=_spot(pool) if spot else None,
        gpu=chosen(driver=gpu.get("driver"), instanceProfile=pool.get("gpuInstanceProfile")),
        subnet=managed.get(subnet) if elsewhere else None,
        subnetId=pool.get("vnetSubnetID") if elsewhere and subnet not in managed else None,
        nodeLabels=labels,
        nodeTaints=list(dict.fromkeys(taint for taint in taints if taint not in derived)),
    )


def _count(pool: Wire, mode: str) -> Spec:
    """Return the number of nodes, or its bounds. A System pool of a stopped cluster may show none."""
    least = 1 if mode == "System" else 0
    if pool.get("enableAutoScaling") and pool.get("maxCount"):
        return {"autoscaling": {"minCount": max(least, int(pool.get("minCount") or 0)), "maxCount": pool["maxCount"]}}
    count = pool.get("count")
    return {"count": max(least, int(count if count is not None else 1))}


def _spot(pool: Wire) -> dict[str, Any]:
    price = pool.get("spotMaxPrice")
    return chosen(maxPrice=wire_decimal(-1 if price is None else price), evictionPolicy=pool.get("scaleSetEvictionPolicy"))
