"""Values of another kind than the chart's own, which Helm drops or warns about on its standard error, are remarked with their place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.bounded.local import read_local_yaml
from notebook_platform.helm.ignored_values import MOST, mismatch_notices, mismatches
from notebook_platform.helm.release import decode, packed
from notebook_platform.hubs.binder.values import render as render_binder

from sandbox.operator_process import ROOT
from tests.unit.hubs.binder_specs import AZURE, PLACE, VERSION
from tests.unit.hubs.binder_specs import SECRETS as BINDER_SECRETS
from tests.unit.hubs.binder_specs import spec as binder_spec
from tests.unit.hubs.mapping import REFUSED, TABLE, expected
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, OLD, SECRETS, spec
from tests.unit.hubs.test_release_records import DOCUMENT

DEFAULTS = {
    "a": {"b": {"c": 1}, "text": "x", "empty": "", "off": False, "none": None, "list": [], "map": {}, "number": 0},
    "sub": {"x": {"y": 1}, "global": {"own": {"z": 1}}, "deep": {"global": {"deeper": {}}}},
    "global": {"g": {"h": 1}},
}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"a": {"b": 3}},
            "a.b is a number, and the chart has a mapping there: Helm drops it with its members",
        ),
        ({"a": "x"}, "a is a text, and the chart has a mapping there"),
        ({"a": {"map": ["x"]}}, "a.map is a list, and the chart has a mapping there"),
        (
            {"a": {"list": {"m": 1}}},
            "a.list is a mapping, and the chart has a list there: the chart's templates may not read it",
        ),
        ({"a": {"text": {"m": 1}}}, "a.text is a mapping, and the chart has a text there"),
        ({"sub": {"x": False}}, "sub.x is true or false, and the chart has a mapping there"),
        ({"global": {"g": 1}}, "global.g is a number, and the chart has a mapping there"),
        ({"global": {"own": 1}}, "global.own is a number, and the subchart sub has a mapping there, which it keeps"),
        ({"global": {"deeper": 1}}, "global.deeper is a number, and the subchart sub.deep has a mapping there, which it keeps"),
        ({"a": {"b": None}}, None),
        ({"a": {"b": {"c": [1]}}}, None),
        ({"a": {"none": {"m": 1}, "empty": {"m": 1}, "off": {"m": 1}, "number": {"m": 1}}}, None),
        ({"a": {"text": 1, "list": "x", "more": {"m": 1}}, "own": [1]}, None),
        ({"global": {"own": {"z": 2}, "more": 1}}, None),
    ],
)
def test_a_value_of_another_kind_than_the_charts_is_remarked(config: dict[str, Any], sentence: str | None) -> None:
    notices = mismatch_notices(mismatches(config, DEFAULTS), [("spec.releases[x].values.{path}", config)], "spec.releases[x]")
    if sentence is None:
        assert notices == ()
        return
    (notice,) = notices
    assert (notice.condition, notice.reason) == ("ValuesIgnored", "NoEffect")
    assert notice.message.startswith(f"spec.releases[x].values.{sentence}")


def test_the_last_document_that_sets_a_value_is_named() -> None:
    found = mismatches({"a": {"b": 3}}, DEFAULTS)
    sources = [("field.valuesFrom[0] (Secret s): {path}", {"a": {"b": 3}}), ("field.values.{path}", {"a": {"x": 1}})]
    assert mismatch_notices(found, sources, "field")[0].message.startswith("field.valuesFrom[0] (Secret s): a.b is a number")
    assert mismatch_notices(found, [], "field")[0].message.startswith("field.values.a.b is a number")


def test_the_values_of_a_record_are_compared_with_its_chart() -> None:
    chart = {**DOCUMENT["chart"], "values": DEFAULTS}
    document = {**DOCUMENT, "chart": chart, "config": {"a": {"b": "secret"}}}
    found = decode(packed(document))
    assert [one.path for one in found.mismatches] == [("a", "b")] and "secret" not in repr(found.mismatches)
    assert decode(packed(DOCUMENT)).mismatches == decode(packed({**document, "chart": {**chart, "values": [1]}})).mismatches == ()


FORMS = st.recursive(
    st.sampled_from([None, True, 1, "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "sub", "global"]), inner, max_size=3),
    max_leaves=8,
)


@given(FORMS)
def test_no_form_of_values_raises_and_few_are_kept(values: Any) -> None:
    for config, defaults in ((DEFAULTS, values), (values, DEFAULTS)):
        if isinstance(config, dict) and isinstance(defaults, dict):
            assert len(mismatches(config, {**defaults, "global": values, "sub": values})) <= MOST
    assert len(mismatches({str(n): 1 for n in range(100)}, {str(n): {} for n in range(100)})) == MOST


def defaults_of(chart: str) -> dict[str, Any]:
    (values,) = read_local_yaml((ROOT / "sandbox" / "charts" / chart / "values.yaml").read_text())
    return values


@pytest.mark.parametrize("version", ["0.11.1", "4.4.0"])
def test_values_of_typed_fields_have_the_types_of_the_charts_defaults(version: str) -> None:
    defaults = defaults_of(f"jupyterhub-{version}")
    for name, entry in TABLE.items():
        if expected(entry, version) is not REFUSED:
            assert mismatches(render(spec(version, **entry[0]), SECRETS, OLD), defaults) == (), name


def test_values_of_binder_fields_have_the_types_of_the_charts_defaults() -> None:
    values = render_binder(binder_spec(), BINDER_SECRETS, AZURE, NEW, hub_context=PLACE).values
    assert mismatches(values, defaults_of(f"binderhub-{VERSION}")) == ()
