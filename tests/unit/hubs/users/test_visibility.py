"""Changes that hide users' data are found in the values as installed, whatever their source."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.helm.plan import Concern, token_of, upgrade_approval
from notebook_platform.helm.values import merged
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.users.concerns import concern_of
from notebook_platform.hubs.users.visibility import data_changes

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, OLD, SECRETS, VERSIONS, oidc, spec
from tests.unit.hubs.test_release_state import WANTED, release
from tests.unit.hubs.users.hiding_changes import HARMLESS, HIDING, KEY, STATIC, config, storage


def changes(before: dict[str, Any], after: dict[str, Any], version: str = "4.4.0") -> list[Any]:
    return list(data_changes(ReleaseSnapshot(version, merged(KEY, before)), ReleaseSnapshot(version, merged(KEY, after))))


@pytest.mark.parametrize("name", HIDING)
def test_a_change_that_hides_data_is_found(name: str) -> None:
    before, after, words = HIDING[name]
    found = changes(before, after)
    assert any(words in one.clause for one in found), [one.clause for one in found]
    assert all("s3cret" not in one.clause and "p@db" not in one.clause for one in found)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_change_that_hides_nothing_is_not_asked_for(name: str) -> None:
    assert [one.clause for one in changes(*HARMLESS[name])] == []


@pytest.mark.parametrize("name", HIDING)
def test_the_way_back_of_a_change_and_a_change_to_something_else_have_other_tokens(name: str) -> None:
    before, after, _ = HIDING[name]
    there, back = changes(before, after), changes(after, before)
    further = changes(before, merged(after, {"fullnameOverride": "x", **storage(homeMountPath="/elsewhere")}))
    tokens = {token_of([concern_of(one, {}) for one in found], "jhub/jhub") for found in (there, back, further) if found}
    assert len(tokens) == sum(bool(found) for found in (there, back, further))


def test_an_approval_of_one_shared_claim_is_none_of_another_or_of_another_directory() -> None:
    wanted = [
        storage(type="static", static=static)
        for static in ({"pvcName": "a"}, {"pvcName": "b"}, {"pvcName": "a", "subPath": "u/{username}"})
    ]
    assert len({token_of([concern_of(one, {}) for one in changes({}, after)], "jhub/jhub") for after in wanted}) == 3


def test_the_release_is_part_of_the_token() -> None:
    found = [concern_of(one, {}) for one in changes({}, storage(**STATIC))]
    assert token_of(found, "jhub/jhub") != token_of(found, "jhub/lab")


def test_code_of_the_same_length_has_another_token_and_without_the_hubs_secret_it_has_no_mark() -> None:
    before = {"hub": {"extraConfig": {"a": "c.KubeSpawner.volumes = 1"}}}
    one, other = ({"hub": {"extraConfig": {"a": f"c.KubeSpawner.volumes = {n}"}}} for n in (2, 3))
    (first,), (second,) = changes(before, one), changes(before, other)
    assert first.clause == second.clause and first.key != second.key
    (elsewhere,) = changes(merged(before, config("ConfigurableHTTPProxy", auth_token="ab" * 32)), one)
    assert elsewhere.key != first.key
    (unsealed,) = data_changes(ReleaseSnapshot("4.4.0", before), ReleaseSnapshot("4.4.0", one))
    assert unsealed.mark == ""


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
TREES = st.recursive(LEAVES, lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=6), more, max_size=3))
NAMES = st.sampled_from(["storage", "static", "dynamic", "profileList", "extraVolumes", "extraVolumeMounts", "config", "db"])
WILD = st.fixed_dictionaries({"singleuser": st.dictionaries(NAMES, TREES), "hub": st.dictionaries(NAMES, TREES)})


@given(WILD, WILD, st.sampled_from(VERSIONS), st.sampled_from(VERSIONS))
def test_no_values_make_it_fail_and_equal_ones_are_no_change(
    before: dict[str, Any], after: dict[str, Any], old: str, new: str
) -> None:
    list(data_changes(ReleaseSnapshot(old, before), ReleaseSnapshot(new, after)))
    assert list(data_changes(ReleaseSnapshot(old, before), ReleaseSnapshot(old, copy.deepcopy(before)))) == []


@pytest.mark.parametrize("kind", ["dynamic", "static"])
@pytest.mark.parametrize("old", VERSIONS)
@pytest.mark.parametrize("new", VERSIONS)
def test_an_upgrade_of_the_chart_alone_hides_nothing(old: str, new: str, kind: str) -> None:
    kept = {"type": kind} | ({"shared": {"claim": "homes"}} if kind == "static" else {})
    naming = {"naming": {"scheme": "Escape"}}
    installed, wanted = (
        render(
            spec(version, singleUser={"storage": kept}, auth=oidc(usernameClaim="email"), **naming),
            SECRETS,
            OLD if version == "0.11.1" else NEW,
        )
        for version in (old, new)
    )
    assert [one.clause for one in data_changes(ReleaseSnapshot(old, installed), ReleaseSnapshot(new, wanted))] == []


def test_the_field_of_the_spec_is_named() -> None:
    (one,) = changes({}, storage(**STATIC))
    found = concern_of(one, {"singleuser.storage.type": "spec.jupyterhub.singleUser.storage.type"})
    assert found.clause.startswith("spec.jupyterhub.singleUser.storage.type: singleuser.storage.type goes from dynamic")


def test_a_version_approves_the_version_and_a_token_the_values() -> None:
    installed = release(version="3.3.8")
    database, hidden = Concern(clause="the database changes"), Concern(clause="homes are elsewhere", key="k")
    token = token_of([hidden], "jhub/jhub")
    both = [database, hidden]
    for given_words, missing in (
        ((), True),
        (("4.4.0",), True),
        ((token,), True),
        (("4.4.0", token), False),
        (("4.4.0", "data-000000000000"), True),
    ):
        assert (upgrade_approval(WANTED, installed, both, given_words, "spec.jupyterhub") is not None) is missing
    asked = upgrade_approval(WANTED, installed, both, (), "spec.jupyterhub")
    assert asked is not None and f"approve=4.4.0,{token}`" in asked.remedy
    assert upgrade_approval(WANTED, installed, [hidden], ("4.4.0",), "spec.jupyterhub") is not None
    assert upgrade_approval(WANTED, installed, [hidden], (token,), "spec.jupyterhub") is None


def test_many_concerns_are_counted() -> None:
    many = [Concern(clause=f"c{n}", key=str(n)) for n in range(100)]
    asked = upgrade_approval(WANTED, release(), many, (), "f")
    assert asked is not None and "c5; and 94 more" in asked.message and "c6" not in asked.message
