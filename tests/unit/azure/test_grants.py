"""Which identity a platform may use: decided by the operator's allow-list before any request. Pure."""

import re
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.arm_ids import ArmId, GroupName, marked_fields, marked_values
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.grants import IdentityGrant, Scope, allowed, matches
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.outcome import Failed
from pydantic import ValidationError

from sandbox.azure.world import SUBSCRIPTION
from sandbox.operator_process import ROOT
from tests.unit.azure.specs import runbook_spec

OTHER = "00000000-0000-0000-0000-00000000000f"
CLIENT = "33333333-3333-3333-3333-333333333333"
NODES = "prd_rg_jhub_infra"


def grant(**changes: Any) -> IdentityGrant:
    entry = {"identity": "own", "namespaces": ["team-a"], "subscriptions": [SUBSCRIPTION], "resourceGroups": ["prd_rg_*"]}
    return IdentityGrant.model_validate({**entry, **changes})


def spec_of(credentials: Any = None, **changes: Any) -> NotebookPlatformSpec:
    spec = runbook_spec(**changes)
    spec["azure"] = {**spec["azure"], "features": []}
    spec["azure"].pop("credentials")
    if credentials is not None:
        spec["azure"]["credentials"] = credentials
    return NotebookPlatformSpec.model_validate(spec)


def verdict(grants: list[IdentityGrant], spec: NotebookPlatformSpec, namespace: str = "team-a") -> Scope | Failed | None:
    return allowed(grants, namespace, spec, NODES)


def refusal(grants: list[IdentityGrant], spec: NotebookPlatformSpec, namespace: str = "team-a") -> Failed:
    found = verdict(grants, spec, namespace)
    assert isinstance(found, Failed) and found.reason == "IdentityNotAllowed" and found.retry_in is None
    return found


def id_in(group: str, type_: str, *names: str, subscription: str = SUBSCRIPTION) -> str:
    provider, *kinds = type_.split("/")
    path = "/".join(f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{path}"


SHARED = {
    "own": None,
    "managed": {"managedIdentity": {}},
    "a managed identity by its client id": {"managedIdentity": {"clientId": CLIENT}},
    "workload": {"workloadIdentity": {"tenantId": OTHER, "clientId": CLIENT}},
}


@pytest.mark.parametrize("credentials", SHARED.values(), ids=SHARED)
def test_without_an_entry_no_platform_uses_an_identity_of_the_operator(credentials: Any) -> None:
    failed = refusal([], spec_of(credentials))
    assert "spec.azure.credentials" in failed.message and "'team-a'" in failed.message


@pytest.mark.parametrize("credentials", SHARED.values(), ids=SHARED)
def test_the_entry_that_a_refusal_suggests_allows_just_that(credentials: Any) -> None:
    failed = refusal([], spec_of(credentials))
    _, _, snippet = failed.remedy.partition("operator's configuration: ")
    entries = [IdentityGrant.model_validate(entry) for entry in yaml.safe_load(snippet)["identities"]]
    assert "\n" not in snippet
    assert isinstance(verdict(entries, spec_of(credentials)), Scope)
    assert isinstance(verdict(entries, spec_of(credentials), "team-b"), Failed)


@pytest.mark.parametrize("reference", ["secretRef", "certificateRef"])
def test_credentials_in_a_secret_are_the_authors_own_and_need_no_entry(reference: str) -> None:
    assert verdict([], spec_of({reference: {"name": "mine"}})) is None


@pytest.mark.parametrize(
    "entry",
    [
        {"identity": "managed"},
        {"identity": "workload", "clientId": CLIENT},
        {"namespaces": ["team-b", "team", "eam-a", "team-a-*", "*-b"]},
    ],
)
def test_an_entry_for_another_identity_or_namespace_allows_nothing(entry: dict[str, Any]) -> None:
    refusal([grant(**entry)], spec_of())


def test_a_client_id_is_compared_as_a_guid_and_is_needed() -> None:
    wanted = {"managedIdentity": {"clientId": "abcdefab-0000-0000-0000-000000000000"}}
    assert isinstance(
        verdict([grant(identity="managed", clientId="ABCDEFAB-0000-0000-0000-000000000000")], spec_of(wanted)), Scope
    )
    refusal([grant(identity="managed")], spec_of(wanted))
    refusal([grant(identity="managed", clientId=CLIENT)], spec_of(wanted))


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
def test_what_a_spec_names_outside_the_allowed_groups_is_refused_with_its_field(field: str) -> None:
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


def test_preview_features_concern_the_whole_subscription_and_need_an_entry_of_their_own() -> None:
    spec = pointed({"azure": {"features": ["Microsoft.ContainerService/VMSSPreview", "Microsoft.Compute/Other"]}})
    assert refusal([grant()], spec).message.startswith("spec.azure.features names")
    failed = refusal([grant(features=["microsoft.containerservice/*"])], spec)
    assert "Microsoft.Compute/Other" in failed.message and "VMSSPreview" not in failed.message
    assert isinstance(verdict([grant(features=["Microsoft.*"])], spec), Scope)


NAME = st.text("abAB-_.()019", min_size=1, max_size=12)


@given(st.lists(NAME, min_size=1, max_size=4), NAME)
def test_a_pattern_is_the_text_between_its_stars_and_nothing_else(parts: list[str], name: str) -> None:
    text = "".join(parts)
    assert matches("*".join(parts), text) and matches("*", name)
    assert matches(name, name) and not matches(name, f"{name}x") and not matches(name, f"x{name}")


@given(NAME, NAME, st.sampled_from(["team-a", "team-b", "x"]))
def test_a_scope_is_never_wider_than_its_entries(pattern: str, group: str, namespace: str) -> None:
    entry = grant(resourceGroups=[pattern, "prd_rg_*"])
    scope = verdict([entry], spec_of(), namespace)
    assert isinstance(scope, Scope) == (namespace == "team-a")
    if isinstance(scope, Scope):
        inside = group.lower() == pattern.lower() or group.lower().startswith("prd_rg_")
        assert scope.covers(SUBSCRIPTION, group) == inside and not scope.covers(OTHER, group)


@pytest.mark.parametrize("text", ["rg\n", "ｒg", "rg\u212a", "ſ"])
def test_a_name_that_is_none_fits_no_pattern(text: str) -> None:
    assert not matches("*", text)


@pytest.mark.parametrize(
    "entry",
    [
        {"namespaces": []},
        {"subscriptions": []},
        {"resourceGroups": []},
        {"resourceGroups": [""]},
        {"resourceGroups": ["rg?"]},
        {"resourceGroups": ["a/b"]},
        {"namespaces": ["Team"]},
        {"subscriptions": ["all"]},
        {"identity": "workload"},
        {"identity": "own", "clientId": CLIENT},
        {"clientId": "x", "identity": "managed"},
        {"identity": "everybody"},
        {"group": ["typo"]},
    ],
)
def test_an_entry_that_could_be_misread_ends_the_start_of_the_operator(entry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        grant(**entry)


def test_the_allow_list_is_read_from_a_variable_and_is_empty_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OperatorConfig().identities == []
    entry = '[{"identity": "own", "namespaces": ["a"], "subscriptions": ["*"], "resourceGroups": ["*"]}]'
    monkeypatch.setenv("NOTEBOOK_PLATFORM_IDENTITIES", entry)
    assert [found.namespaces for found in OperatorConfig().identities] == [["a"]]
    assert [found.identity for found in OperatorConfig.load(["--identities", entry]).identities] == ["own"]


def test_marked_values_have_the_paths_that_messages_use() -> None:
    found = {path for path, _, _ in marked_values(spec_of(), "spec")}
    assert {"spec.azure.resourceGroup", "spec.nodePools[nodepool1].name", "spec.network.subnet.name"} <= found


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_example_names_the_entry_that_it_needs(path: Path) -> None:
    text = path.read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# identities: ")]
    grants = [IdentityGrant.model_validate(entry) for line in lines for entry in yaml.safe_load(line)["identities"]]
    for document in yaml.safe_load_all(text):
        if document and document["kind"] == "NotebookPlatform":
            spec = NotebookPlatformSpec.model_validate(document["spec"])
            found = allowed(grants, document["metadata"]["namespace"], spec, "nodes")
            assert not isinstance(found, Failed) and (found is None) == (not lines), found


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
