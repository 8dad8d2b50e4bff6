"""Properties of the engine over random graphs and random worlds, whatever the steps do."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine import (
    Action,
    Change,
    Deferred,
    Degraded,
    Failed,
    Inputs,
    Observed,
    Outcome,
    Progressing,
    Ready,
    Step,
    StepError,
)
from notebook_platform.engine.backoff import LONGEST_WAIT, backing_off, next_attempts, wait_after
from notebook_platform.engine.change import Disruptive, Impossible, NeedsApproval, Scheduled, compare, split_by_gate
from notebook_platform.engine.conditions import fold_conditions, was_applied
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import requeue_after
from notebook_platform.engine.step import AnyStep
from notebook_platform.engine.teardown import orphan, teardown

from tests.properties import at_most

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A simulated world: what exists, what happens, and in which order. What is `hidden` cannot be observed."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.hidden: set[str] = set()
        self.log: list[tuple[str, str]] = []


class Made:
    """Base of the outputs: each step has its own class."""


CLASSES: dict[str, type[Made]] = {}
"""The classes of the outputs, by the step's name."""


def class_of(name: str) -> type[Made]:
    return CLASSES.setdefault(name, type(name, (Made,), {}))


class Thing(Step[str, str, Made]):
    """A step on a simulated world: it follows a script of outcomes, then its resource exists."""

    def __init__(self, name: str, needs: tuple[str, ...], script: list[str], world: World) -> None:
        self.name, self.provides, self.needs = name, class_of(name), tuple(map(class_of, needs))
        self._script, self._world = script, world

    def desired(self, inputs: Inputs) -> str:
        assert all(inputs.get(need) for need in self.needs), "a step was run before its needs were Ready or Deferred"
        return self.name

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[str]:
        if self.name in self._world.hidden:
            raise StepError("Hidden", f"{self.name} cannot be read", "Wait.")
        return Observed(found=self.name if self.name in self._world.there else None)

    def plan(self, desired: str | None, found: str | None) -> Sequence[Change]:
        return () if found else [Change(path=self.name, action=Action.CREATE, after=desired)]

    async def apply(self, desired: str | None, found: str | None, changes: Sequence[Change]) -> Outcome:
        self._world.log.append(("apply", self.name))
        word = self._script.pop(0) if self._script else "done"
        if word == "busy":
            return Progressing(reason="Creating", message="at work", requeue_after=1)
        if word == "fail":
            return Failed(reason="Broken", message=f"{self.name} broke", remedy="wait", retry_in=1)
        if word == "stall":
            raise StepError("Stuck", f"{self.name} is stuck", "help")
        if word == "raise":
            raise RuntimeError("secret-text")
        self._world.there.add(self.name)
        return Ready()

    def output(self, found: str | None) -> Made | None:
        return class_of(found)() if found else None

    def planned_output(self, desired: str) -> Made:
        return class_of(desired)()

    async def delete(self, found: str, inputs: Inputs) -> Outcome:
        self._world.log.append(("delete", self.name))
        word = self._script.pop(0) if self._script else "done"
        if word in ("busy", "fail"):
            return Progressing(reason="Deleting", message="at work", requeue_after=1)
        self._world.there.discard(self.name)
        return Ready()


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


def graph_of(plan: list[tuple[str, tuple[str, ...], list[str]]], world: World) -> Graph:
    return Graph(Thing(name, needs, list(script), world) for name, needs, script in plan)


def run(graph: Graph, policy: Policy | None = None) -> dict[str, Any]:
    return asyncio.run(reconcile(graph, policy or Policy()))


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
@pytest.mark.parametrize("end", [partial(teardown, backing_off={}), orphan])
def test_a_deletion_names_what_cannot_be_observed_and_deletes_nothing_below_it(end: Any, plan: list, data: Any) -> None:
    world = World()
    graph = graph_of([(name, needs, []) for name, needs, _ in plan], world)
    world.there = set(graph.steps)
    world.hidden = data.draw(st.sets(st.sampled_from(sorted(graph.steps)), min_size=1))
    results = asyncio.run(end(graph))
    first = {name for name in world.hidden if not world.hidden & ancestors(graph, name)}
    assert {name for name, result in results.items() if isinstance(result.outcome, Failed)} == first
    below = set().union(*(ancestors(graph, name) for name in world.hidden))
    assert not below & {name for _, name in world.log}


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


def test_drift_is_corrected_or_only_reported_by_policy() -> None:
    for correct in (True, False):
        world = World()
        graph = graph_of([("A", (), [])], world)
        run(graph)
        conditions = fold_conditions(run(graph), [], generation=1, now=NOW)
        world.there.clear()
        world.log.clear()
        policy = Policy(applied_steps={"A"} if was_applied("A", conditions, 1) else (), correct_drift=correct)
        result = run(graph, policy)["A"]
        assert result.drift and bool(world.log) is correct


class Dial(AnyStep):
    """A resource with one mutable and one immutable member."""

    name = "Dial"

    def __init__(self, wanted: dict[str, int]) -> None:
        self._wanted, self.there = wanted, {"easy": 0, "hard": 0}

    def desired(self, inputs: Inputs) -> Any:
        return self._wanted

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Any]:
        return Observed(found=dict(self.there))

    def plan(self, desired: Any, found: Any) -> Sequence[Change]:
        never = Failed(reason="Immutable", message="spec.hard is immutable", remedy="Set it back.")
        return [
            Change(
                path=key, action=Action.UPDATE, before=found[key], after=value, gate=Impossible(never) if key == "hard" else None
            )
            for key, value in desired.items()
            if found[key] != value
        ]

    async def apply(self, desired: Any, found: Any, changes: Sequence[Change]) -> Outcome:
        self.there |= {change.path: change.after for change in changes}
        return Progressing(reason="Updating", message="at work", requeue_after=1)

    def output(self, found: Any) -> Any:
        return found

    async def delete(self, found: Any, inputs: Inputs) -> Outcome:
        return Ready()


def test_the_plan_reports_impossible_changes_and_possible_ones_are_applied() -> None:
    dial = Dial({"easy": 1, "hard": 1})
    planned = run(Graph([dial]), Policy(mode=Mode.PLAN))["Dial"]
    assert [(c.path, c.gate and c.gate.failed.reason) for c in planned.changes] == [("easy", None), ("hard", "Immutable")]
    assert isinstance(run(Graph([dial]))["Dial"].outcome, Progressing)
    assert dial.there == {"easy": 1, "hard": 0}
    last = run(Graph([dial]))["Dial"]
    assert (
        isinstance(last.outcome, Deferred) and last.outcome.needs_user and last.outcome.reason == "Immutable" and not last.drift
    )


class Ailing(Dial):
    """A Dial whose change cannot be made and whose resource does not work."""

    def check_health(self, found: Any) -> Outcome | None:
        return Degraded(reason="HubDown", message="The hub does not answer", requeue_after=5, stall_after=60)


def test_a_change_that_cannot_be_made_does_not_hide_the_health_of_the_resource() -> None:
    outcome = run(Graph([Ailing({"hard": 1})]))["Dial"].outcome
    assert isinstance(outcome, Degraded) and outcome.reason == "HubDown"
    assert outcome.message == "The hub does not answer; spec.hard is immutable. Set it back."


class Careful(Dial):
    """A Dial with values that require approval (99) or a time without active users (50)."""

    def __init__(self, **wanted: int) -> None:
        super().__init__(wanted)
        self.there = dict.fromkeys(wanted, 0)

    def plan(self, desired: Any, found: Any) -> Sequence[Change]:
        asked = Failed(reason="Asked", message="it is asked", remedy="Say yes.")
        gates = {99: NeedsApproval(asked), 50: Disruptive()}
        return [replace(change, gate=gates.get(change.after)) for change in super().plan(desired, found)]

    async def apply(self, desired: Any, found: Any, changes: Sequence[Change]) -> Outcome:
        await super().apply(desired, found, changes)
        return Ready()


def test_a_deferred_change_is_reported_and_other_changes_are_applied() -> None:
    step = Careful(a=1, b=99, c=50)
    graph = Graph([step])
    result = run(graph, Policy(window_gate="the window"))["Dial"]
    assert result.applied and isinstance(result.outcome, Deferred) and step.there == {"a": 1, "b": 0, "c": 0}
    assert (result.outcome.reason, result.outcome.needs_user, result.outcome.message) == ("Asked", True, "it is asked. Say yes.")
    run(graph)
    assert step.there == {"a": 1, "b": 0, "c": 50}
    conditions = {c.type: c for c in fold_conditions({"Dial": run(graph)["Dial"]}, [], generation=1, now=NOW)}
    assert conditions["Ready"].reason == conditions["Stalled"].reason == "Asked" and conditions["Stalled"].status == "True"
    assert conditions["Reconciling"].status == "False"


def test_what_the_spec_schedules_is_no_drift_and_waits_only_if_it_disrupts() -> None:
    calm, loud = (Change(path=p, action=Action.UPDATE, gate=Scheduled(disruptive=p == "loud")) for p in ("calm", "loud"))
    assert split_by_gate([calm, loud], "").now == (calm, loud)
    split = split_by_gate([calm, loud], "the window")
    assert (split.now, split.deferred, split.later) == ((calm,), (loud,), True)


def test_the_gate_is_evaluated_once_and_only_for_disruptive_changes() -> None:
    asked: list[int] = []

    async def query_gate() -> str:
        asked.append(1)
        return "2 user servers stop"

    run(Graph([Careful(a=1)]), Policy(query_gate=query_gate))
    assert not asked
    result = run(Graph([Careful(c=50)]), Policy(query_gate=query_gate))["Dial"]
    assert "is deferred until 2 user servers stop" in result.outcome.message and result.requeue_after == 60 and asked == [1]
    beside = run(Graph([Careful(a=1, c=50)]), Policy(query_gate=query_gate))["Dial"]
    assert beside.applied and beside.requeue_after == 60


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
