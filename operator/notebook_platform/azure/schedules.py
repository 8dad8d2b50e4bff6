"""Check the schedules of the spec before a step follows them."""

from collections.abc import Iterable

from notebook_platform.api.reasons import Reason
from notebook_platform.api.schedules import Recurring, problem
from notebook_platform.engine.outcome import StepError


def check_schedules(schedules: Iterable[Recurring], field: str) -> None:
    """Raise StepError (ScheduleUnreadable) for the first schedule of a field that is not valid."""
    for schedule in schedules:
        if words := problem(schedule):
            raise StepError(Reason.SCHEDULE_UNREADABLE, f"{field}: {words}", f"Correct {field}.")
