"""Which statuses are written at once, and which are left to a reconcile that comes soon."""

from collections.abc import Mapping
from typing import Any

import pytest
from notebook_platform.api.conditions import Condition
from notebook_platform.api.status import OperationStatus, PlatformStatus
from notebook_platform.kube.secrets import Platform
from notebook_platform.status_writer import LONGEST_LEFT, SOON, Reporter

NOW = "2026-01-01T00:00:00Z"
CREATES = OperationStatus(step="Network", kind="create virtual network x", started=NOW, url="https://localhost/1")


class Object:
    """The platform in the management cluster, as far as a Reporter uses it."""

    platform = Platform(namespace="team", name="hub", uid="uid-left")

    def __init__(self) -> None:
        self.statuses: list[Mapping[str, Any]] = []

    async def write_status(self, wire: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Keep the status."""
        self.statuses.append(wire)


def status(ready: str, step: str, *operations: OperationStatus, generation: int = 1) -> PlatformStatus:
    """Return a status in which the step Network has the reason `step`."""
    conditions = [
        Condition(type=kind, status=value, reason=reason, message="", last_transition_time=NOW, observed_generation=generation)
        for kind, value, reason in (("Ready", ready, "Creating"), ("NetworkReady", "False", step))
    ]
    return PlatformStatus(conditions=conditions, operations=list(operations), observed_generation=generation)


@pytest.fixture
def stored() -> Object:
    return Object()


@pytest.fixture
async def reporter(stored: Object) -> Reporter:
    found = Reporter(stored, {"status": {}}, "team/hub")  # type: ignore[arg-type]
    await found.write_or_leave(status("False", "Creating", CREATES), SOON, at=10.0)
    assert len(stored.statuses) == 1, "the first status is written"
    return found


async def test_progress_is_left_to_a_reconcile_that_comes_soon_and_written_with_it(stored: Object, reporter: Reporter) -> None:
    await reporter.write_or_leave(status("False", "Updating"), SOON, at=10.0)
    assert len(stored.statuses) == 1 and reporter.status == status("False", "Updating")
    await reporter.write_or_leave(status("False", "Updating"), SOON + 1, at=10.0)
    assert len(stored.statuses) == 2 and stored.statuses[-1] == status("False", "Updating").wire()


@pytest.mark.parametrize(
    "later",
    [
        status("True", "Creating", CREATES),
        status("False", "Creating", CREATES, generation=2),
        status("False", "Creating", CREATES, CREATES.model_copy(update={"step": "Cluster"})),
    ],
    ids=["the whole platform", "generation", "operation"],
)
async def test_a_status_change_beyond_progress_is_written_at_once(
    stored: Object, reporter: Reporter, later: PlatformStatus
) -> None:
    await reporter.write_or_leave(later, 0.0, at=10.0)
    assert stored.statuses[-1] == later.wire()


async def test_a_platform_that_reconciles_again_and_again_is_written_once_a_second(stored: Object, reporter: Reporter) -> None:
    await reporter.write_or_leave(status("False", "Updating"), 0.1, at=10.0)
    assert len(stored.statuses) == 1
    await reporter.write_or_leave(status("False", "Updating"), 0.1, at=10.1 + LONGEST_LEFT)
    assert len(stored.statuses) == 2
