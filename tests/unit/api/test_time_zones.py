"""Names of time zones, and the maintenance window in one that does not exist."""

from datetime import UTC, datetime

import pytest
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.time_zones import time_zone, unknown_time_zone
from notebook_platform.policy import window_gate

from tests.unit.azure.specs import with_cluster

SATURDAY = datetime(2026, 3, 7, 3, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "..", "/etc/passwd", "../../etc/passwd", "Europe", "Europe/Wien", "a\0b", "x" * 64])
def test_a_name_that_the_tz_database_does_not_have_is_no_time_zone(name: str) -> None:
    assert time_zone(name) is None


@pytest.mark.parametrize(
    ("name", "meant"), [("Europe/Wien", "Europe/Vienna"), ("europe/berlin", "Europe/Berlin"), ("??", "Europe/Vienna")]
)
def test_the_message_names_the_most_similar_time_zone(name: str, meant: str) -> None:
    assert unknown_time_zone(name) == f"timeZone {name!r} is not a name of the tz database, such as {meant}"


def gate(zone: str) -> str:
    spec = with_cluster(maintenanceWindow={"days": ["Saturday"], "timeZone": zone})
    return window_gate(NotebookPlatformSpec.model_validate(spec | {"disruption": "MaintenanceWindow"}), SATURDAY)


def test_disruptive_changes_wait_while_the_windows_time_zone_is_unknown() -> None:
    assert gate("UTC") == ""
    assert gate("Europe/Wien").startswith(
        "spec.cluster.maintenanceWindow.timeZone 'Europe/Wien' is not a name of the tz database"
    )
