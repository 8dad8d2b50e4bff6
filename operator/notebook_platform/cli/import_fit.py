"""Leave out of an imported spec what the CRD would refuse. A value that exists in Azure need not be one that the spec takes."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from notebook_platform.api.patterns import Refused, refused
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.spec_errors import field_path, sentence
from notebook_platform.azure.importing.scan import Taken
from notebook_platform.cli.management import UsageError

ROUNDS = 20
"""Leaving out one value may show the next one that is refused."""

REQUIRED = {
    "cluster": frozenset({"name", "kubernetesVersion"}),
    "azure": frozenset({"subscriptionId", "location", "resourceGroup"}),
}
"""Members of a block without which there is no spec. A refused member of an item of a list takes the item with it if it is one of ITEMS."""

IDENTIFYING = {"jupyterhub": frozenset({"release", "namespace", "chart"})}
"""Members that say which existing thing a block is about. Without one of them, the block would be about another, which is left out with it."""

ITEMS = frozenset({"name", "mode", "vmSize", "pool", "capacity", "operator", "threshold", "change"})

ADOPTED = {"deletionPolicy": "Orphan", "adoption": "IfUnowned"}


def fitting_model(taken: Taken) -> NotebookPlatformSpec:
    """Return the spec, validated, without the values that the CRD refuses; each is removed from `taken` and stands in
    `taken.left_out`. Raises UsageError."""
    for _ in range(ROUNDS):
        problems = _problems({**taken.spec, **ADOPTED})
        if not problems:
            break
        _leave_out(taken, problems[0])
    return NotebookPlatformSpec.model_validate({**taken.spec, **ADOPTED})


def _problems(spec: dict[str, Any]) -> Sequence[Refused]:
    try:
        NotebookPlatformSpec.model_validate(spec)
    except ValidationError as error:
        return [Refused(tuple(e["loc"]), sentence(e)) for e in error.errors()]
    return refused(spec)


def _leave_out(taken: Taken, problem: Refused) -> None:
    """Remove the value, or the item of a list that cannot do without it. Raises UsageError."""
    keys = list(problem.keys)
    if len(keys) < 2 or keys[1] in REQUIRED.get(str(keys[0]), ()):
        raise UsageError(f"the existing resources cannot be described: {problem.sentence}")
    if len(keys) > 1 and keys[1] in IDENTIFYING.get(str(keys[0]), ()):
        keys = keys[:1]
    if keys[-1] in ITEMS and isinstance(keys[-2], int):
        keys.pop()
    node: Any = taken.spec
    try:
        for key in keys[:-1]:
            node = node[key]
        node.pop(keys[-1])
    except (KeyError, IndexError, TypeError):
        raise UsageError(f"the existing resources cannot be described: {problem.sentence}") from None
    remark = f"{field_path(keys)} is left out, because the spec does not allow the value in Azure: {problem.sentence}"
    taken.left_out[tuple(keys)] = remark
