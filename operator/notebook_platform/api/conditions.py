"""Conditions as Kubernetes means them, and the small pure helpers that set them.

Ready, Reconciling and Stalled follow kstatus (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus), so
that `kubectl wait`, Argo CD and Flux understand them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field

from notebook_platform.api.base import StatusModel, Time
from notebook_platform.api.reasons import AnyReason

MESSAGE_LIMIT = 2048


class Condition(StatusModel):
    """One observation about the platform, in the form of metav1.Condition."""

    type: str = Field(max_length=64, description="Type of the condition.")
    status: Literal["True", "False", "Unknown"] = Field(description="Status of the condition.")
    reason: str = Field(max_length=128, description="Reason for the status, in one CamelCase word.")
    message: str = Field(max_length=MESSAGE_LIMIT, description="The state, its cause and the remedy.")
    observed_generation: int = Field(description="The generation of the spec that the condition describes.")
    last_transition_time: Time = Field(description="When status last changed (RFC 3339).")


def condition(type_: str, status: bool | None, reason: AnyReason, message: str, *, generation: int, now: datetime) -> Condition:
    """Make a condition that begins now. `status` None means Unknown."""
    return Condition(
        type=type_,
        status="Unknown" if status is None else "True" if status else "False",
        reason=reason,
        message=message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…",
        observed_generation=generation,
        last_transition_time=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def carry_over(new: Iterable[Condition], previous: Iterable[Condition]) -> list[Condition]:
    """Return the new conditions; one whose status did not change keeps its last transition time."""
    before = {c.type: c for c in previous}
    return [
        c.model_copy(update={"last_transition_time": old.last_transition_time})
        if (old := before.get(c.type)) and old.status == c.status
        else c
        for c in new
    ]
