"""The JSON schema for editors: it accepts the examples, and marks unknown fields and wrong values."""

import copy
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from notebook_platform.api.crd import editor_schema

from sandbox.operator_process import ROOT

EXAMPLES = [
    document
    for path in sorted((ROOT / "deploy" / "examples").glob("*.yaml"))
    for document in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader)
    if document and document["kind"] == "NotebookPlatform"
]
(TRIAL,) = [example for example in EXAMPLES if example["metadata"]["name"] == "trial"]


@cache
def validator() -> Draft7Validator:
    return Draft7Validator(editor_schema())


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(editor_schema())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["metadata"]["name"]))
def test_an_example_has_no_errors(example: dict[str, Any]) -> None:
    assert [error.message for error in validator().iter_errors(example)] == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("spec", "cluster", "kubernetesVersoin"), "1.35", "'kubernetesVersoin' was unexpected"),
        (("spec", "nodePools"), {}, "is not of type 'array'"),
        (("spec", "deletionPolicy"), "Keep", "is not one of"),
        (("kind",), "NotebookPlatfrom", "was expected"),
        (("spec", "jupyterhub", "values"), "text", "is not of type 'object'"),
    ],
)
def test_a_mistake_is_marked(path: tuple[str, ...], value: Any, words: str) -> None:
    example = copy.deepcopy(TRIAL)
    node = example
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    (error,) = validator().iter_errors(example)
    assert words in error.message


def test_values_and_patches_are_free() -> None:
    example = copy.deepcopy(TRIAL)
    example["spec"]["jupyterhub"]["values"] = {"hub": {"any": [{"thing": 1}]}}
    example["spec"]["cluster"]["patch"] = {"properties": {"any": {"thing": True}}}
    assert [error.message for error in validator().iter_errors(example)] == []
