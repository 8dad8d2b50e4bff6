"""How `plan -f` applies a file in a dry run: as the one who applied it before, so that what is taken out of the file is removed."""

import json
from typing import Any

import pytest
from notebook_platform.cli.apply_request import LAST_APPLIED, MERGE, OWN, SERVER_SIDE, apply_request

HUB = {"chart": {"version": "4.4.0"}}
WITH_HUB: dict[str, Any] = {
    "metadata": {"name": "hub"},
    "spec": {"cluster": {"name": "c"}, "jupyterhub": HUB},
    "status": {"x": 1},
}
WITHOUT = {"metadata": {"name": "hub"}, "spec": {"cluster": {"name": "c"}}}


def applied_by(manager: str, operation: str, fields: str = "f:spec") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {fields: {}}}


def live(*managers: dict[str, Any], last_applied: Any = None) -> dict[str, Any]:
    annotations = {LAST_APPLIED: last_applied if isinstance(last_applied, str) else json.dumps(last_applied)}
    return {"metadata": {"managedFields": list(managers), "annotations": annotations if last_applied else {}}}


def test_a_new_object_is_applied_on_the_servers_side() -> None:
    request = apply_request(WITH_HUB, {})
    assert (request.content_type, request.manager, request.force) == (SERVER_SIDE, OWN, True)
    assert request.body == {key: WITH_HUB[key] for key in ("metadata", "spec")}


def test_the_manager_that_applied_the_spec_applies_it_again() -> None:
    managers = [
        applied_by("notebook-platform", "Update"),
        applied_by("x", "Apply", "f:metadata"),
        applied_by("argocd-controller", "Apply"),
    ]
    request = apply_request(WITHOUT, live(*managers, last_applied=WITH_HUB))
    assert (request.content_type, request.manager) == (SERVER_SIDE, "argocd-controller")


def test_after_kubectl_apply_a_member_that_left_the_file_is_removed() -> None:
    request = apply_request(WITHOUT, live(applied_by("kubectl-client-side-apply", "Update"), last_applied=WITH_HUB))
    assert (request.content_type, request.force) == (MERGE, None)
    assert request.body == {"metadata": {"name": "hub"}, "spec": {"cluster": {"name": "c"}, "jupyterhub": None}}


def test_a_member_deep_in_a_block_is_removed_alone() -> None:
    before = {"spec": {"cluster": {"name": "c", "tier": "Standard"}, "nodePools": [{"name": "a"}, {"name": "b"}]}}
    wanted = {"spec": {"cluster": {"name": "c"}, "nodePools": [{"name": "a"}]}}
    body = apply_request(wanted, live(last_applied=before)).body
    assert body == {"spec": {"cluster": {"name": "c", "tier": None}, "nodePools": [{"name": "a"}]}}


@pytest.mark.parametrize("broken", ["{", "[]", "7"])
def test_an_annotation_that_cannot_be_read_is_left_out(broken: str) -> None:
    assert apply_request(WITHOUT, live(last_applied=broken)).content_type == SERVER_SIDE
