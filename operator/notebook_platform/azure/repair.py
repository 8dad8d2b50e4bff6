"""Repairs of a managed cluster or an agent pool that Azure left Failed or Canceled: the same body is sent again, a limited number of times.

The count is a tag of the resource, so it survives the operator; it is removed when a repair has succeeded. Pure.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.states import SUCCEEDED, state_of
from notebook_platform.engine import Action, Change, StepError
from notebook_platform.engine.change import Scheduled

REPAIRS = 3
REPAIRS_TAG = "notebookplatform-repairs"
"""`<digest of the body>:<count>`: how often the failed resource was sent the same body again."""


def next_repair(
    what: str,
    field: str,
    reason: Reason,
    desired: Mapping[str, Any],
    properties: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str:
    """Return the tag's value for one more repair with this body.

    `what` names the resource ("the agent pool 'users'"), `field` the member of the spec; `properties` and `tags` are as read. Raises
    StepError with `reason` and Azure's words after REPAIRS.
    """
    digest = hashlib.sha256(json.dumps(desired, sort_keys=True, default=str).encode()).hexdigest()[:12]
    before, _, count = tags.get(REPAIRS_TAG, "").partition(":")
    done = int(count) if before == digest and count.isdigit() else 0
    if done >= REPAIRS:
        raise StepError(
            reason,
            f"{field}: {what} is still {state_of(properties)} in Azure after {REPAIRS} repairs{_words(properties)}",
            "Correct the cause that Azure's earlier Events name, and change the spec or repair it by hand.",
        )
    return f"{digest}:{done + 1}"


def finished_repairs(properties: Mapping[str, Any], tags: Mapping[str, str] | None) -> list[Change]:
    """Return the removal of the tag from a resource that works again: the next failure is another one, with repairs of its own.

    `properties` and `tags` are as read. The removal belongs to the repair, so it is no drift.
    """
    if state_of(properties).casefold() != SUCCEEDED.casefold():
        return []
    return [
        Change(path=f"tags.{name}", action=Action.UPDATE, before=value, gate=Scheduled(), keys=("tags", name))
        for name, value in (tags or {}).items()
        if name.casefold() == REPAIRS_TAG
    ]


def _words(properties: Mapping[str, Any]) -> str:
    """Return Azure's own words about the failure, as the end of a sentence
    (https://learn.microsoft.com/rest/api/aks/agent-pools/get: status.provisioningError)."""
    error = (properties.get("status") or {}).get("provisioningError") or {}
    inner = error.get("error") or error
    words = ": ".join(str(inner[key]) for key in ("code", "message") if inner.get(key))
    return f": {words}" if words else ""
