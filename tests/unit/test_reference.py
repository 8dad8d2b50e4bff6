"""The reference pages document all fields, conditions and errors of the code; and the CRD sets the same defaults as the
models."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.crd import crd
from notebook_platform.api.patches import PLACES
from notebook_platform.api.reasons import Reason
from notebook_platform.api.rules import RULES
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import PlatformStatus
from notebook_platform.azure.arm.error_table import CODES
from notebook_platform.azure.arm.sign_in_table import AADSTS, FEDERATED
from notebook_platform.helm.errors import TABLE
from pydantic import BaseModel

from docs.generator import errors, spec
from docs.generator.sources import ROOT, failures, steps
from docs.generator.steps import drawing, entries, with_drawing
from tests.unit.azure.specs import runbook_spec


def paths_of(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield every field of a model and of its nested models, by its name in the CRD."""
    for name, field in model.model_fields.items():
        here = f"{path}.{field.alias or name}"
        yield here
        for inner, in_list in models_in(field.annotation):
            yield from paths_of(inner, f"{here}[]" if in_list else here)


def models_in(annotation: Any, in_list: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, in_list
    for argument in get_args(annotation):
        yield from models_in(argument, in_list or getattr(annotation, "__origin__", None) is list)


@pytest.mark.parametrize(("model", "root"), [(NotebookPlatformSpec, "spec"), (PlatformStatus, "status")])
def test_every_field_has_one_row_with_a_meaning(model: type[BaseModel], root: str) -> None:
    """The blocks of the spec have a heading instead, with their meaning below it. Members that a patch cannot set have a row as well."""
    rows = [line.split(" | ") for line in spec.page().splitlines() if line.startswith(f"| `{root}.")]
    documented = [(cells[0].strip("| `"), cells[3 if root == "spec" else 2].strip(" |")) for cells in rows]
    documented += [
        (path, meaning) for path, meaning in re.findall(r"^## (\S+)\n\n(.+)", spec.page(), re.MULTILINE) if f"{root}." in path
    ]
    assert len(documented) == len(dict(documented))
    patched = {path for path in dict(documented) if ".patch." in path}
    assert set(dict(documented)) - patched == set(paths_of(model, root))
    assert root == "status" or {f"{place}.{member}" for place, members in PLACES.items() for member in members} <= patched
    assert not [path for path, meaning in documented if meaning in ("", "–")]


def test_every_sentence_of_a_refusal_stands_on_the_page() -> None:
    page = re.sub(r"\\(.)", r"\1", spec.page())
    documented = {(path, message) for path, rules in RULES.items() for _, message in rules}
    assert documented
    missing = [message for path, message in documented if message not in page and message.removeprefix(f"{path} ") not in page]
    assert not missing


def test_every_step_has_a_condition_and_a_description() -> None:
    assert [name for name, about in steps() if not about] == []
    assert {"Credentials", "Cluster", "JupyterHub"} <= {name for name, _ in steps()}
    assert not [name for name, _ in steps() if f"`{name}Ready`" not in spec.page()]


def test_every_notice_in_the_code_is_documented() -> None:
    raised_types = {
        name for path in ROOT.rglob("*.py") for name in re.findall(r"Notice\(\s*condition=ConditionType.(\w+)", path.read_text())
    }
    assert raised_types and not [name for name in raised_types if f"| `{ConditionType[name]}` |" not in spec.page()]


def test_every_error_has_a_row_with_its_reason_and_the_head_line_counts_them() -> None:
    rows = [line for line in errors.page().splitlines() if line.startswith("| `")]
    codes = [line for line in errors.page().split("## Helm")[0].splitlines() if line.startswith("| `")]
    federated = ((f"AADSTS{number} (token file)", (row,)) for number, row in FEDERATED.items())
    for code, meanings in [*CODES.items(), *((f"AADSTS{number}", (row,)) for number, row in AADSTS.items()), *federated]:
        mine = [row for row in codes if row.startswith(f"| `{code}` |")]
        assert [f"| `{meaning.reason}` |" in row for meaning, row in zip(meanings, mine, strict=True)] == [True] * len(meanings)
    total = sum(len(meanings) for meanings in CODES.values()) + len(AADSTS) + len(FEDERATED) + len(TABLE) + len(failures())
    assert len(rows) == total and f"{total} meanings" in errors.page()


def test_every_reason_that_the_operator_raises_is_documented() -> None:
    raised = {reason for path in ROOT.rglob("*.py") for reason in re.findall(r"StepError\(\s*Reason.(\w+)", path.read_text())}
    assert {"SECRET_NOT_FOUND", "IMMUTABLE_FIELD"} <= raised
    documented = {row.reason for row in failures()}
    assert {Reason[name] for name in raised} - documented == set()


def test_a_document_without_the_marks_of_the_drawing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no block between"):
        with_drawing("# Architecture\n")


def test_the_drawing_has_every_step_and_follows_every_need() -> None:
    generated = drawing(entries())
    arrows = set(re.findall(r"^  (\w+) --> (\w+)$", generated, re.MULTILINE))
    assert set(re.findall(r"^    (\w+)\[", generated, re.MULTILINE)) == {re.sub("[<>]", "", entry.name) for entry in entries()}

    def below(name: str) -> set[str]:
        return {step for need, step in arrows if need == name}.union(*(below(step) for need, step in arrows if need == name))

    needs = {(need, re.sub("[<>]", "", entry.name)) for entry in entries() for need in entry.needs}
    assert arrows <= needs
    assert [(need, name) for need, name in needs if name not in below(need)] == []


def filled_in(schema: dict[str, Any], value: Any) -> Any:
    """Return a value with the schema's defaults, as the API server stores it."""
    if isinstance(value, list):
        return [filled_in(schema["items"], item) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    values = {name: child["default"] for name, child in schema["properties"].items() if "default" in child} | value
    return {name: filled_in(schema["properties"][name], inner) for name, inner in values.items()}


def test_the_api_server_fills_in_what_the_models_would() -> None:
    values = runbook_spec()
    oidc = dict.fromkeys(("authorizeUrl", "tokenUrl", "userinfoUrl"), "https://login.example.org")
    oidc |= {"clientId": "hub", "clientSecretRef": {"name": "hub"}, "allowAll": True}
    values["jupyterhub"] = {"chart": {"version": "4.4.0"}, "host": "hub.example.org", "auth": {"oidc": oidc}}
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert NotebookPlatformSpec.model_validate(filled_in(schema, values)) == NotebookPlatformSpec.model_validate(values)
