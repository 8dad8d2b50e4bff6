"""The operator's table of traits is what the real classes of each chart generation's hub say."""

import json
from pathlib import Path

import pytest

from tests.environments import Say
from tests.hub.generations import GENERATIONS, TRAITS, generations_home, run


@pytest.mark.timeout(900)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_table_of_traits_is_that_of_the_real_classes(hub_home: Path, say: Say, generation: str) -> None:
    """`python -m tests.hub.generations` writes it."""
    known = json.loads(TRAITS.read_text())[generation]
    assert run(generations_home(say), hub_home, generation, "traits_of_hub.py") == known
