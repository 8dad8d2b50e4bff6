"""The differences of clusters and agent pools on plain data: states, versions, counts, identities, what AKS changes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import Version, initial_count, pool_body, pool_changes
from notebook_platform.azure.cluster_body import desired_cluster, updated_cluster, with_identities_named
from notebook_platform.azure.cluster_changes import IMMUTABLE, STATE_PATH, VERSION_PATH, cluster_changes
from notebook_platform.azure.repair import REPAIRS, REPAIRS_TAG, next_repair
from notebook_platform.azure.states import is_busy, is_unfinished
from notebook_platform.azure.versions import follows, reached
from notebook_platform.engine import StepError
from notebook_platform.engine.change import Change, Disruptive, Impossible, merged

from tests.unit.azure.specs import runbook_spec

NOW = datetime(2026, 11, 27, tzinfo=UTC)
IDENTITY_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/hub"
MANAGED = outputs.Identity(type="UserAssigned", identity_id=IDENTITY_ID, principal_id="11111111-1111-1111-1111-111111111111")


def desired(identity: outputs.Identity = MANAGED, **cluster: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["cluster"] |= cluster
    parsed = NotebookPlatformSpec.model_validate(spec)
    return desired_cluster(parsed, network=None, identity=identity, ssh_key=None, tags={}, now=NOW)


def existing(identity: outputs.Identity = MANAGED, **cluster: Any) -> dict[str, Any]:
    body = desired(identity, **cluster)
    return {**body, "properties": {**body["properties"], "provisioningState": "Succeeded", "currentKubernetesVersion": "1.35.1"}}


def pool(now: dict[str, Any], *, monitored: bool = False, **members: Any) -> list[Change]:
    """Return the changes of a pool of the spec with `members`, which exists as it was made but for the members of `now`."""
    spec = runbook_spec()
    spec["nodePools"] = [{"name": "users", "vmSize": "Standard_D2s_v3", **members}]
    parsed = NotebookPlatformSpec.model_validate(spec).node_pools[0]
    wanted = pool_body(parsed, subnet_id=None, tags={}, now=NOW, owns_count=not monitored)
    found = {**wanted, "count": initial_count(parsed), "currentOrchestratorVersion": "1.35.1", "provisioningState": "Succeeded"}
    return list(pool_changes("users", wanted, initial_count(parsed), Version("1.35"), {**found, **now}))


@pytest.mark.parametrize("state", [
    "Creating", "Updating", "Upgrading", "Scaling", "Deleting", "Starting", "Stopping", "Canceling", "Migrating",
    "UpgradingNodeImageVersion", "RotatingClusterCertificates", "ReconcilingClusterETCDCertificates", "Maintenance", "Accepted",
    "RotatingServiceAccountSigningKeys", "SomethingNew",
])  # fmt: skip
def test_every_state_but_the_three_ends_is_work_in_progress(state: str) -> None:
    assert is_busy({"provisioningState": state}) and not is_unfinished({"provisioningState": state})


@pytest.mark.parametrize("properties", [{}, {"provisioningState": None}, {"provisioningState": "Succeeded"}])
def test_a_resource_at_rest_is_neither_busy_nor_unfinished(properties: dict[str, Any]) -> None:
    assert not is_busy(properties) and not is_unfinished(properties)


@pytest.mark.parametrize("state", ["Failed", "Canceled", "failed"])
def test_a_pool_that_azure_left_unfinished_is_a_change(state: str) -> None:
    assert [(c.path, c.before, c.after) for c in pool({"provisioningState": state})] == [
        ("agentPools[users].provisioningState", state, "Succeeded")
    ]


def test_repairs_are_counted_by_body_and_end_with_azures_words() -> None:
    properties = {
        "provisioningState": "Failed",
        "status": {"provisioningError": {"code": "AllocationFailed", "message": "Allocation failed in zone 1."}},
    }
    tags: dict[str, str] = {}

    def repair(body: dict[str, Any]) -> str:
        return next_repair("the agent pool 'users'", "spec.nodePools[users]", Reason.POOL_FAILED, body, properties, tags)

    for _ in range(REPAIRS):
        tags[REPAIRS_TAG] = repair({"vmSize": "a"})
    with pytest.raises(StepError) as refused:
        repair({"vmSize": "a"})
    failed = refused.value.failed
    assert failed.reason == "PoolFailed" and failed.retry_in is None
    assert "spec.nodePools[users]: the agent pool 'users' is still Failed in Azure after 3 repairs" in failed.message
    assert "AllocationFailed: Allocation failed in zone 1." in failed.message
    assert repair({"vmSize": "b"}).endswith(":1"), "another spec begins anew"


@pytest.mark.parametrize(("members", "now", "expected"), [
    ({"count": 3}, {"count": 5}, [("agentPools[users].count", True)]),
    ({"count": 5}, {"count": 3}, [("agentPools[users].count", False)]),
    ({}, {"count": 5}, []),
    ({"count": 1, "autoscaling": {"minCount": 1, "maxCount": 4}}, {"count": 4}, []),
])  # fmt: skip
def test_the_count_belongs_to_whoever_the_spec_says(members: Any, now: Any, expected: Any) -> None:
    assert [(c.path, isinstance(c.gate, Disruptive)) for c in pool(now, **members)] == expected


@pytest.mark.parametrize("members", [{"count": 3}, {}])
def test_azure_monitor_owns_the_count_of_the_pools_it_scales(members: Any) -> None:
    assert pool({"count": 7}, monitored=True, **members) == []


def test_a_pool_answered_without_what_is_off_is_as_wanted() -> None:
    absent = dict.fromkeys(("enableAutoScaling", "nodeTaints", "tags", "osType", "type"))
    assert pool(absent, count=1) == []


def test_a_pool_whose_zones_come_in_another_order_is_not_replaced() -> None:
    assert pool({"availabilityZones": ["1", "2", "3"]}, availabilityZones=["3", "2", "1"]) == []


@pytest.mark.parametrize(("current", "wanted", "floor", "is_reached"), [
    ("1.35.1", "1.35", False, True), ("1.36.0", "1.35", False, False), ("1.36.0", "1.35", True, True),
    ("1.35.4", "1.35.2", True, True), ("1.35.1", "1.35.2", True, False), ("1.34.9", "1.35", True, False),
    ("1.35.4", "1.35.2", False, False),
])  # fmt: skip
def test_with_a_channel_the_version_is_the_oldest_that_may_run(current: str, wanted: str, floor: bool, is_reached: bool) -> None:
    assert reached(current, wanted, floor=floor) is is_reached


@pytest.mark.parametrize("channel", ["patch", "stable", "rapid"])
def test_a_version_that_a_channel_moved_on_is_no_change(channel: str) -> None:
    newer = existing()
    newer["properties"] |= {"currentKubernetesVersion": "1.37.2", "autoUpgradeProfile": {"upgradeChannel": channel}}
    wanted = desired(upgrades={"channel": channel})
    assert [c.path for c in cluster_changes(wanted, newer, floor=True)] == []
    (change,) = [c for c in cluster_changes(wanted, newer) if c.path == VERSION_PATH]
    assert isinstance(change.gate, Impossible) and "spec.cluster.upgrades.channel" in change.gate.failed.remedy


def test_a_new_pool_of_a_moved_cluster_gets_the_version_that_runs() -> None:
    assert follows("1.34", "1.36.2", floor=True) == "1.36.2" and follows("1.34", "1.36.2") == "1.34"


def test_an_identity_that_was_deleted_and_made_again_is_given_to_the_cluster_anew() -> None:
    stale = existing(
        outputs.Identity(
            type="UserAssigned", identity_id=IDENTITY_ID.lower(), principal_id="2" * 8 + "-2222" * 3 + "-" + "2" * 12
        )
    )
    (change,) = cluster_changes(desired(), stale)
    assert change.path == "identity.userAssignedIdentities" and change.gate is None
    body = updated_cluster({**stale, "id": "x", "name": "y"}, [change], None)
    assert body["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY_ID.lower(): {}}}


def test_another_identity_replaces_the_first() -> None:
    other = outputs.Identity(
        type="UserAssigned", identity_id=f"{IDENTITY_ID}2", principal_id="33333333-3333-3333-3333-333333333333"
    )
    (change,) = cluster_changes(desired(other), existing())
    body = updated_cluster(existing(), [change], None)
    assert [id_.lower() for id_ in body["identity"]["userAssignedIdentities"]] == [f"{IDENTITY_ID}2".lower()]


def test_a_type_of_identity_that_aks_changes_is_disruptive_and_one_that_it_does_not_is_impossible() -> None:
    own = outputs.Identity(type="SystemAssigned")
    (change,) = cluster_changes(desired(), existing(own))
    assert isinstance(change.gate, Disruptive)
    assert updated_cluster(existing(own), [change], None)["identity"] == with_identities_named(desired())["identity"]
    principal = outputs.Identity(type="ServicePrincipal", client_id="44444444-4444-4444-4444-444444444444")
    refused = cluster_changes(desired(), existing(principal))
    assert [(c.path, isinstance(c.gate, Impossible)) for c in refused] == [("identity.type", True)]


def test_another_service_principal_is_left_to_the_step_that_has_its_secret() -> None:
    old = outputs.Identity(type="ServicePrincipal", client_id="44444444-4444-4444-4444-444444444444")
    new = outputs.Identity(type="ServicePrincipal", client_id="55555555-5555-5555-5555-555555555555")
    assert list(cluster_changes(desired(new), existing(old))) == []


NETWORKS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"plugin": "kubenet", "podCidr": "10.244.0.0/16"}, {"plugin": "azure", "pluginMode": "overlay"}, True),
    ({"plugin": "azure"}, {"plugin": "azure", "pluginMode": "overlay", "podCidr": "10.244.0.0/16"}, True),
    ({"plugin": "azure", "pluginMode": "overlay"}, {"plugin": "azure", "pluginMode": "overlay", "policy": "cilium"}, True),
    ({"outboundType": "loadBalancer"}, {"outboundType": "userAssignedNATGateway"}, True),
    ({"outboundType": "userDefinedRouting"}, {"outboundType": "loadBalancer"}, True),
    ({"policy": "calico"}, {"policy": "none"}, True),
    ({"policy": "azure"}, {"policy": "none"}, True),
    ({"plugin": "azure"}, {"plugin": "kubenet"}, False),
    ({"plugin": "kubenet"}, {"plugin": "azure"}, False),
    ({"plugin": "azure"}, {"plugin": "azure", "podCidr": "10.244.0.0/16"}, False),
    ({"serviceCidr": "10.0.0.0/16"}, {"serviceCidr": "10.1.0.0/16", "dnsServiceIP": "10.0.0.10"}, False),
]


@pytest.mark.parametrize(("before", "after", "possible"), NETWORKS)
def test_a_network_that_aks_can_change_is_changed_when_users_may_be_disrupted(before: Any, after: Any, possible: bool) -> None:
    found = existing(network={"policy": "none", **before})
    changes = cluster_changes(desired(network={"policy": "none", **after}), found)
    assert changes and all(isinstance(c.gate, Disruptive if possible else Impossible) for c in changes), changes
    again = merged(found, [c for c in changes if c.keys])
    assert not possible or not cluster_changes(desired(network={"policy": "none", **after}), again)


def test_immutability_names_its_month_and_source_and_is_no_dead_end() -> None:
    (change,) = cluster_changes(desired(network={"serviceCidr": "10.1.0.0/16"}), existing())
    assert isinstance(change.gate, Impossible)
    failed = change.gate.failed
    assert (
        "spec.cluster.network.serviceCidr" in failed.message and "as of 2026-11, https://learn.microsoft.com/" in failed.message
    )
    assert "`az aks update`" in failed.remedy
    assert all(rule.source.startswith("https://learn.microsoft.com/") for rule in IMMUTABLE.values())


def test_a_cluster_is_sent_without_the_versions_of_its_pools() -> None:
    found = existing()
    found["properties"]["agentPoolProfiles"] = [
        {"name": "p", "count": 2, "orchestratorVersion": "1.31", "currentOrchestratorVersion": "1.31.9"}
    ]
    assert updated_cluster(found, [], None)["properties"]["agentPoolProfiles"] == [{"name": "p", "count": 2}]


def test_a_cluster_that_azure_left_failed_is_a_change() -> None:
    failed = existing()
    failed["properties"]["provisioningState"] = "Canceled"
    assert [c.path for c in cluster_changes(desired(), failed)] == [STATE_PATH]


def test_an_old_cluster_answers_less_and_is_as_wanted() -> None:
    """Members that were not sent are not there in the answers of real clusters."""
    found = existing(network={"policy": "none"})
    properties = found["properties"]
    for name in (
        "apiServerAccessProfile",
        "oidcIssuerProfile",
        "securityProfile",
        "nodeProvisioningProfile",
        "autoUpgradeProfile",
    ):
        properties.pop(name)
    for name in ("disableLocalAccounts", "enableRBAC"):
        properties.pop(name)
    del properties["networkProfile"]["networkPolicy"], found["tags"]
    assert list(cluster_changes(desired(network={"policy": "none"}), found)) == []
