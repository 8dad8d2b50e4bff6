"""How models become the schema: list types, decimals, selectable fields."""

from decimal import Decimal
from typing import Any

import pytest
from notebook_platform.api.autoscale import AutoscaleRule
from notebook_platform.api.base import SpecModel
from notebook_platform.api.crd import SELECTABLE, crd, structural
from notebook_platform.api.lists import Atomic, SetOf
from notebook_platform.api.node_pools import Spot
from notebook_platform.api.numbers import json_number, wire_decimal
from notebook_platform.api.status import ACTIONS
from notebook_platform.engine import Action
from pydantic import ValidationError


class Untyped(SpecModel):
    names: list[str]


class Typed(SpecModel):
    names: SetOf[str]
    values: Atomic[str] | None = None


def test_a_list_without_a_type_makes_no_crd() -> None:
    with pytest.raises(TypeError, match=r"spec\.names has no list type"):
        structural(Untyped.model_json_schema(), "spec")
    found = structural(Typed.model_json_schema(), "spec")["properties"]
    assert [found[name]["x-kubernetes-list-type"] for name in ("names", "values")] == ["set", "atomic"]


class Described(SpecModel):
    first_one: int
    """The first."""
    second: Typed | None = None
    """The second."""
    third: str


class Redeclared(Described):
    first_one: str
    third: str
    """The third."""


def test_the_docstring_of_a_field_is_its_description_unless_a_class_below_declares_the_field_again() -> None:
    for model, texts in ((Described, ["The first.", "The second.", None]), (Redeclared, [None, "The second.", "The third."])):
        found = model.model_json_schema()["properties"]
        assert [found[name].get("description") for name in ("firstOne", "second", "third")] == texts


def version() -> dict[str, Any]:
    found: dict[str, Any] = crd()["spec"]["versions"][0]
    return found


def test_selectable_fields_are_required_text_of_the_spec() -> None:
    assert [field["jsonPath"] for field in version()["selectableFields"]] == list(SELECTABLE)
    for path in SELECTABLE:
        schema = version()["schema"]["openAPIV3Schema"]
        for name in path.strip(".").split("."):
            assert name in schema["required"]
            schema = schema["properties"][name]
        assert schema["type"] == "string"


def test_the_actions_of_a_planned_change_are_the_engines() -> None:
    assert set(ACTIONS) == {str(action) for action in Action}


def test_one_manager_owns_all_of_a_reference() -> None:
    spec = version()["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    credentials = spec["azure"]["properties"]["credentials"]["properties"]
    assert credentials["secretRef"]["x-kubernetes-map-type"] == "atomic"
    assert "x-kubernetes-map-type" not in spec["azure"]


def test_the_default_of_a_decimal_is_an_integer_in_the_schema() -> None:
    pools = version()["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["nodePools"]
    price = pools["items"]["properties"]["spot"]["properties"]["maxPrice"]
    assert price["default"] == -1 and price["x-kubernetes-int-or-string"] is True and "type" not in price
    assert Spot().max_price == -1


@pytest.mark.parametrize(("written", "sent"), [(70, 70), ("0.5", 0.5), ("2.0", 2), (-3, -3)])
def test_a_decimal_reaches_azure_as_a_number(written: int | str, sent: float) -> None:
    rule = AutoscaleRule.model_validate({"operator": "LessThan", "threshold": written, "change": -1})
    assert json_number(rule.threshold) == sent
    assert type(json_number(rule.threshold)) is type(sent)


@pytest.mark.parametrize("written", [0.5, True, "half", "NaN", "Infinity", "1e5", "0x1", None])
def test_a_number_that_is_neither_an_integer_nor_a_decimal_as_text_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        AutoscaleRule.model_validate({"operator": "LessThan", "threshold": written, "change": -1})


@pytest.mark.parametrize("price", ["-2", 1001])
def test_a_price_out_of_bounds_is_refused(price: object) -> None:
    with pytest.raises(ValidationError):
        Spot.model_validate({"maxPrice": price})


@pytest.mark.parametrize(
    ("found", "written"), [(70, 70), (70.0, 70), (0.5, "0.5"), (0.00001, "0.00001"), (-1, -1), (1e12, 10**12)]
)
def test_an_imported_number_is_written_without_a_float(found: float, written: int | str) -> None:
    assert wire_decimal(found) == written
    assert Decimal(written) == Decimal(str(found))
