"""doctor's warnings about profiles that no pool can take, and pools that no profile can use: a table."""

from typing import Any

import pytest
from azure.core.utils import CaseInsensitiveDict
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.checks.server_placement import capacity_of, placement_findings
from notebook_platform.azure.checks.vm_sizes import Size

from tests.unit.azure.specs import runbook_spec


def size(name: str, vcpus: int, memory: float, gpus: int = 0) -> Size:
    return Size(name, capabilities={"vCPUs": str(vcpus), "MemoryGB": str(memory), "GPUs": str(gpus)})


SIZES = CaseInsensitiveDict(
    {
        one.name: one
        for one in (
            size("Standard_D2s_v3", 2, 8),
            size("Standard_E8s_v5", 8, 64),
            size("Standard_NC4as_T4_v3", 4, 28, 1),
            size("Standard_NC24ads_A100_v4", 24, 220, 1),
        )
    }
)
USERS = {"name": "users", "mode": "User", "purpose": "User", "vmSize": "Standard_E8s_v5", "count": 1}
GPU = {
    "name": "gpu",
    "mode": "User",
    "purpose": "User",
    "vmSize": "Standard_NC4as_T4_v3",
    "count": 1,
    "nodeTaints": ["sku=gpu:NoSchedule"],
}
PLUGIN = [{"name": "plugin", "namespace": "kube-system", "chart": {"name": "nvidia-device-plugin", "version": "0.17.0"}}]


def found_for(
    *profiles: dict[str, Any],
    pools: tuple[dict[str, Any], ...] = (USERS, GPU),
    server: dict[str, Any] | None = None,
    **members: Any,
) -> list[tuple[str, str, str]]:
    """Return (profile, pool, sentence) of each finding."""
    named = [{"displayName": "x", "name": f"p{place}", **one} for place, one in enumerate(profiles)]
    hub = {
        "chart": {"version": "4.4.0"},
        "auth": {"dummy": {"insecure": True}},
        "singleUser": {**(server or {}), "profiles": named},
        **members.pop("hub", {}),
    }
    spec = runbook_spec(jupyterhub=hub, releases=PLUGIN, **members)
    spec["nodePools"] += pools
    parsed = NotebookPlatformSpec.model_validate(spec)
    assert parsed.jupyterhub
    found = placement_findings(parsed, parsed.jupyterhub, SIZES)
    assert not any(finding.blocks for finding in found) and all(finding.remedy for finding in found)
    return [(finding.profile, finding.pool, finding.sentence) for finding in found]


FIELD = "spec.jupyterhub.singleUser.profiles[p0]"


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ({}, None),
        ({"nodeSelector": {"agentpool": "users"}}, None),
        ({"nodeSelector": {"topology.kubernetes.io/zone": "eastus-1"}}, None),
        (
            {"nodeSelector": {"disk": "fast"}},
            f"{FIELD}.nodeSelector: no pool of spec.nodePools that can have nodes has the labels disk=fast",
        ),
        ({"nodeSelector": {"agentpool": "user"}}, f"{FIELD}.nodeSelector: no pool of spec.nodePools that can have nodes has"),
        ({"gpus": 1}, None),
        (
            {"gpus": 2},
            f"{FIELD} requests 2 graphics processors, and the nodes of spec.nodePools[gpu] (Standard_NC4as_T4_v3) have 1",
        ),
        ({"memory": {"guarantee": "60G"}}, None),
        (
            {"memory": {"guarantee": "63G"}},
            f"{FIELD} requests 63 GiB of memory, and the nodes of spec.nodePools[users] (Standard_E8s_v5)",
        ),
        ({"memory": {"guarantee": "1T"}}, f"{FIELD} requests 1024 GiB of memory"),
        (
            {"cpu": {"limit": "8"}},
            f"{FIELD} requests 8 CPUs, and the nodes of spec.nodePools[users] (Standard_E8s_v5) have 7.82 for pods",
        ),
        ({"cpu": {"guarantee": "7800m"}}, None),
        ({"gpus": 1, "memory": {"guarantee": "32G"}}, f"{FIELD} requests 32 GiB of memory"),
        (
            {"memory": {"limit": "512M"}},
            f"{FIELD}.memory.limit 512M is less than the guaranteed 1G, and Kubernetes rejects",
        ),
        ({"cpu": {"guarantee": "2", "limit": "1"}}, f"{FIELD}.cpu.limit 1 is less than the guaranteed 2"),
        (
            {
                "options": [
                    {"name": "o", "displayName": "o", "choices": [{"name": "c", "displayName": "c", "nodeSelector": {"a": "b"}}]}
                ]
            },
            f"{FIELD}.options[o].choices[c].nodeSelector: no pool",
        ),
    ],
)
def test_a_profile_is_compared_with_the_pools(profile: dict[str, Any], sentence: str | None) -> None:
    found = found_for(profile, {"gpus": 1})
    assert len(found) == (sentence is not None), found
    if sentence:
        assert found[0][0] == "p0" and found[0][2].startswith(sentence)


PLACE = "spec.jupyterhub.values.singleuser.profileList[0].kubespawner_override"
DEDICATED = {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ({}, None),
        ({"mem_guarantee": "60G", "cpu_guarantee": 2}, None),
        ({"mem_guarantee": 2**36}, f"{PLACE} requests 64 GiB of memory"),
        ({"node_selector": {"disk": "fast"}}, f"{PLACE}.node_selector: no pool of spec.nodePools"),
        ({"node_selector": {"agentpool": "gpu"}, "tolerations": [{"operator": "Exists"}]}, None),
        (
            {"node_selector": {"agentpool": "gpu"}, "tolerations": [DEDICATED]},
            f"{PLACE}: its servers do not tolerate the taint sku=gpu:NoSchedule of spec.nodePools[gpu]",
        ),
        ({"tolerations": []}, None),
        (
            {"tolerations": [], "node_selector": {"agentpool": "users"}},
            f"{PLACE}: its servers do not tolerate the taint hub.jupyter.org/dedicated=user:NoSchedule",
        ),
        ({"extra_resource_limits": {"nvidia.com/gpu": "2"}}, f"{PLACE} requests 2 graphics processors"),
        ({"cpu_guarantee": 2, "cpu_limit": 1}, f"{PLACE}.cpu_limit 1 is less than the guaranteed 2"),
        ({"cpu_guarantee": ["x"], "node_selector": "x", "tolerations": "x", "extra_resource_limits": 1}, None),
    ],
)
@pytest.mark.parametrize("place", ["singleuser.profileList", "hub.config.KubeSpawner.profile_list"])
def test_a_profile_in_values_is_compared_with_the_pools(place: str, override: dict[str, Any], sentence: str | None) -> None:
    """It takes the place of typed profiles, and the operator adds no tolerations to it."""
    values: Any = [{"display_name": "Big", "slug": "big", "kubespawner_override": override}, "odd"]
    for key in reversed(place.split(".")):
        values = {key: values}
    found = [one for one in found_for({"nodeSelector": {"no": "pool"}}, hub={"values": values}) if one[0]]
    assert len(found) == (sentence is not None), found
    if sentence:
        assert found[0][0] == "big" and found[0][2].startswith(sentence.replace("singleuser.profileList", place))


def test_a_pool_that_may_have_no_node_counts_for_nothing() -> None:
    (found,) = found_for({"nodeSelector": {"agentpool": "users"}}, pools=({**USERS, "count": 0},))
    assert "no pool of spec.nodePools that can have nodes" in found[2]


def test_node_provisioning_makes_other_nodes() -> None:
    spec = runbook_spec()
    cluster = {**spec["cluster"], "nodeProvisioning": "Auto"}
    assert found_for({"memory": {"guarantee": "1T"}}, {"nodeSelector": {"disk": "fast"}}, {"gpus": 1}, cluster=cluster) == []


@pytest.mark.parametrize(
    ("pool", "hub", "sentence"),
    [
        ({"purpose": None, "spot": {}}, {}, None),
        ({"spot": {}}, {}, None),
        ({"nodeTaints": ["a=b:NoSchedule"]}, {}, None),
    ],
)
def test_a_pool_for_users_is_used(pool: dict[str, Any], hub: dict[str, Any], sentence: str | None) -> None:
    assert found_for({}, pools=({**USERS, **pool},), hub=hub) == []


def test_a_pool_beside_those_for_users_is_named_when_no_server_tolerates_it() -> None:
    spare = {**USERS, "name": "spare", "purpose": None, "spot": {}}
    spec = runbook_spec(jupyterhub={"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}})
    spec["nodePools"] += [USERS, spare]
    parsed = NotebookPlatformSpec.model_validate(spec)
    assert parsed.jupyterhub
    (found,) = placement_findings(parsed, parsed.jupyterhub, SIZES)
    assert found.pool == "spare" and found.reason == "TaintNotTolerated" and "spec.nodePools[spare].purpose: User" in found.remedy
    assert found.sentence.startswith(
        "spec.nodePools[spare]: no user's server tolerates its taint kubernetes.azure.com/scalesetpriority=spot"
    )


def test_processors_need_the_device_plugin() -> None:
    spec = runbook_spec(
        jupyterhub={"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}, "singleUser": {"gpus": 1}}
    )
    spec["nodePools"] += [GPU]
    parsed = NotebookPlatformSpec.model_validate(spec)
    assert parsed.jupyterhub
    (found,) = placement_findings(parsed, parsed.jupyterhub, SIZES)
    assert "only with NVIDIA's device plugin" in found.sentence and "nvidia-device-plugin" in found.remedy


@pytest.mark.parametrize(
    ("vm_size", "members", "cpu", "memory", "gpus"),
    [
        ("Standard_D2s_v3", {}, 1.9, 8 - 2.0 - 0.0977, 0),
        ("Standard_E8s_v5", {}, 7.82, 64 - 2.1973 - 0.0977, 0),
        ("Standard_E8s_v5", {"maxPods": 30}, 7.82, 64 - 0.6348 - 0.0977, 0),
        ("Standard_NC24ads_A100_v4", {"gpu": {"instanceProfile": "MIG1g"}}, 23.74, 220 - 2.1973 - 0.0977, 7),
    ],
)
def test_capacity_of_a_node_for_pods(vm_size: str, members: dict[str, Any], cpu: float, memory: float, gpus: float) -> None:
    pool = NodePool.model_validate({"name": "one", "vmSize": vm_size, "count": 1, **members})
    room = capacity_of(pool, SIZES[vm_size])
    assert room == pytest.approx({"cpu": cpu, "memory": memory, "gpus": gpus}, abs=0.001)
