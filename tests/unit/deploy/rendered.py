"""What the directories of deploy/kustomize render, once for all tests."""

import copy
from functools import cache
from typing import Any

from sandbox.operator_process import kustomized as render

rendered = cache(render)


def kustomized(path: str) -> list[dict[str, Any]]:
    """Return the objects of a directory of deploy/kustomize, as a copy."""
    return copy.deepcopy(rendered(path))
