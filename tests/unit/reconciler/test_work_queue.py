"""The work queue: its bound, fairness between namespaces and platforms, priorities, and that no reconcile starves."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.work_queue import FEWEST, NAMESPACE_SHARE, TURNS, Priority, WorkQueue

KEYS = st.tuples(st.sampled_from("abc"), st.integers(0, 5))
PRIORITIES = st.sampled_from(Priority)
ACTIONS = st.lists(st.tuples(st.sampled_from(["add", "add", "prioritize", "start", "end"]), KEYS, PRIORITIES), max_size=120)


@given(ACTIONS, st.integers(1, 6))
def test_any_sequence_of_events_keeps_the_bounds_and_loses_no_reconcile(
    actions: list[tuple[str, tuple[str, int], Priority]], limit: int
) -> None:
    queue = WorkQueue[tuple[str, int]](limit)
    waiting: dict[tuple[str, int], tuple[Priority, float]] = {}
    running: set[tuple[str, int]] = set()
    for now, (action, key, priority) in enumerate(actions):
        if action == "add" and key not in running:
            queue.add(key, key[0], priority, float(now))
            before = waiting.get(key, (priority, float(now)))
            waiting[key] = (min(before[0], priority), before[1])
        elif action == "prioritize" and key in waiting:
            queue.prioritize(key)
            waiting[key] = (Priority.URGENT, waiting[key][1])
        elif action == "start":
            for ticket in queue.start():
                assert (ticket.priority, ticket.since) == waiting.pop(ticket.key)
                running.add(ticket.key)
        elif action == "end":
            queue.remove(key)
            running.discard(key)
            waiting.pop(key, None)
        assert queue.running == len(running) <= limit
        busy = Counter(namespace for namespace, _ in running)
        assert all(count <= math.ceil(limit * NAMESPACE_SHARE) for count in busy.values())
        assert {p: queue.waiting(p) for p in Priority} == {p: sum(q is p for q, _ in waiting.values()) for p in Priority}
    for key in running:
        queue.remove(key)
    served = {key for _ in range(200) for key in _served(queue)}
    assert served == set(waiting)


@given(st.integers(1, 40), st.lists(st.floats(0, 1), max_size=60))
def test_slots_follow_the_delay_of_the_loop_and_all_open_again(limit: int, delays: list[float]) -> None:
    queue = WorkQueue[tuple[str, int]](limit)
    for number, delay in enumerate(delays):
        queue.add(("a", number), "a", Priority.PERIODIC, float(number))
        queue.adapt(delay)
        assert min(FEWEST, limit) <= queue.slots <= limit
        before = queue.running
        assert before + len(list(queue.start())) <= max(before, queue.slots)
    for _ in range(limit):
        queue.adapt(0.0)
    assert queue.slots == limit


def test_a_loop_that_is_late_for_a_second_has_the_fewest_slots() -> None:
    queue = WorkQueue[tuple[str, int]](32)
    for _ in range(10):
        queue.adapt(0.1)
    assert queue.slots == FEWEST


def _served(queue: WorkQueue[tuple[str, int]]) -> list[tuple[str, int]]:
    tickets = list(queue.start())
    for ticket in tickets:
        queue.remove(ticket.key)
    return [ticket.key for ticket in tickets]


@given(st.lists(st.integers(1, 30), min_size=2, max_size=5))
def test_namespaces_take_turns_whatever_their_size(sizes: list[int]) -> None:
    queue = WorkQueue[tuple[str, int]](1)
    for namespace, size in enumerate(sizes):
        for number in range(size):
            queue.add((str(namespace), number), str(namespace), Priority.URGENT, 0.0)
    order = [key for _ in range(sum(sizes)) for key in _served(queue)]
    for namespace, size in enumerate(sizes):
        mine = [place for place, key in enumerate(order) if key[0] == str(namespace)]
        assert all(place < (turn + 1) * len(sizes) for turn, place in enumerate(mine))
        assert [key[1] for key in order if key[0] == str(namespace)] == list(range(size))


@given(st.integers(1, 60), st.sampled_from([Priority.FOLLOW_UP, Priority.PERIODIC]))
def test_urgent_work_goes_first_and_other_work_starts_within_a_round(flood: int, late: Priority) -> None:
    queue = WorkQueue[tuple[str, int]](1)
    queue.add(("other", 0), "other", late, 0.0)
    for number in range(flood):
        queue.add(("busy", number), "busy", Priority.URGENT, 1.0)
    order = [key for _ in range(flood + 1) for key in _served(queue)]
    assert order[:2] == [("busy", number) for number in range(min(2, flood))] + [("other", 0)] * (flood < 2)
    assert order.index(("other", 0)) < len(TURNS)


def test_a_hung_platform_in_each_slot_of_a_namespace_leaves_slots_for_other_namespaces() -> None:
    queue = WorkQueue[tuple[str, int]](8)
    for number in range(100):
        queue.add(("hangs", number), "hangs", Priority.URGENT, 0.0)
    assert len(list(queue.start())) == 6
    queue.add(("works", 0), "works", Priority.PERIODIC, 1.0)
    assert [ticket.key for ticket in queue.start()] == [("works", 0)]


@given(st.lists(st.tuples(KEYS, PRIORITIES), min_size=1, max_size=40))
def test_a_key_that_is_added_again_and_again_runs_once_for_each_slot_it_is_given(
    added: list[tuple[tuple[str, int], Priority]],
) -> None:
    """However often a watch wakes a platform while it waits, it is one reconcile."""
    queue = WorkQueue[tuple[str, int]](1)
    for key, priority in added:
        queue.add(key, key[0], priority, 0.0)
    order = [key for _ in range(len(added) + 5) for key in _served(queue)]
    assert sorted(order) == sorted({key for key, _ in added})
