"""Which identity a platform may use: decided by the operator's allow-list before any request. Pure."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.grants import IdentityGrant, Scope, allowed, matches
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.outcome import Failed
from pydantic import ValidationError

from sandbox.azure.world import SUBSCRIPTION
from sandbox.operator_process import ROOT
from tests.unit.azure.granted import CLIENT, OTHER, grant, refusal, spec_of, verdict
from tests.unit.azure.test_granted_groups import pointed

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
