"""What platforms that wait for a slot may do meanwhile."""

import contextlib

from notebook_platform.slots import REPORTS, Slots


def test_a_bounded_number_of_platforms_reports_at_once_that_it_waits() -> None:
    slots = Slots(1)
    with contextlib.ExitStack() as stack:
        assert [stack.enter_context(slots.report()) for _ in range(1000)] == [True] * REPORTS + [False] * (1000 - REPORTS)
    with slots.report() as allowed:
        assert allowed
