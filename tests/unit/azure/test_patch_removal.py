"""Members that were taken out of a patch: what is recorded, and what a record sets back."""

from typing import Any

import pytest
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.cluster_patch import cluster_patch
from notebook_platform.azure.last_applied import claims_of
from notebook_platform.azure.patch_removal import LONGEST, MOST, patch_claims

from tests.unit.azure.specs import runbook_spec


def spec_with(patch: dict[str, Any]) -> NotebookPlatformSpec:
    spec = runbook_spec()
    spec["cluster"]["patch"] = patch
    return NotebookPlatformSpec.model_validate(spec)


def test_the_record_holds_paths_and_no_values() -> None:
    labels = {"zone/kind": "blue", "a~b": None}
    spec = spec_with({"properties": {"x": {"enabled": True, "off": False, "text": "hunter2"}, "nodeLabels": labels}})
    assert claims_of(spec)["Cluster"]["members"] == {
        "patch/properties/nodeLabels/zone~1kind": "set",
        "patch/properties/x/enabled": "on",
        "patch/properties/x/off": "off",
        "patch/properties/x/text": "set",
    }


def test_the_record_of_a_patch_is_bounded() -> None:
    claims = patch_claims({"properties": {**{f"m{n}": n for n in range(900)}, "long" * 99: 1}}, "pool/")
    assert len(claims) == MOST and all(len(name) <= LONGEST + len("pool/patch/") for name in claims)


@pytest.mark.parametrize(
    ("member", "kind", "reset"),
    [
        ("properties/storageProfile/diskCSIDriver/enabled", "off", {"storageProfile": {"diskCSIDriver": {"enabled": True}}}),
        ("properties/ingressProfile/webAppRouting/enabled", "on", {"ingressProfile": {"webAppRouting": {"enabled": False}}}),
        ("properties/httpProxyConfig/noProxy", "set", {"httpProxyConfig": {"noProxy": None}}),
        ("properties/x/off", "off", None),
        ("properties/tier", "set", None),
        ("properties/networkProfile/outboundType", "set", None),
        ("properties/NodeResourceGroup", "set", None),
        ("properties/agentPoolProfiles/0/name", "set", None),
        ("properties", "set", None),
        ("tags/notebookplatform-owner", "set", None),
        ("location", "set", None),
        ("strange/member", "set", None),
    ],
)
def test_a_record_sets_back_what_a_patch_may_set_and_the_spec_does_not(member: str, kind: str, reset: Any) -> None:
    body = {"location": "eastus", "properties": {"tier": "x", "networkProfile": {"outboundType": "loadBalancer"}}}
    record = {"tags": {}, "members": {f"patch/{member}": kind}}
    assert cluster_patch(spec_with({}), record, body).resets == ({"properties": reset} if reset else {})


def test_a_member_that_the_patch_still_sets_is_not_set_back() -> None:
    record = {"tags": {}, "members": {"patch/properties/a/b": "on", "patch/properties/a/c": "on", "patch/properties/a": "set"}}
    assert cluster_patch(spec_with({"properties": {"a": {"b": False}}}), record, {}).resets == {"properties": {"a": {"c": False}}}
