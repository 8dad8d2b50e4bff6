"""Values of any shape are refused with their path or rendered; nothing raises another error."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.engine import StepError
from notebook_platform.hubs import upgrades
from notebook_platform.hubs.binder.values import render as render_binder
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot, scheme_of
from notebook_platform.hubs.secrets import missing_secrets
from notebook_platform.hubs.users.active_servers import token_in
from notebook_platform.hubs.users.claims import named_claims
from notebook_platform.hubs.users.user_counts import UserCounts
from notebook_platform.hubs.users.visibility import data_changes
from notebook_platform.hubs.values import render_with_origins

from tests.properties import at_most
from tests.unit.hubs.binder_specs import AZURE, INGRESS, PLACE
from tests.unit.hubs.binder_specs import SECRETS as BINDER_SECRETS
from tests.unit.hubs.binder_specs import spec as binder_spec
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, SECRETS, spec

HUB, BINDER = "spec.jupyterhub", "spec.binderhub"
ACME = {"tls": {"letsEncrypt": {"contactEmail": "a@example.org"}}}


def refusal(version: str, values: Any, *, more: list[Any] | None = None, **changes: Any) -> Any:
    sources = [{"kind": "Secret", "name": f"more{place}"} for place, _ in enumerate(more or ())]
    with pytest.raises(StepError) as refused:
        render(spec(version, values=values, valuesFrom=sources, **changes), SECRETS, NEW, more or ())
    assert (refused.value.failed.reason, refused.value.failed.retry_in) == ("ValuesRefused", None)
    return refused.value.failed


@pytest.mark.parametrize("version", ["0.11.1", "4.4.0"])
@pytest.mark.parametrize(
    ("values", "changes", "path", "words"),
    [
        (
            {"hub": {"services": [{"name": "g", "url": "http://g:80"}]}},
            {},
            "hub.services",
            "a list, and the chart reads a mapping",
        ),
        ({"proxy": {"service": {"annotations": ["a=b"]}}}, {"expose": ACME}, "proxy.service.annotations", "a list"),
        ({"hub": "x"}, {}, "hub", "a text"),
        ({"hub": {"services": {"g": "http://g:80"}}}, {}, "hub.services.g", "a text"),
        ({"hub": {"loadRoles": [{"name": "a"}]}}, {}, "hub.loadRoles", "a list"),
        ({"hub": {"config": {"JupyterHub": True}}}, {}, "hub.config.JupyterHub", "true or false"),
        ({"singleuser": {"memory": "2G"}}, {}, "singleuser.memory", "a text"),
        ({"singleuser": {"image": "a/b:1"}}, {}, "singleuser.image", "a text"),
        ({"ingress": True}, {}, "ingress", "true or false"),
        ({"ingress": {"tls": {"secretName": "a"}}}, {}, "ingress.tls", "a mapping, and the chart reads a list of mappings"),
        ({"ingress": {"tls": ["a"]}}, {}, "ingress.tls", "a list, and the chart reads a list of mappings"),
        ({"proxy": {"https": {"hosts": "a.example.org"}}}, {}, "proxy.https.hosts", "a text, and the chart reads a list"),
    ],
)
def test_a_value_of_another_shape_is_refused_with_its_path(
    version: str, values: dict[str, Any], changes: dict[str, Any], path: str, words: str
) -> None:
    failed = refusal(version, values, **changes)
    assert failed.message.startswith(f"{HUB}.values.{path} is {words}") and path in failed.remedy
    failed = refusal(version, {}, more=[{}, values], **changes)
    assert failed.message.startswith(f"{HUB}.valuesFrom[1] (Secret more1): {path} is {words}")


def test_a_null_that_removes_typed_fields_is_refused_and_names_them() -> None:
    failed = refusal("4.4.0", {}, more=[{"hub": None}])
    assert failed.message.startswith(
        f"{HUB}.valuesFrom[0] (Secret more0): hub is null (has no value), which removes what {HUB}.auth"
    )
    assert "more fields set below it" in failed.message and failed.remedy.startswith(
        f"Remove {HUB}.valuesFrom[0] (Secret more0): hub, "
    )
    failed = refusal("4.4.0", {"singleuser": {"memory": None}}, singleUser={"memory": {"limit": "2G"}})
    assert f"{HUB}.values.singleuser.memory is null" in failed.message and f"{HUB}.singleUser.memory.limit set" in failed.message
    failed = refusal("2.0.0", {"hub": {"config": {"CryptKeeper": None}}})
    assert "which removes what the operator set below it" in failed.message


@pytest.mark.parametrize(
    "values",
    [
        {"singleuser": {"memory": None, "networkPolicy": None}},
        {"cull": None, "prePuller": {"hook": None}},
        {"singleuser": {"extraFiles": None}, "custom": [1], "ingress": {"hosts": None}},
        {"singleuser": {"storage": {"extraVolumes": {"a": {"name": "a"}}}}},
    ],
)
def test_a_null_may_remove_a_default(values: dict[str, Any]) -> None:
    assert render(spec("4.4.0", values=values), SECRETS, NEW)


def test_a_null_may_remove_what_another_source_of_values_set() -> None:
    first = {"singleuser": {"extraLabels": {"a": "b"}}}
    assert render(spec("4.4.0", values={"singleuser": {"extraLabels": None}}), SECRETS, NEW, [first])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"jupyterhub": []}, "values.jupyterhub is a list, and the chart reads a mapping there"),
        ({"jupyterhub": None}, "values.jupyterhub is null (has no value)"),
        ({"config": {"BinderHub": None}}, "values.config.BinderHub is null (has no value)"),
        ({"config": "x"}, "values.config is a text"),
        ({"jupyterhub": {"hub": {"services": []}}}, "values.jupyterhub.hub.services is a list"),
        ({"jupyterhub": {"hub": None}}, "values.jupyterhub.hub is null (has no value)"),
    ],
)
def test_a_binders_values_are_refused_with_the_path_in_its_own_chart(values: dict[str, Any], message: str) -> None:
    with pytest.raises(StepError) as refused:
        render_binder(binder_spec(INGRESS, values=values), BINDER_SECRETS, AZURE, NEW)
    assert refused.value.failed.reason == "ValuesRefused"
    assert refused.value.failed.message.startswith(f"{BINDER}.{message}")


def test_a_refusal_of_the_hub_in_a_binder_names_the_value_below_jupyterhub() -> None:
    values = {"jupyterhub": {"global": {"safeToShowValues": True}}}
    for changes, more, where in (
        ({"values": values}, [], f"{BINDER}.values.jupyterhub.global"),
        (
            {"valuesFrom": [{"kind": "Secret", "name": "a"}]},
            [values],
            f"{BINDER}.valuesFrom[0] (Secret a): jupyterhub.global",
        ),
    ):
        with pytest.raises(StepError) as refused:
            render_binder(binder_spec(INGRESS, **changes), BINDER_SECRETS, AZURE, NEW, more, PLACE)
        assert refused.value.failed.message.startswith(where)


WHOLE: Mapping[str, Any] = render(
    spec(
        "4.4.0",
        expose=ACME,
        services=[{"name": "own", "url": "http://own"}],
        values={
            "ingress": {"enabled": True, "tls": [{"hosts": ["a"], "secretName": "b"}]},
            "proxy": {"service": {"type": "ClusterIP"}},
            "singleuser": {"profileList": [{"display_name": "a", "kubespawner_override": {"volumes": [{"name": "a"}]}}]},
            "hub": {"db": {"url": "postgresql://hub@db/hub"}, "extraConfig": {"a": "b"}, "extraVolumes": [{"name": "a"}]},
        },
    ),
    SECRETS,
    NEW,
)


def members(value: Any) -> Iterator[tuple[Any, Any]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if above:
        yield above
    for key, child in members(value):
        yield from paths(child, (*above, key))


PATHS = sorted(paths(WHOLE), key=str)
OTHERS = st.sampled_from(
    [None, True, 0, -1.5, "", "x", [], ["x"], [{}], [None], {}, {"x": None}, {"x": "y"}, {"x": ["y"]}, {"1": {}}]
)


def with_changes(changes: list[tuple[tuple[Any, ...], Any]]) -> dict[str, Any]:
    """Return all values with some of them replaced."""
    values: Any = copy.deepcopy(WHOLE)
    for (*parents, last), value in changes:
        node = values
        for key in parents:
            node = dict(members(node)).get(key)
        if last in dict(members(node)):
            node[last] = value
    return values


CHANGES = st.lists(st.tuples(st.sampled_from(PATHS), OTHERS), min_size=1, max_size=3).map(with_changes)


@at_most(60)
@given(CHANGES, st.sampled_from(["0.11.1", "1.2.0", "3.3.8", "4.4.0"]), st.booleans())
@example({"hub": {"services": [{"name": "g", "url": "http://g:80"}]}}, "4.4.0", False)
def test_no_shape_of_values_raises_anything_but_a_refusal(values: dict[str, Any], version: str, adopted: bool) -> None:
    changes: dict[str, Any] = {"auth": {"fromValues": True}} if adopted else {"expose": ACME}
    before = HubContext(before=ReleaseSnapshot("3.3.8", values))
    for context in (HubContext(), before):
        try:
            rendered = render_with_origins(spec(version, values=values, **changes), SECRETS, NEW, [values], context)
        except StepError as refused:
            assert refused.failed.message.startswith(HUB) and refused.failed.remedy
            continue
        assert rendered.described_origins()
    wanted = BinderHubSpec.model_validate(binder_spec(INGRESS).model_dump(by_alias=True) | {"values": {"jupyterhub": values}})
    try:
        render_binder(wanted, BINDER_SECRETS, AZURE, NEW, [{"jupyterhub": values}])
    except StepError as refused:
        assert refused.failed.message.startswith(BINDER)


@at_most(60)
@given(CHANGES, CHANGES)
def test_an_existing_release_may_have_values_of_any_shape(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Another helm wrote the values of an adopted release."""
    before, after = ReleaseSnapshot("3.3.8", one), ReleaseSnapshot("4.4.0", other)
    list(upgrades.concerns(before, after, UserCounts()))
    list(data_changes(before, after))
    assert scheme_of(after) and isinstance(missing_secrets(one, other), list)
    assert isinstance(named_claims(one), list) and isinstance(token_in(one), str | None)
