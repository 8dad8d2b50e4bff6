"""The subscriptions and resource groups that a spec may name, when it uses an identity of the operator."""

import re
from typing import Annotated, Any, get_args

import pytest
from notebook_platform.api.arm_ids import ArmId, GroupName, marked_fields, marked_values
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.grants import Scope, allowed

from sandbox.azure.world import SUBSCRIPTION
from tests.unit.azure.granted import OTHER, grant, id_in, refusal, spec_of, verdict
from tests.unit.azure.specs import runbook_spec

ELSEWHERE = "victim"
SUBNET = id_in(ELSEWHERE, "Microsoft.Network/virtualNetworks/subnets", "v", "s")
WITH = {
    "spec.azure.resourceGroup": {"azure": {"resourceGroup": ELSEWHERE}},
    "spec.cluster.nodeResourceGroup": {"cluster": {"nodeResourceGroup": ELSEWHERE}},
    "spec.network.subnetId": {"network": {"subnetId": SUBNET}},
    "spec.nodePools[nodepool1].subnetId": {
        "nodePools": [{"name": "nodepool1", "mode": "System", "vmSize": "S", "subnetId": SUBNET}]
    },
    "spec.identity.userAssigned.resourceId": {
        "identity": {
            "type": "UserAssigned",
            "userAssigned": {"resourceId": id_in(ELSEWHERE, "Microsoft.ManagedIdentity/userAssignedIdentities", "them")},
        }
    },
    "spec.cluster.registries[1]": {
        "cluster": {
            "registries": [
                id_in("prd_rg_x", "Microsoft.ContainerRegistry/registries", "allowed"),
                id_in(ELSEWHERE, "Microsoft.ContainerRegistry/registries", "images"),
            ]
        }
    },
    "spec.cluster.monitoring.workspaceId": {
        "cluster": {"monitoring": {"workspaceId": id_in(ELSEWHERE, "Microsoft.OperationalInsights/workspaces", "logs")}}
    },
    "spec.monitoring.workspaceId": {
        "monitoring": {"prometheus": "Managed", "workspaceId": id_in(ELSEWHERE, "Microsoft.Monitor/accounts", "metrics")}
    },
    "spec.monitoring.alerts.actionGroups[0]": {
        "monitoring": {
            "prometheus": "Managed",
            "alerts": {"actionGroups": [id_in(ELSEWHERE, "Microsoft.Insights/actionGroups", "pager")]},
        }
    },
    "spec.cluster.apiServer.privateDNSZone": {
        "cluster": {
            "apiServer": {
                "private": True,
                "privateDNSZone": id_in(ELSEWHERE, "Microsoft.Network/privateDnsZones", "privatelink.eastus.azmk8s.io"),
            }
        }
    },
    "spec.jupyterhub.expose.loadBalancer.staticIPResourceGroup": {
        "jupyterhub": {
            "chart": {"version": "4.4.0"},
            "auth": {"dummy": {"insecure": True}},
            "expose": {"loadBalancer": {"staticIP": "192.0.2.1", "staticIPResourceGroup": ELSEWHERE}},
        }
    },
    "spec.binderhub.address.existing.ipResourceGroup": {
        "binderhub": {
            "chart": {"version": "1.0.0-0.dev.git.3506.hba24eb2a"},
            "address": {
                "existing": {
                    "binder": {"url": "https://b.example.org"},
                    "hub": {"url": "https://h.example.org"},
                    "ipResourceGroup": ELSEWHERE,
                }
            },
            "registry": {"azure": {"name": "abcde"}},
        }
    },
}
"""A spec for each field that names a resource group or a resource in one, with another team's resource."""


def pointed(changes: dict[str, Any]) -> NotebookPlatformSpec:
    base = spec_of().model_dump(mode="json", by_alias=True, exclude_unset=True)
    for block, value in changes.items():
        base[block] = {**base[block], **value} if block in ("azure", "cluster") else value
    return NotebookPlatformSpec.model_validate(base)


@pytest.mark.parametrize("field", WITH)
def test_a_resource_outside_the_allowed_groups_is_refused_with_its_field(field: str) -> None:
    failed = refusal([grant()], pointed(WITH[field]))
    assert failed.message.startswith(f"{field} lies outside") and ELSEWHERE in failed.remedy


def test_no_field_that_names_a_group_or_a_resource_is_forgotten() -> None:
    """The fields are found by their types; this asserts that each has its type and is tried above."""
    marked = {path for path, marker in marked_fields(NotebookPlatformSpec, "spec") if isinstance(marker, ArmId | GroupName)}
    assert marked == {re.sub(r"\[\w+\]", "[]", field) for field in WITH}
    strange = [
        path for path, words in strings(NotebookPlatformSpec, "spec") if SMELLS.search(f"{path} {words}") and path not in marked
    ]
    assert strange == []


SMELLS = re.compile(r"\bARM id\b|resourceId|subnetId$|workspaceId|ResourceGroup$|Resource group of|id of a zone", re.IGNORECASE)


def strings(model: Any, path: str) -> Any:
    """Yield every text field below a model, with its description."""
    for name, info in model.model_fields.items():
        here = f"{path}.{info.alias or name}"
        kinds = [info.annotation]
        while kinds:
            kind = kinds.pop()
            if hasattr(kind, "model_fields"):
                yield from strings(kind, here + ("[]" if "list[" in str(info.annotation) else ""))
            elif kind is str:
                yield here + ("[]" if "list[" in str(info.annotation) else ""), info.description or ""
            kinds += [
                k
                for k in get_args(kind)
                if not isinstance(kind, type(Annotated[str, 1])) or k is str or hasattr(k, "model_fields")
            ]


def test_a_subscription_outside_is_named() -> None:
    failed = refusal([grant(subscriptions=[OTHER])], spec_of())
    assert failed.message.startswith("spec.azure.subscriptionId lies outside") and SUBSCRIPTION in failed.remedy


def test_an_id_in_another_subscription_is_outside_though_its_group_has_an_allowed_name() -> None:
    id_ = id_in("prd_rg_x", "Microsoft.ContainerRegistry/registries", "images", subscription=OTHER)
    failed = refusal([grant()], pointed({"cluster": {"registries": [id_]}}))
    assert failed.message.startswith("spec.cluster.registries[0] lies outside") and OTHER in failed.remedy


def test_entries_allow_pairs_of_a_subscription_and_a_group_and_not_their_product() -> None:
    entries = [grant(), grant(subscriptions=[OTHER], resourceGroups=["shared"])]
    inside = id_in("shared", "Microsoft.ContainerRegistry/registries", "images", subscription=OTHER)
    outside = id_in("shared", "Microsoft.ContainerRegistry/registries", "images")
    assert isinstance(verdict(entries, pointed({"cluster": {"registries": [inside]}})), Scope)
    refusal(entries, pointed({"cluster": {"registries": [outside]}}))


def test_ids_are_compared_without_regard_to_case_as_azure_does() -> None:
    id_ = id_in("PRD_RG_X", "Microsoft.ContainerRegistry/registries", "images").upper()
    assert isinstance(verdict([grant()], pointed({"cluster": {"registries": [id_]}})), Scope)


def test_the_group_that_aks_makes_for_the_nodes_needs_no_entry_unless_the_spec_names_it() -> None:
    spec = pointed({"cluster": {"nodeResourceGroup": None}})
    scope = allowed([grant()], "team-a", spec, "MC_prd_rg_jhub_prd-aks-jhub_eastus")
    assert isinstance(scope, Scope)
    assert scope.covers(SUBSCRIPTION, "mc_prd_rg_jhub_prd-aks-jhub_eastus") and not scope.covers(
        OTHER, "MC_prd_rg_jhub_prd-aks-jhub_eastus"
    )


def test_marked_values_have_the_paths_that_messages_use() -> None:
    found = {path for path, _, _ in marked_values(spec_of(), "spec")}
    assert {"spec.azure.resourceGroup", "spec.nodePools[nodepool1].name", "spec.network.subnet.name"} <= found


DISK_SET = id_in("prd_rg_keys", "Microsoft.Compute/diskEncryptionSets", "d")
PATCHES: dict[str, tuple[dict[str, Any], str]] = {
    "an id": ({"diskEncryptionSetID": id_in("other", "Microsoft.Compute/diskEncryptionSets", "d")}, "other"),
    "an id in a list": (
        {"ingressProfile": {"webAppRouting": {"dnsZoneResourceIds": [id_in("dns", "Microsoft.Network/dnsZones", "z")]}}},
        "dns",
    ),
    "an id as a name": ({"x": {id_in("ids", "Microsoft.ManagedIdentity/userAssignedIdentities", "i"): {}}}, "ids"),
    "an id in a URL": ({"x": f"https://management.azure.com{id_in('keys', 'Microsoft.Compute/disks', 'd')}?a=b"}, "keys"),
    "an id in capitals": ({"x": id_in("other", "Microsoft.Compute/disks", "d").upper()}, "other"),
    "the long s": ({"x": id_in("other", "Microsoft.Compute/disks", "d").replace("/sub", "/\u017fub")}, "other"),
    "a subscription": ({"x": f"/subscriptions/{SUBSCRIPTION}"}, "*"),
    "an identity of the nodes": (
        {
            "identityProfile": {
                "kubeletidentity": {"resourceId": id_in("team-b", "Microsoft.ManagedIdentity/userAssignedIdentities", "i")}
            }
        },
        "team-b",
    ),
}


@pytest.mark.parametrize("place", ["cluster", "nodePools", "autoscale"])
@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_refers_to_nothing_outside_the_allowed_groups(name: str, place: str) -> None:
    members, group = PATCHES[name]
    spec = runbook_spec()
    for inside, patch in ((True, {"diskEncryptionSetID": DISK_SET}), (False, members)):
        holder = spec[place] if place == "cluster" else spec[place][0]
        holder["patch"] = {"properties": patch}
        parsed = spec_of(**{key: value for key, value in spec.items() if key != "azure"})
        if inside:
            assert isinstance(verdict([grant()], parsed), Scope)
            continue
        refused = refusal([grant()], parsed)
        assert ".patch.properties." in refused.message and "outside the subscriptions" in refused.message
        assert f"resourceGroups: ['{group}']" in refused.remedy or f"resourceGroups: [{group}]" in refused.remedy


def test_a_patch_of_any_depth_is_searched() -> None:
    patch: Any = id_in("other", "Microsoft.Compute/disks", "d")
    for _ in range(5000):
        patch = {"x": patch}
    spec = spec_of().model_copy(update={"cluster": spec_of().cluster.model_copy(update={"patch": patch})})
    assert refusal([grant()], spec)
