"""The rate limit of a platform's reconciles, and what triggers them."""

from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.pace import Limits, Pace
from notebook_platform.referrers import Reference, Referrers

REFERENCE: Reference = ("Secret", "platforms", "azure-credentials")


@given(st.lists(st.floats(0, 30), min_size=1, max_size=80), st.integers(1, 120), st.integers(1, 20))
def test_a_platform_never_gets_more_reconciles_than_its_budget(pauses: list[float], per_minute: int, burst: int) -> None:
    pace, now, begun = Pace(Limits(per_minute=per_minute, burst=burst), 0.0), 0.0, []
    for pause in pauses:
        now += pause
        now += pace.take(now)
        begun.append(now)
    for first in range(len(begun)):
        for last in range(first, len(begun)):
            most = burst + (begun[last] - begun[first]) * per_minute / 60
            assert last - first + 1 <= most + 1 + 1e-6


def test_a_platform_within_its_budget_never_waits() -> None:
    pace = Pace(Limits(per_minute=60, burst=5), 0.0)
    assert [pace.take(float(second)) for second in range(100)] == [0.0] * 100


UIDS, NAMES = st.sampled_from("abc"), st.sampled_from("xyz")


@given(st.lists(st.tuples(UIDS, st.frozensets(NAMES)), max_size=30))
def test_the_index_holds_what_the_platforms_refer_to_now_and_nothing_else(changes: list[tuple[str, frozenset[str]]]) -> None:
    index, model = Referrers(), dict[str, frozenset[str]]()
    for uid, names in changes:
        index.put(uid, [("Secret", "n", name) for name in names])
        model[uid] = names
        for name in "xyz":
            reference = ("Secret", "n", name)
            expected = {one for one, named in model.items() if name in named}
            assert index.concerns(reference) == bool(expected)
            assert index.changed(reference, None) == expected


def test_unchanged_data_trigger_no_reconcile() -> None:
    index = Referrers()
    index.put("a", [REFERENCE])
    assert index.changed(REFERENCE, "1") == {"a"} and index.changed(REFERENCE, "1") == frozenset()
    assert index.changed(REFERENCE, "2") == {"a"} and index.changed(REFERENCE, None) == {"a"}
    assert index.changed(("Secret", "other", "azure-credentials"), "1") == frozenset()
