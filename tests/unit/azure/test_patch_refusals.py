"""spec.cluster.patch, spec.nodePools[].patch and spec.autoscale[].patch: guarded members, contradictions and limits are refused."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.patches import AUTOSCALE, CLUSTER, PLACES, POOL
from notebook_platform.azure.merge_patch import leaves
from notebook_platform.engine import StepError
from notebook_platform.paths import at

from sandbox.azure.world import SUBSCRIPTION
from tests.properties import at_most
from tests.unit.azure.patches import MAKERS, autoscale, cluster, nested, pool, refused
from tests.unit.test_reasons import unknown

GUARDED = [(place, path, member) for place, members in PLACES.items() for path, member in members.items()]


@pytest.mark.parametrize(("place", "path", "member"), GUARDED, ids=[f"{place}:{path}" for place, path, _ in GUARDED])
def test_a_guarded_member_is_refused_in_any_spelling_and_with_any_value(place: str, path: str, member: Any) -> None:
    for value in ("x", None, {}, [], 5):
        failed = refused(MAKERS[place], nested(path, value))
        assert f"patch.{path} cannot be set: {member.because}" in failed.message and failed.remedy == member.remedy
    for spelled in (path.upper(), path.title().swapcase()):
        failed = refused(MAKERS[place], nested(spelled, "x"))
        assert "in another spelling" in failed.message and failed.remedy.startswith("Write it as ")


OTHERWISE: dict[str, tuple[Any, dict[str, Any], dict[str, Any], str]] = {
    "a typed field with another value": (
        cluster,
        {"sku": {"tier": "Premium"}},
        {"tier": "Standard"},
        'spec.cluster.patch.sku.tier is "Premium", but spec.cluster.tier sets "Standard"',
    ),
    "removal of a typed field": (
        cluster,
        nested("properties.autoUpgradeProfile.upgradeChannel", None),
        {"upgrades": {"channel": "patch"}},
        'is null, but spec.cluster.upgrades.channel sets "patch"',
    ),
    "a typed list": (
        cluster,
        nested("properties.apiServerAccessProfile.authorizedIPRanges", []),
        {"apiServer": {"authorizedIPRanges": ["192.0.2.0/24"]}},
        "but spec.cluster.apiServer.authorizedIPRanges sets",
    ),
    "a typed object": (
        cluster,
        nested("properties.networkProfile", None),
        {},
        "spec.cluster.patch.properties.networkProfile would replace an object of the spec",
    ),
    "all properties": (cluster, {"properties": None}, {}, "spec.cluster.patch.properties would replace an object of the spec"),
    "a taint of purpose": (
        pool,
        nested("properties.nodeTaints", ["a=b:NoSchedule"]),
        {"mode": "User", "purpose": "User"},
        "but spec.nodePools[users].nodeTaints sets",
    ),
    "a label": (
        pool,
        {"properties": {"nodeLabels": {"team": "a"}}},
        {"nodeLabels": {"team": "b"}},
        'is "a", but spec.nodePools[users].nodeLabels sets "b"',
    ),
    "a system disk": (
        pool,
        nested("properties.osDiskSizeGB", 64),
        {"osDiskSizeGB": 128},
        "is 64, but spec.nodePools[users].osDiskSizeGB sets 128",
    ),
    "profiles and rules": (
        autoscale,
        nested("properties.profiles", [{"name": "p", "capacity": {"minimum": "3", "maximum": "6", "default": "3"}, "rules": []}]),
        {},
        "but spec.autoscale[nodepool1].rules and recurring sets",
    ),
    "profiles of another capacity": (
        autoscale,
        nested("properties.profiles", [{"name": "p", "capacity": {"minimum": "1", "maximum": "9", "default": "1"}, "rules": []}]),
        {"rules": []},
        "spec.autoscale[nodepool1].patch.properties.profiles has no profile with the bounds of spec.autoscale[nodepool1].capacity",
    ),
    "profiles that are none": (
        autoscale,
        nested("properties.profiles", ["x"]),
        {"rules": []},
        "profiles is not a list of profiles",
    ),
    "no profiles": (autoscale, nested("properties.profiles", None), {"rules": []}, "profiles is not a list of profiles"),
    "a duration that is none": (
        autoscale,
        nested("properties.predictiveAutoscalePolicy", {"scaleMode": "Enabled", "scaleLookAheadTime": "soon"}),
        {},
        "spec.autoscale[nodepool1].patch has a value that does not match the schema of Azure Monitor's API version 2022-10-01",
    ),
    "a member of no API version": (
        autoscale,
        nested("properties.predictivePolicy.scaleMode", "Enabled"),
        {},
        "spec.autoscale[nodepool1].patch.properties.predictivePolicy.scaleMode is not known to Azure Monitor's API version 2022-10-01",
    ),
    "a member outside properties": (
        pool,
        {"kubeletConfig": {"cpuCfsQuota": False}},
        {},
        "spec.nodePools[users].patch.kubeletConfig is not a member that Azure reads",
    ),
    "two spellings in the patch": (
        cluster,
        {"properties": {"storageProfile": {}, "StorageProfile": {}}},
        {},
        "spec.cluster.patch.properties.StorageProfile is storageProfile in another spelling",
    ),
    "the Kelvin sign": (
        cluster,
        {"properties": {"\u212aubernetesVersion": "1.36"}},
        {},
        "is kubernetesVersion in another spelling",
    ),
    "the long s": (cluster, {"tag\u017f": {}}, {}, "is tags in another spelling"),
    "too many bytes": (cluster, {"properties": {"x": "y" * 17_000}}, {}, "spec.cluster.patch: it is larger than 16384 bytes"),
    "too deep": (
        cluster,
        nested(".".join("properties" for _ in range(20)), 1),
        {},
        "spec.cluster.patch: it is nested deeper than 16",
    ),
    "too many values": (cluster, {"properties": {"x": [0] * 1001}}, {}, "spec.cluster.patch: it has more than 1000 values"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_patch_is_refused_with_both_paths_and_a_remedy(name: str) -> None:
    maker, patch, members, words = OTHERWISE[name]
    assert words in refused(maker, patch, **members).message


EVERYTHING: dict[str, Any] = {
    "tier": "Premium",
    "supportPlan": "AKSLongTermSupport",
    "upgrades": {"channel": "patch", "nodeOSChannel": "None"},
    "network": {"pluginMode": "overlay", "podCidr": "192.168.0.0/16", "policy": "cilium"},
    "apiServer": {"private": True, "privateDNSZone": "system"},
    "entra": {"adminGroupObjectIDs": ["11111111-1111-1111-1111-111111111111"], "azureRBAC": True},
    "localAccounts": False,
    "oidcIssuer": True,
    "workloadIdentity": True,
    "autoscalerProfile": {"scanInterval": "20s"},
    "nodeProvisioning": "Auto",
    "monitoring": {
        "workspaceId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/logs"
    },
}
EVERYTHING_OF_A_POOL: dict[str, Any] = {
    "mode": "User",
    "purpose": "User",
    "maxPods": 50,
    "maxSurge": "2",
    "osDiskSizeGB": 64,
    "osDiskType": "Ephemeral",
    "osSKU": "AzureLinux",
    "availabilityZones": ["1"],
    "spot": {"maxPrice": "0.5"},
    "gpu": {"driver": "None", "instanceProfile": "MIG1g"},
    "nodeLabels": {"a": "b"},
}


@pytest.mark.parametrize("place", ["spec.cluster.patch", "spec.nodePools[].patch"])
def test_each_member_of_a_typed_field_names_its_field_when_a_patch_contradicts_it(place: str) -> None:
    of_cluster = place == "spec.cluster.patch"
    members = EVERYTHING if of_cluster else EVERYTHING_OF_A_POOL
    whole, plain = MAKERS[place]({}, **members), MAKERS[place]({})
    checked = 0
    for keys, value in leaves(whole if of_cluster else {"properties": whole}):
        guarded = any(".".join(keys[:length]) in PLACES[place] for length in range(1, len(keys) + 1))
        if guarded or not value or at(plain if of_cluster else {"properties": plain}, *keys) == value:
            continue
        patch: Any = ["another"]
        for name in reversed(keys):
            patch = {name: patch}
        failed = refused(MAKERS[place], patch, **members)
        owner = re.search(r", but (spec\.\S+) sets ", failed.message)
        assert owner and owner[1] not in ("spec.cluster", "spec.nodePools[users]") and unknown(owner[1]) == [], (
            keys,
            failed.message,
        )
        checked += 1
    assert checked >= 12


NAMES = st.sampled_from(
    ["a", "properties", "sku", "storageProfile", "kubeletConfig", *(p.split(".")[-1] for p in (*CLUSTER, *POOL, *AUTOSCALE))]
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["x", "Standard"])),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=10,
)
PATCHES = st.fixed_dictionaries(
    {}, optional={"properties": st.dictionaries(NAMES, ANYTHING, max_size=4), "tags": ANYTHING, "sku": ANYTHING}
)


@pytest.mark.parametrize("place", PLACES)
@at_most(60)
@given(patch=PATCHES)
def test_no_patch_changes_a_guarded_member_and_each_leaf_is_in_the_body(place: str, patch: dict[str, Any]) -> None:
    maker = MAKERS[place]
    before = maker({})
    try:
        after = maker(patch)
    except StepError as error:
        assert error.failed.reason == "PatchRefused"
        return
    if place == "spec.nodePools[].patch":
        before, after = {"properties": before}, {"properties": after}
    for path in PLACES[place]:
        assert at(after, *path.split(".")) == at(before, *path.split("."))
    for keys, value in leaves(patch):
        assert value == {} or keys == ("properties", "profiles") or at(after, *keys) == value
