"""spec.cluster.patch, spec.nodePools[].patch and spec.autoscale[].patch: what they refuse, and the changes that they ask for."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform import outputs
from notebook_platform.api.autoscale import Autoscale
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.patches import AUTOSCALE, CLUSTER, PLACES, POOL
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import Version, initial_count, pool_body, pool_changes
from notebook_platform.azure.autoscale_body import setting_properties
from notebook_platform.azure.autoscale_patch import patched_setting
from notebook_platform.azure.cluster_body import desired_cluster
from notebook_platform.azure.cluster_changes import cluster_changes
from notebook_platform.azure.cluster_patch import cluster_patch, judged_changes, patched_cluster
from notebook_platform.azure.merge_patch import leaves
from notebook_platform.azure.patch_changes import PATCH_TAG, sent_tag
from notebook_platform.azure.patches import secret_members
from notebook_platform.engine import Action, Change, StepError
from notebook_platform.engine.change import Disruptive, Impossible
from notebook_platform.engine.outcome import Failed
from notebook_platform.paths import at

from sandbox.azure.world import SUBSCRIPTION
from sandbox.operator_process import ROOT
from tests.properties import at_most
from tests.unit.azure.specs import runbook_spec, with_cluster
from tests.unit.test_reasons import unknown

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
SCALE_SET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/aks-nodepool1-1-vmss"
PROXY = {"properties": {"httpProxyConfig": {"httpProxy": "http://proxy.example.org:3128", "noProxy": ["10.0.0.0/8"]}}}


def parsed(cluster_patch: Mapping[str, Any] | None = None, **members: Any) -> NotebookPlatformSpec:
    return NotebookPlatformSpec.model_validate(with_cluster(patch=dict(cluster_patch or {}), **members))


def body_of(spec: NotebookPlatformSpec) -> dict[str, Any]:
    identity = outputs.Identity(type="SystemAssigned")
    return patched_cluster(
        spec, None, network=None, identity=identity, ssh_key=spec.cluster.ssh_public_key, tags={"a": "b"}, now=NOW
    )


def cluster(patch: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return body_of(parsed(patch, **members))


def pool(patch: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    spec = NodePool.model_validate({"name": "users", "vmSize": "Standard_D4s_v3", "count": 2, "patch": patch, **members})
    return pool_body(spec, subnet_id=None, tags={"a": "b"}, now=NOW)


def autoscale(patch: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    setting = Autoscale.model_validate({**runbook_spec()["autoscale"][0], "patch": patch, **members})
    body = {"location": "eastus", "tags": {"a": "b"}, "properties": setting_properties(setting, "n", SCALE_SET)}
    return patched_setting(setting, body, "n", SCALE_SET)


MAKERS = {"spec.cluster.patch": cluster, "spec.nodePools[].patch": pool, "spec.autoscale[].patch": autoscale}


def nested(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    found: dict[str, Any] = value
    return found


def refused(maker: Any, patch: Mapping[str, Any], **members: Any) -> Failed:
    with pytest.raises(StepError) as caught:
        maker(patch, **members)
    failed = caught.value.failed
    assert failed.reason == "PatchRefused" and failed.remedy and failed.retry_in is None
    return failed


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


SECRETS: dict[str, Any] = {
    "a password": {"adminPassword": "hunter2-hunter2"},
    "a number": {"pin": {"password": 12345678}},
    "a token in a list": {"tokens": ["abcdef"]},
    "a secret in an object": {"clientSecret": {"value": "abcdef"}},
    "a key": {"config": {"sharedKey": "abcdef=="}},
    "a proxy with a password": {"httpProxyConfig": {"httpsProxy": "https://user:pa55@proxy.example.org"}},
    "a signed webhook": {"notifications": [{"webhooks": [{"serviceUri": "https://hooks.example.org/x?code=abcdef"}]}]},
    "a private key": {"x": "-----BEGIN RSA PRIVATE KEY-----\nabc"},
    "a connection string": {"x": "Endpoint=sb://x;SharedAccessKey=abc"},
    "a header": {"headers": ["Bearer abcdef"]},
    "a JSON web token": {"x": "eyJhbGciOi.eyJzdWIiOi.abc"},
}
NO_SECRETS: dict[str, Any] = {
    "an add-on": {
        "addonProfiles": {"azureKeyvaultSecretsProvider": {"enabled": True, "config": {"enableSecretRotation": "true"}}}
    },
    "a key of a vault": {
        "securityProfile": {"azureKeyVaultKms": {"enabled": True, "keyId": "https://v.vault.azure.net/keys/k/1"}}
    },
    "public keys": {"linuxProfile": {"ssh": {"publicKeys": [{"keyData": "ssh-rsa AAAAB3NzaC1yc2E= a"}]}}},
    "a certificate": {"httpProxyConfig": {"trustedCa": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"}},
    "an id": {"credential": "/subscriptions/s/resourceGroups/g"},
    "a switch": {"useToken": "true", "rotateSecret": False},
    "a removal": {"adminPassword": None},
    "a URL": {"httpProxyConfig": {"httpProxy": "http://proxy.example.org:3128/?a=b"}},
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_likely_secret_is_refused_and_not_repeated(name: str) -> None:
    failed = refused(autoscale if "webhook" in name else cluster, {"properties": SECRETS[name]})
    assert "appears to hold a secret" in failed.message or "it is a secret" in failed.message
    for keys, value in leaves(SECRETS[name]):
        for word in re.findall(r"hunter2\S*|12345678|abcdef\S*|pa55|BEGIN|eyJ\S*|abc$", str(value)):
            assert word not in f"{failed.message} {failed.remedy}", keys


@pytest.mark.parametrize("name", NO_SECRETS)
def test_a_member_with_a_similar_name_is_no_secret(name: str) -> None:
    assert list(secret_members(NO_SECRETS[name])) == []


def test_a_secret_is_not_repeated_as_a_contradiction() -> None:
    patch = {
        "properties": {
            "networkProfile": {"networkPolicy": "https://user:pa55@x.example.org"},
            "aadProfile": {"tenantID": "x" * 200},
        }
    }
    failed = refused(cluster, patch, network={"policy": "calico"}, entra={"tenantId": "11111111-1111-1111-1111-111111111111"})
    assert "networkPolicy appears to hold a secret" in failed.message and "pa55" not in failed.message
    assert len(failed.message) < 600 and f'"{"x" * 79}..., but spec.cluster.entra sets' in failed.message


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


def test_a_patch_sets_adds_and_removes_members() -> None:
    patch = {
        "properties": {
            "dnsPrefix": None,
            "fqdnSubdomain": "hub",
            "networkProfile": {"outboundType": "block"},
            **PROXY["properties"],
        }
    }
    found, typed = cluster(patch)["properties"], cluster({})["properties"]
    assert found["dnsPrefix"] is None and found["fqdnSubdomain"] == "hub"
    assert found["networkProfile"] == {**typed["networkProfile"], "outboundType": "block"}
    assert found["httpProxyConfig"] == PROXY["properties"]["httpProxyConfig"]
    assert cluster({"sku": {"tier": "Standard"}}, tier="Standard") == cluster({}, tier="Standard"), (
        "the same value is no contradiction"
    )


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


def changes_of(patch: Mapping[str, Any], found: dict[str, Any], now: datetime = NOW) -> list[Change]:
    spec = parsed(patch)
    return judged_changes(list(cluster_changes(body_of(spec), found)), cluster_patch(spec), found, now)


def existing(**properties: Any) -> dict[str, Any]:
    spec = parsed()
    body = desired_cluster(spec, network=None, identity=outputs.Identity(type="SystemAssigned"), ssh_key=spec.cluster.ssh_public_key,
                           tags={"a": "b"}, now=NOW)  # fmt: skip
    return {**body, "properties": {**body["properties"], "provisioningState": "Succeeded", **properties}}


def test_a_change_of_the_patch_has_the_gate_of_its_member() -> None:
    (plain,) = changes_of({"properties": {"storageProfile": {"diskCSIDriver": {"enabled": False}}}}, existing())
    assert plain.path == "properties.storageProfile.diskCSIDriver.enabled" and plain.gate is None
    (proxy, ranges) = changes_of(PROXY, existing())
    assert isinstance(proxy.gate, Disruptive) and isinstance(ranges.gate, Disruptive)
    (fixed,) = changes_of({"properties": {"diskEncryptionSetID": "/subscriptions/x"}}, existing())
    assert fixed.action is Action.REPLACE and isinstance(fixed.gate, Impossible)
    assert fixed.gate.failed.message == (
        "spec.cluster.patch.properties.diskEncryptionSetID is '/subscriptions/x', but Azure has None, and the member is immutable"
    )
    (typed,) = changes_of({"properties": {"networkProfile": {"podCidr": "10.9.0.0/16"}}}, existing())
    assert isinstance(typed.gate, Impossible) and typed.gate.failed.message.startswith(
        "spec.cluster.patch.properties.networkProfile.podCidr"
    )


def test_what_azure_does_not_keep_is_sent_twice_and_then_once_a_day() -> None:
    patch, found = {"properties": {"storageProfile": {"version": "v2"}}}, existing(storageProfile={"version": "V1"})
    spec, now = parsed(patch), NOW
    for day, expected in enumerate((2, 1, 1)):
        now = NOW + timedelta(days=day)
        for _ in range(expected):
            (change,) = changes_of(patch, found, now)
            assert change.gate is None
            found = {**found, "tags": {**found["tags"], **sent_tag([change], cluster_patch(spec), found["tags"], now)}}
        (change,) = changes_of(patch, found, now)
        assert isinstance(change.gate, Impossible) and change.gate.failed.reason == "PatchNotKept"
        assert change.gate.failed.message == (
            "spec.cluster.patch.properties.storageProfile.version: Azure accepted 'v2' 2 times and returns 'V1'"
        )
    other = {**found, "properties": {**found["properties"], "storageProfile": {"version": "v3"}}}
    assert changes_of(patch, other, now)[0].gate is None, "another value is another difference: drift"
    many = [Change(path="", action=Action.UPDATE, keys=("properties", f"m{n}"), after=n) for n in range(200)]
    tag = sent_tag(many, cluster_patch(parsed({"properties": {f"m{n}": n for n in range(200)}})), None, NOW)
    assert len(tag[PATCH_TAG]) <= 256


def test_an_immutable_member_of_a_pool_replaces_it() -> None:
    spec = NodePool.model_validate(
        {
            "name": "users",
            "vmSize": "Standard_D4s_v3",
            "count": 2,
            "patch": {"properties": {"kubeletConfig": {"cpuCfsQuota": False}}},
        }
    )
    wanted = pool_body(spec, subnet_id=None, tags={}, now=NOW)
    (change,) = pool_changes(
        "users", wanted, initial_count(spec), Version("1.35"), {**pool({}), "tags": {}, "currentOrchestratorVersion": "1.35.1"}
    )
    assert change.path == "agentPools[users].kubeletConfig.cpuCfsQuota" and change.action is Action.REPLACE


def test_the_example_of_the_documentation_is_accepted() -> None:
    text = (ROOT / "docs" / "patch.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    example = yaml.safe_load(text)["spec"]
    patched = cluster(example["cluster"]["patch"])["properties"]
    assert patched["networkProfile"]["outboundType"] == "block" and patched["addonProfiles"] == {"azurepolicy": {"enabled": True}}
    (users,) = example["nodePools"]
    assert pool_body(NodePool.model_validate(users), subnet_id=None, tags={}, now=NOW)["kubeletConfig"] == {"podMaxPids": 4096}
    (setting,) = example["autoscale"]
    assert autoscale(**setting)["properties"]["predictiveAutoscalePolicy"]["scaleMode"] == "ForecastOnly"


def test_a_rule_without_a_resource_is_about_the_scale_set_of_the_pool() -> None:
    profile = {
        "name": "p",
        "capacity": {"minimum": "3", "maximum": "6", "default": "3"},
        "rules": [{"metricTrigger": {"metricName": "m"}}],
    }
    (found,) = autoscale(nested("properties.profiles", [profile]), rules=[])["properties"]["profiles"]
    assert found["rules"][0]["metricTrigger"] == {"metricResourceUri": SCALE_SET, "metricName": "m"}
    removed = autoscale({"properties": {"enabled": None}})["properties"]
    assert (
        removed["enabled"] is None
        and removed["profiles"] == autoscale({"properties": {"enabled": False}})["properties"]["profiles"]
    )
