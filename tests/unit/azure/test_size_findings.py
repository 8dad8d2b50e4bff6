"""What the region's list of VM sizes says against a pool, and the quota for the surge nodes of an upgrade: tables."""

from typing import Any

import pytest
from azure.core.utils import CaseInsensitiveDict
from notebook_platform.api.node_pools import NodePool
from notebook_platform.azure.checks.quota import Demand, demands, surge_findings, surge_nodes
from notebook_platform.azure.checks.region import Offer, version_finding
from notebook_platform.azure.checks.vm_sizes import similar, size_findings, size_of

OFFICIAL, LTS = "KubernetesOfficial", "AKSLongTermSupport"


def sku(name: str, *, zones: tuple[str, ...] = ("1", "2", "3"), closed: tuple[str, ...] = (), **told: object) -> dict[str, Any]:
    capabilities = {"vCPUs": 4, "MemoryGB": 16, **told}
    restriction = {"type": "Zone", "values": ["eastus"], "restrictionInfo": {"locations": ["eastus"], "zones": list(closed)}}
    return {
        "name": name,
        "family": "StandardFamily",
        "locationInfo": [{"location": "EastUS", "zones": list(zones)}, {"location": "westus", "zones": ["9"]}],
        "capabilities": [{"name": key, "value": str(value)} for key, value in capabilities.items()],
        "restrictions": [restriction] if closed else [],
    }


KNOWN = CaseInsensitiveDict(
    {
        entry["name"]: size_of(entry, "eastus")
        for entry in (
            sku(
                "Standard_D4s_v5",
                GPUs=0,
                LowPriorityCapable="True",
                EphemeralOSDiskSupported="True",
                CachedDiskBytes=107374182400,
            ),
            sku("Standard_D4s_v4", zones=("1", "3"), closed=("3",)),
            sku("Standard_D4_old", zones=()),
            sku("Standard_B1s", vCPUs=1, MemoryGB=1, LowPriorityCapable="False", EphemeralOSDiskSupported="False"),
            sku("Standard_B2s", vCPUs=2, MemoryGB=3.5),
            sku("Standard_NC4as_T4_v3", GPUs=1),
            sku("Standard_E4-2s_v5", vCPUsAvailable=2),
        )
    }
)


def pool(**members: Any) -> NodePool:
    return NodePool.model_validate({"name": "one", "vmSize": "Standard_D4s_v5", "count": 1, **members})


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("Standard_M128ms", []),
        ("Standard_D4s_v6", ["Standard_D4s_v5", "Standard_D4s_v4", "Standard_D4_old"]),
        ("Standard_B4ms", ["Standard_B2s"]),
        ("Standard_B16ms", []),
        ("Standard_E2s_v4", ["Standard_E4-2s_v5"]),
        ("Standrd_D4s_v5", ["Standard_D4s_v5"]),
        ("large", []),
    ],
)
def test_a_size_is_suggested_only_when_its_vcpus_and_memory_are_near(wanted: str, near: list[str]) -> None:
    assert similar(wanted, KNOWN) == near


@pytest.mark.parametrize(
    ("members", "reason", "words"),
    [
        ({}, None, ""),
        ({"vmSize": "standard_d4S_V5", "availabilityZones": ["1", "2", "3"]}, None, ""),
        (
            {"vmSize": "Standard_D4S_v6"},
            "VmSizeNotAvailable",
            "Standard_D4S_v6 is not offered in eastus; similar: Standard_D4s_v",
        ),
        ({"vmSize": "Standard_D4s_v4", "availabilityZones": ["1"]}, None, ""),
        (
            {"vmSize": "Standard_D4s_v4", "availabilityZones": ["1", "2", "3"]},
            "ZoneNotOffered",
            "availabilityZones 2, 3: eastus offers Standard_D4s_v4 to the subscription only in zone 1",
        ),
        (
            {"vmSize": "Standard_D4_old", "availabilityZones": ["1"]},
            "ZoneNotOffered",
            "eastus offers Standard_D4_old to the subscription without zones",
        ),
        ({"vmSize": "Standard_B1s"}, "VmSizeUnsuitable", ".vmSize: Standard_B1s has less than the 2 vCPUs"),
        ({"vmSize": "Standard_B2s"}, None, ""),
        (
            {"vmSize": "Standard_B2s", "mode": "System"},
            "VmSizeUnsuitable",
            "has less than the 4 GiB of memory that a System pool",
        ),
        ({"vmSize": "Standard_B1s", "spot": {}}, "VmSizeUnsuitable", ".spot: Standard_B1s is not offered as Spot"),
        ({"spot": {}}, None, ""),
        ({"vmSize": "Standard_B1s", "osDiskType": "Ephemeral"}, "VmSizeUnsuitable", ".osDiskType: Standard_B1s has no ephemeral"),
        ({"osDiskType": "Ephemeral", "osDiskSizeGB": 100}, None, ""),
        ({"osDiskType": "Ephemeral", "osDiskSizeGB": 101}, "VmSizeUnsuitable", ".osDiskSizeGB: Standard_D4s_v5 has less room"),
        ({"gpu": {}}, "VmSizeUnsuitable", ".gpu: Standard_D4s_v5 has no graphics processors"),
        ({"vmSize": "Standard_NC4as_T4_v3", "gpu": {}}, None, ""),
    ],
)
def test_features_that_a_vm_size_lacks_are_found_by_pool(members: dict[str, Any], reason: str | None, words: str) -> None:
    found = list(size_findings(pool(**members), KNOWN, "eastus"))
    assert [f.pool for f in found] == ["one"] * len(found) and all(f.remedy and f.blocks for f in found)
    if reason is None:
        assert found == []
    else:
        assert any(f.reason == reason and words in f.sentence for f in found), found


def test_a_size_with_fewer_cores_counts_all_of_them_against_the_quota() -> None:
    size = KNOWN["Standard_E4-2s_v5"]
    assert (size.vcpus, size.quota_vcpus) == (2, 4)


@pytest.mark.parametrize(
    ("surge", "nodes", "more"),
    [(None, 3, 1), (None, 11, 2), ("33%", 3, 1), ("33%", 7, 3), ("100%", 4, 4), ("2", 5, 2), ("5", 2, 2), ("50%", 0, 0)],
)
def test_the_surge_of_an_upgrade(surge: str | None, nodes: int, more: int) -> None:
    assert surge_nodes(pool(maxSurge=surge), nodes) == more


def test_the_largest_surge_counts_because_pools_are_upgraded_one_after_another() -> None:
    pools = [pool(name="small", count=2), pool(name="large", count=9, maxSurge="33%"), pool(name="spot", count=8, spot={})]
    wanted = demands(pools, KNOWN)
    assert wanted["cores"] == wanted["standardfamily"] == Demand(first=44, most=44, surge=12, pool="large")
    assert wanted["lowprioritycores"] == Demand(first=32, most=32, surge=4, pool="spot")


@pytest.mark.parametrize(
    ("upgrade", "free", "reason", "words"),
    [
        ("1.36", 12, None, ""),
        (
            "1.36",
            11,
            "QuotaExceeded",
            "The upgrade to 1.36 needs 12 more vCPUs for the surge nodes of spec.nodePools[large] but only 11 are",
        ),
        ("", 56, None, ""),
        (
            "",
            55,
            "QuotaTight",
            "An upgrade of Kubernetes needs 12 more vCPUs for the surge nodes of spec.nodePools[large] but only 11 stay",
        ),
        ("", 43, None, ""),
    ],
)
def test_the_quota_for_the_surge(upgrade: str, free: int, reason: str | None, words: str) -> None:
    wanted = {"cores": Demand(first=44, most=44, surge=12, pool="large")}
    found = list(surge_findings(wanted, {"cores": ("Total Regional vCPUs", free)}, "eastus", upgrade=upgrade))
    assert [finding.reason for finding in found] == ([reason] if reason else [])
    for finding in found:
        assert (
            words in finding.sentence and finding.blocks == bool(upgrade) and "spec.nodePools[large].maxSurge" in finding.remedy
        )


OFFERS = (
    Offer("1.31", frozenset({"1.31.9"}), frozenset({LTS})),
    Offer("1.34", frozenset({"1.34.1"}), frozenset({OFFICIAL, LTS})),
    Offer("1.35", frozenset({"1.35.0"}), frozenset({OFFICIAL})),
    Offer("1.36", frozenset({"1.36.0"}), frozenset({OFFICIAL}), preview=True),
)


@pytest.mark.parametrize(
    ("wanted", "plan", "good", "words"),
    [
        ("1.34", OFFICIAL, True, "1.34 is offered in eastus, as are 1.35"),
        ("1.36.0", OFFICIAL, True, "1.36.0 is offered"),
        ("1.36", OFFICIAL, False, "1.36 is not offered in eastus; offered: 1.34, 1.35"),
        ("1.31", OFFICIAL, False, "1.31 is offered in eastus with long-term support only"),
        ("1.31.9", OFFICIAL, False, "1.31.9 is offered in eastus with long-term support only"),
        ("1.31.9", LTS, True, "1.31.9 is offered in eastus, as are 1.31, 1.34"),
        (
            "1.35",
            LTS,
            False,
            "1.35 is not offered in eastus for spec.cluster.supportPlan AKSLongTermSupport; offered: 1.31, 1.34",
        ),
        ("1.19", OFFICIAL, False, "1.19 is not offered in eastus; offered: 1.34, 1.35"),
    ],
)
def test_a_version_is_judged_under_the_support_plan(wanted: str, plan: str, good: bool, words: str) -> None:
    finding = version_finding(OFFERS, wanted, plan, "eastus")
    assert (finding.reason is None) == good and words in finding.sentence
    if "long-term support only" in words:
        assert finding.remedy.startswith("Set spec.cluster.supportPlan: AKSLongTermSupport and spec.cluster.tier: Premium, or")
