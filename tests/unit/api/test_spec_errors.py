"""What a user reads about a spec that the models refuse."""

from typing import Any

import pytest
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.spec_errors import SHOWN, sentences
from pydantic import ValidationError

from tests.unit.azure.specs import runbook_spec, with_cluster


def refusal(spec: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        NotebookPlatformSpec.model_validate(spec)
    return sentences(caught.value)


def test_a_number_that_has_to_be_text_gets_quotes() -> None:
    assert (
        refusal(with_cluster(kubernetesVersion=1.35)) == "spec.cluster.kubernetesVersion: must be text: write the value in quotes"
    )


def test_the_item_of_a_list_is_named_by_its_index() -> None:
    spec = runbook_spec()
    spec["nodePools"][0]["name"] = "my-system-pool"
    assert refusal(spec).startswith("spec.nodePools[0].name: ")


def test_a_rule_of_ours_is_printed_without_the_words_of_pydantic() -> None:
    spec = runbook_spec()
    spec["azure"]["location"] = "East US"
    assert refusal(spec) == "spec.azure.location: must be a region in lower case, such as eastus"


def test_the_first_errors_are_named() -> None:
    assert len(refusal({"nodePools": [{}] * 9, "azure": {}, "cluster": {}}).split("; ")) == SHOWN
