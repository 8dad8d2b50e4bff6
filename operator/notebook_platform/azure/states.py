"""provisioningState: whether Azure works on a resource. Pure.

Azure has dozens of words for work in progress (Updating, UpgradingNodeImageVersion, RotatingClusterCertificates, Maintenance, Migrating)
and adds new ones; the three for its end are fixed
(https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations#provisioningstate-values).
"""

from collections.abc import Mapping
from typing import Any

SUCCEEDED, FAILED, CANCELED = "Succeeded", "Failed", "Canceled"

_ENDED = frozenset(state.casefold() for state in (SUCCEEDED, FAILED, CANCELED))
_UNFINISHED = frozenset(state.casefold() for state in (FAILED, CANCELED))


def state_of(properties: Mapping[str, Any]) -> str:
    """Return the provisioningState; empty when the resource has none, which is no work in progress."""
    return str(properties.get("provisioningState") or "")


def is_busy(properties: Mapping[str, Any]) -> bool:
    """Return whether work is in progress on a resource with these properties: every state that is not an end."""
    state = state_of(properties)
    return bool(state) and state.casefold() not in _ENDED


def is_unfinished(properties: Mapping[str, Any]) -> bool:
    """Return whether the last work on a resource ended without its goal: Failed or Canceled."""
    return state_of(properties).casefold() in _UNFINISHED
