"""Members of a file that the API does not know, with the path that their author may mean."""

from typing import Any

import pytest
import yaml
from notebook_platform.api.unknown_fields import unknown_fields

from sandbox.operator_process import ROOT

INDENTATION = "correct the indentation"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"jupyterhub": {}}, f"jupyterhub is not a field, spec.jupyterhub is: {INDENTATION}"),
        ({"location": "x"}, f"location is not a field, spec.azure.location is: {INDENTATION}"),
        (
            {"spec": {"azure": {"secretRef": {}}}},
            f"spec.azure.secretRef is not a field, spec.azure.credentials.secretRef is: {INDENTATION}",
        ),
        ({"spec": {"azure": {"cluster": {}}}}, f"spec.azure.cluster is not a field, spec.cluster is: {INDENTATION}"),
        (
            {"spec": {"nodePools": [{}, {"maxCount": 3}]}},
            f"spec.nodePools[1].maxCount is not a field, spec.nodePools[].autoscaling.maxCount is: {INDENTATION}",
        ),
        ({"spec": {"nodePools": [{"vmsize": "x"}]}}, "spec.nodePools[0].vmsize is not a field; similar: vmSize"),
        ({"spec": {"nodepools": []}}, "spec.nodepools is not a field; similar: nodePools"),
        ({"spec": {"qwxyz": []}}, "spec.qwxyz is not a field"),
    ],
)
def test_an_unknown_member_is_named_with_its_place_or_a_similar_one(document: dict[str, Any], sentence: str) -> None:
    assert unknown_fields(document) == [sentence]


def test_parts_with_members_of_other_parties_are_not_checked() -> None:
    spec = {"jupyterhub": {"values": {"a": {"b": 1}}}, "azure": {"tags": {"a": "b"}}, "cluster": {"patch": {"any": {"x": 1}}}}
    assert unknown_fields({"metadata": {"name": "hub", "anything": 1}, "spec": spec}) == []


@pytest.mark.parametrize("path", sorted((ROOT / "deploy/examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_have_known_members_only(path: Any) -> None:
    platforms = [one for one in yaml.safe_load_all(path.read_text()) if one["kind"] == "NotebookPlatform"]
    assert [unknown_fields(one) for one in platforms] == [[]] * len(platforms)
