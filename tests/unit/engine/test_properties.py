"""Properties of the engine over random graphs and random worlds, whatever the steps do."""

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine import (
    Failed,
    Ready,
)
from notebook_platform.engine.backoff import LONGEST_WAIT, backing_off, next_attempts, wait_after
from notebook_platform.engine.change import compare
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Deferred
from notebook_platform.engine.reconcile import Mode, Policy
from notebook_platform.engine.result import requeue_after
from notebook_platform.engine.teardown import orphan, teardown

from tests.properties import at_most
from tests.unit.engine.scripted_steps import NOW, World, graph_of, run

WORDS = st.lists(st.sampled_from(["busy", "fail", "stall", "raise"]), max_size=3)


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...], list[str]]]:
    """Generate steps that need only earlier ones: any acyclic graph, with a script for each step."""
    size = draw(st.integers(1, 7))
    found = []
    for number in range(size):
        earlier = [f"S{n}" for n in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        found.append((f"S{number}", tuple(needs), draw(WORDS)))
    return draw(st.permutations(found))


@given(plans())
@at_most(30)
def test_a_step_never_applies_before_its_needs_are_done_and_all_comes_to_rest(plan: list) -> None:
    world = World()
    graph = graph_of(plan, world)
    for _ in range(40):
        before = set(world.there)
        done_in_pass: set[str] = set()
        start = len(world.log)
        results = run(graph)
        for _, name in world.log[start:]:
            needs = set(graph.needs[name])
            assert needs <= before | done_in_pass | {n for n in needs if isinstance(results[n].outcome, Ready)}
            done_in_pass.add(name)
        if all(isinstance(r.outcome, Ready) for r in results.values()):
            break
    assert world.there == set(graph.steps)
    count = len(world.log)
    again = run(graph)
    assert len(world.log) == count, "a reconcile of a settled world applied something"
    assert requeue_after(again, 600, NOW) == 600


@given(plans())
@at_most(30)
def test_deletion_runs_in_reverse(plan: list) -> None:
    world = World()
    graph = graph_of(plan, world)
    world.there = set(graph.steps)
    for _ in range(60):
        present = set(world.there)
        results = asyncio.run(teardown(graph, {}))
        if all(isinstance(r.outcome, Ready) for r in results.values()):
            break
        assert world.there <= present
    assert world.there == set()
    last = {name: place for place, (_, name) in enumerate(world.log)}
    first: dict[str, int] = {}
    for place, (_, name) in enumerate(world.log):
        first.setdefault(name, place)
    for name, needs in graph.needs.items():
        for need in needs:
            assert last[name] < first[need], f"{need} was deleted while {name} stood on it"


@given(plans(), st.data())
@at_most(60)
def test_a_deletion_names_what_cannot_be_observed_and_deletes_nothing_below_it(plan: list, data: Any) -> None:
    world = World()
    graph = graph_of([(name, needs, []) for name, needs, _ in plan], world)
    world.there = set(graph.steps)
    world.hidden = data.draw(st.sets(st.sampled_from(sorted(graph.steps)), min_size=1))
    results = asyncio.run(teardown(graph, {}))
    first = {name for name in world.hidden if not world.hidden & ancestors(graph, name)}
    assert {name for name, result in results.items() if isinstance(result.outcome, Failed)} == first
    below = set().union(*(ancestors(graph, name) for name in world.hidden))
    assert not below & {name for _, name in world.log}
    above = {name for name in graph.steps if world.hidden & {name, *ancestors(graph, name)}}
    results = asyncio.run(orphan(graph))
    assert {name for name, result in results.items() if isinstance(result.outcome, Deferred)} == above
    assert all(isinstance(results[name].outcome, Ready) for name in graph.steps.keys() - above), "all other marks are removed"


def ancestors(graph: Graph, name: str) -> set[str]:
    """Return all steps that a step depends on, directly or not."""
    return set(graph.needs[name]).union(*(ancestors(graph, need) for need in graph.needs[name]))


@given(plans())
@at_most(30)
def test_no_outcome_loses_an_error_and_no_unforeseen_text_is_shown(plan: list) -> None:
    results = run(graph_of(plan, World()))
    conditions = {c.type: c for c in fold_conditions(results, [], generation=1, now=NOW)}
    attempts = {a.step: a for a in next_attempts(results, (), NOW, 600)}
    for name, result in results.items():
        if isinstance(result.outcome, Failed):
            assert conditions[f"{name}Ready"].reason == result.outcome.reason
            assert name in attempts
            assert conditions["Ready"].status == "False"
    assert "secret-text" not in str(conditions)


@given(plans())
@at_most(25)
def test_the_same_input_gives_the_same_conditions_and_time_alone_changes_none(plan: list) -> None:
    results = run(graph_of(plan, World()))
    first = fold_conditions(results, [], generation=3, now=NOW)
    assert fold_conditions(results, [], generation=3, now=NOW) == first
    assert fold_conditions(results, first, generation=3, now=NOW + timedelta(hours=1)) == first


@given(plans())
@at_most(25)
def test_a_plan_applies_nothing_and_names_what_would_change(plan: list) -> None:
    world = World()
    results = run(graph_of(plan, world), Policy(mode=Mode.PLAN))
    assert world.log == []
    roots = [name for name, needs, _ in plan if not needs]
    assert all(results[name].changes for name in roots)


def test_a_held_failure_is_left_alone_until_its_time() -> None:
    world = World()
    graph = graph_of([("A", (), ["fail"])], world)
    attempts = next_attempts(run(graph), (), NOW, 600)
    results = run(graph, Policy(backing_off=backing_off(attempts, NOW)))
    assert world.log == [("apply", "A")] and isinstance(results["A"].outcome, Failed)
    assert backing_off(attempts, NOW + timedelta(seconds=2)) == {}


def test_a_step_that_was_left_alone_keeps_its_turn_even_if_its_time_came_meanwhile() -> None:
    graph = graph_of([("A", (), ["fail", "fail"])], World())
    attempts = next_attempts(run(graph), (), NOW, 600)
    waiting = backing_off(attempts, NOW)
    results = run(graph, Policy(backing_off=waiting))
    late = NOW + timedelta(seconds=5)
    assert next_attempts(results, attempts, late, 600, waiting) == attempts
    (again,) = next_attempts(run(graph), attempts, late, 600)
    assert again.count == 2


@given(st.floats(0.1, 900), st.integers(1, 60), st.floats(1, 3600))
def test_waits_grow_with_each_failure_and_are_bounded(first: float, count: int, interval: float) -> None:
    failed = Failed(reason="R", message="m", remedy="r", retry_in=first)
    now, later = wait_after(failed, count, interval), wait_after(failed, count + 1, interval)
    assert first <= now <= later <= max(LONGEST_WAIT, first)
    assert wait_after(Failed(reason="R", message="m", remedy="r"), count, interval) == interval


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


OBJECTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_defaulted_members_are_no_drift_and_wanted_ones_are(wanted: dict, extra: dict) -> None:
    assert list(compare(wanted, wanted)) == []
    assert list(compare(wanted, {**extra, **wanted})) == []


@given(OBJECTS)
def test_a_missing_member_is_a_change(wanted: dict) -> None:
    leaves = {key for key, value in wanted.items() if value is not None and value != {} and value != []}
    assert {change.path.split(".")[0] for change in compare(wanted, {})} >= {k for k in leaves if not isinstance(wanted[k], dict)}
