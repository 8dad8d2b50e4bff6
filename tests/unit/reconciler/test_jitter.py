"""The jitter of the waits between reconciles: its bounds, and that it separates platforms."""

from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.policy import oldest_read, spread


@given(st.floats(0.01, 1e5), st.floats(1, 1e5), st.floats(0, 1), st.booleans())
def test_jitter_keeps_waits_between_what_azure_asks_for_and_the_interval(
    wait: float, interval: float, jitter: float, first: bool
) -> None:
    found = spread(min(wait, interval), interval, jitter, first=first)
    assert found <= interval * (1 + 1e-9)
    if wait < interval:
        assert wait <= found <= 1.1 * wait
    else:
        assert found >= interval * (0.1 if first else 0.9) * (1 - 1e-9)


@given(st.floats(1, 1e5), st.floats(0, 1))
def test_a_platform_alone_reads_anew_in_each_drift_check(interval: float, jitter: float) -> None:
    assert oldest_read(interval) <= spread(interval, interval, jitter, first=False)


def test_platforms_that_an_operator_reconciles_at_its_start_do_not_stay_together() -> None:
    interval = 600.0
    firsts = [spread(interval, interval, number / 99, first=True) for number in range(100)]
    assert sum(wait < interval / 2 for wait in firsts) > 40
