"""Say in patches what an imported spec has no value for: a value that the CRD refuses, and a difference that the plan shows.

Each member is tried: it stays only if the patch with it is accepted, so that the rest is left to spec.driftIgnore or to a remark.
"""

import copy
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.checks.patches import patch_problems
from notebook_platform.azure.importing.patches import put_member, values_left_out
from notebook_platform.azure.importing.scan import Taken
from notebook_platform.azure.merge_patch import Keys
from notebook_platform.cli.import_fit import ADOPTED
from notebook_platform.engine import Action, Change

Spec = dict[str, Any]


def patch_left_out(taken: Taken) -> None:
    """Put the values that were left out of the spec into patches; those that no patch takes become remarks."""
    for keys, remark in taken.left_out.items():
        places = values_left_out(taken.spec, taken.cluster, keys)
        accepted = [_accepted(taken, block, path, value) for block, path, value in places]
        if not accepted or not all(accepted):
            taken.remarks.append(remark)
    taken.left_out.clear()


def patch_difference(taken: Taken, step: str, change: Change) -> bool:
    """Put what Azure has at a difference into the patch of the cluster or of the pool; return whether the patch takes it."""
    if change.action not in (Action.UPDATE, Action.REPLACE) or not change.keys or change.before in (None, ""):
        return False  # a null would not outlive a client-side kubectl apply
    if step == "Cluster":
        return _accepted(taken, taken.spec["cluster"], change.keys, change.before)
    if step == "NodePools":
        name = change.path.removeprefix("agentPools[").split("]")[0]
        pool = next((pool for pool in taken.spec["nodePools"] if pool["name"] == name), None)
        return pool is not None and _accepted(taken, pool, ("properties", *change.keys), change.before)
    return False


def _accepted(taken: Taken, block: Spec, keys: Keys, value: Any) -> bool:
    """Put a member into the patch of a block of the spec, unless the patch would be refused with it."""
    before = copy.deepcopy(block.get("patch"))
    try:
        put_member(block, keys, value)
        spec = NotebookPlatformSpec.model_validate({**taken.spec, **ADOPTED})
        if not patch_problems(spec, {}, datetime.now(UTC)):
            return True
    except (ValidationError, TypeError, AttributeError):
        pass  # the member lies in one that has another form
    if before is None:
        block.pop("patch", None)
    else:
        block["patch"] = before
    return False
