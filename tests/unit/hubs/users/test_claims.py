"""Claims that values name are found at any path, and a faulty one is reported with the field of the spec."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.hubs.users.claims import MOST, check_claim, named_claims, origin_of
from notebook_platform.hubs.values import render_with_origins

from tests.unit.hubs.specs import NEW, SECRETS, spec


def volumes(name: str) -> list[dict[str, Any]]:
    return [{"name": "x", "persistentVolumeClaim": {"claimName": name}}]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"singleuser": {"storage": {"type": "static", "static": {"pvcName": "c"}}}}, "singleuser.storage.static.pvcName"),
        (
            {"singleuser": {"storage": {"extraVolumes": volumes("c")}}},
            "singleuser.storage.extraVolumes[0].persistentVolumeClaim.claimName",
        ),
        ({"hub": {"extraVolumes": volumes("c")}}, "hub.extraVolumes[0].persistentVolumeClaim.claimName"),
        (
            {"singleuser": {"profileList": [{"kubespawner_override": {"volumes": volumes("c")}}]}},
            "singleuser.profileList[0].kubespawner_override.volumes[0].persistentVolumeClaim.claimName",
        ),
        (
            {"hub": {"config": {"KubeSpawner": {"volumes": volumes("c")}}}},
            "hub.config.KubeSpawner.volumes[0].persistentVolumeClaim.claimName",
        ),
    ],
)
def test_a_claim_is_found_wherever_it_is_named(values: dict[str, Any], path: str) -> None:
    assert [(one.name, one.path) for one in named_claims(values)] == [("c", path)]


def test_the_claim_of_an_extra_volume_is_examined_under_its_field() -> None:
    volume = {"name": "course", "claim": "course", "mountPath": "/srv/course"}
    rendered = render_with_origins(spec("4.4.0", singleUser={"storage": {"extraVolumes": [volume]}}), SECRETS, NEW)
    (claim,) = named_claims(rendered.values)
    field = origin_of(claim.path, rendered.described_origins(), "spec.jupyterhub")
    assert (claim.name, field) == ("course", "spec.jupyterhub.singleUser.storage.extraVolumes")


def test_templates_and_unused_claims_are_no_claims() -> None:
    assert named_claims({"singleuser": {"storage": {"type": "dynamic", "static": {"pvcName": "c"}}}}) == []
    assert named_claims({"singleuser": {"storage": {"extraVolumes": volumes("claim-{username}")}}}) == []


def test_the_number_of_examined_claims_is_limited() -> None:
    assert len(named_claims({"hub": {"extraVolumes": [*(volumes(f"c{n}")[0] for n in range(5000))]}})) == MOST


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
KEYS = st.sampled_from(["claimName", "pvcName", "storage", "static", "singleuser", "type"])
TREES = st.recursive(LEAVES, lambda more: st.lists(more, max_size=3) | st.dictionaries(KEYS, more, max_size=3))


@given(st.dictionaries(KEYS, TREES))
def test_no_values_make_it_fail(values: dict[str, Any]) -> None:
    assert all(one.name for one in named_claims(values))


def test_the_part_of_the_spec_is_named() -> None:
    origins = {"a.b": "spec.jupyterhub.x (default)", "a.list": "spec.jupyterhub.values.a.list", "c.d.e": "spec.jupyterhub.z"}
    assert origin_of("a.b", origins, "f") == "spec.jupyterhub.x"
    assert origin_of("a.list[3].claimName", origins, "f") == "spec.jupyterhub.values.a.list"
    assert origin_of("c.d", origins, "f") == "spec.jupyterhub.z"
    assert origin_of("q", origins, "spec.binderhub") == "spec.binderhub.values.q"


def claim(phase: str | None, *, deleted: bool = False) -> Any:
    return SimpleNamespace(
        metadata=SimpleNamespace(deletion_timestamp="now" if deleted else None),
        spec=SimpleNamespace(storage_class_name=None, volume_name=None),
        status=SimpleNamespace(phase=phase),
    )


@pytest.mark.parametrize(
    ("found", "waits", "reason"),
    [
        (None, False, "ClaimNotFound"),
        (claim("Bound"), False, None),
        (claim("Pending"), True, None),
        (claim("Pending"), False, "ClaimNotBound"),
        (claim(None), False, "ClaimNotBound"),
        (claim("Lost"), False, "ClaimLost"),
        (claim("Bound", deleted=True), False, "ClaimTerminating"),
    ],
)
def test_each_fault_of_a_claim_has_its_reason(found: Any, waits: bool, reason: str | None) -> None:
    issue = check_claim(found, "spec.jupyterhub.x: claim 'homes'", "jhub", waits=waits)
    assert (issue.reason if issue else None) == reason
    assert issue is None or ("spec.jupyterhub.x: claim 'homes'" in issue.message and "namespace jhub" in issue.message)
