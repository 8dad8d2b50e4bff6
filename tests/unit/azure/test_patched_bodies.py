"""What a patch adds to the body that Azure receives, and the gates of its changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import yaml
from notebook_platform import outputs
from notebook_platform.api.node_pools import NodePool
from notebook_platform.azure.agent_pools import Version, initial_count, pool_body, pool_changes
from notebook_platform.azure.cluster_body import desired_cluster
from notebook_platform.azure.cluster_changes import cluster_changes
from notebook_platform.azure.cluster_patch import cluster_patch, judged_changes
from notebook_platform.azure.patch_changes import PATCH_TAG, sent_tag
from notebook_platform.engine import Action, Change
from notebook_platform.engine.change import Disruptive, Impossible

from sandbox.operator_process import ROOT
from tests.unit.azure.patches import NOW, PROXY, SCALE_SET, autoscale, body_of, cluster, nested, parsed, pool


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


def test_a_patched_member_that_azure_does_not_keep_is_sent_twice_and_then_daily() -> None:
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
