"""Drift: what another client has changed, whatever has happened to the step since it was in sync."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine import Action, Change, Failed, Inputs, Observed, Outcome, Progressing, Ready
from notebook_platform.engine.change import Disruptive, Gate, Impossible, Scheduled
from notebook_platform.engine.drift import MOST_PATHS, Baseline, StepBaseline
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import ChangeWithoutEffect, StepError
from notebook_platform.engine.reconcile import Mode, Policy
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import AnyStep

from tests.properties import at_most
from tests.unit.engine.scripted_steps import run

NEVER = Impossible(Failed(reason="Immutable", message="spec.a is immutable", remedy="Set it back."))


class Panel(AnyStep):
    """A resource with members that anyone can set. `gates` are those of a member's change; `trouble` is what an apply
    raises or returns, `clock` names the members that a schedule decides."""

    name = "Panel"

    def __init__(self, **members: int) -> None:
        self.wanted, self.there = dict(members), dict(members)
        self.gates: dict[str, Gate] = {}
        self.trouble: Exception | Outcome | None = None
        self.clock: tuple[str, ...] = ()
        self.hidden = self.busy = False

    def desired(self, inputs: Inputs) -> Any:
        return self.wanted

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Any]:
        if self.hidden:
            raise StepError("Unreachable", "cannot be read", "Wait.", retry_in=1)
        busy = Progressing(reason="Updating", message="at work", requeue_after=1) if self.busy else None
        return Observed(found=dict(self.there) or None, busy=busy)

    def varying(self, desired: Any) -> dict[str, int]:
        return {key: desired[key] for key in self.clock}

    def plan(self, desired: Any, found: Any) -> Sequence[Change]:
        return [
            Change(path=key, action=Action.UPDATE, before=(found or {}).get(key), after=value, gate=self.gates.get(key))
            for key, value in (desired or {}).items()
            if (found or {}).get(key) != value
        ]

    async def apply(self, desired: Any, found: Any, changes: Sequence[Change]) -> Outcome:
        if isinstance(self.trouble, Exception):
            raise self.trouble
        self.there |= {change.path: change.after for change in changes}
        return self.trouble or Ready()

    def output(self, found: Any) -> Any:
        return found

    async def delete(self, found: Any, inputs: Inputs) -> Outcome:
        return Ready()


class World:
    """A panel, and the operator's baseline of it."""

    def __init__(self, **members: int) -> None:
        self.panel = Panel(**members)
        self.baseline = Baseline(generation=1, steps={})

    def reconcile(self, *, warn: bool = False, **policy: Any) -> Result:
        policy = {"is_drift": self.baseline.is_drift, "correct_drift": not warn, **policy}
        results = run(Graph([self.panel]), Policy(**policy))
        self.baseline = self.baseline.after(results)
        return results["Panel"]

    def edit(self, **members: int) -> None:
        self.panel.wanted |= members
        self.baseline = self.baseline.at(self.baseline.generation + 1)


def drift(result: Result) -> list[str]:
    return [change.path for change in result.drift]


@pytest.mark.parametrize("warn", [False, True])
def test_a_change_by_another_client_is_drift_and_corrected_or_only_reported(warn: bool) -> None:
    world = World(a=1, b=1)
    assert world.reconcile().drift == ()
    world.panel.there["a"] = 7
    result = world.reconcile(warn=warn)
    assert drift(result) == ["a"] and bool(result.applied) is not warn
    assert world.panel.there["a"] == (7 if warn else 1)
    assert drift(world.reconcile(warn=warn)) == (["a"] if warn else [])


@pytest.mark.parametrize("trouble", ["hidden", "busy"])
def test_it_is_drift_also_after_the_step_could_not_be_compared_for_a_while(trouble: str) -> None:
    world = World(a=1)
    world.reconcile()
    setattr(world.panel, trouble, True)
    world.reconcile()
    world.panel.there["a"] = 7
    world.reconcile()
    setattr(world.panel, trouble, False)
    result = world.reconcile(warn=True)
    assert drift(result) == ["a"] and world.panel.there["a"] == 7


def test_it_is_drift_also_beside_a_change_that_waits() -> None:
    world = World(a=1, b=1)
    world.panel.gates["a"] = Disruptive()
    world.edit(a=2)
    assert world.reconcile(window_gate="Friday").drift == ()
    world.panel.there["b"] = 7
    assert drift(world.reconcile(warn=True, window_gate="Friday")) == ["b"]
    assert world.panel.there == {"a": 1, "b": 7}
    world.reconcile(warn=True)
    assert world.panel.there == {"a": 2, "b": 7}


def test_drift_that_waits_stays_drift_until_it_is_corrected() -> None:
    world = World(a=1)
    world.panel.gates["a"] = Disruptive()
    world.reconcile()
    world.panel.there["a"] = 7
    for _ in range(2):
        result = world.reconcile(window_gate="Friday")
        assert drift(result) == ["a"] and not result.applied
    result = world.reconcile()
    assert drift(result) == ["a"] and result.applied


def test_an_edit_of_another_member_does_not_revert_reported_drift() -> None:
    world = World(a=1, b=1)
    world.reconcile()
    world.panel.there["a"] = 7
    world.reconcile(warn=True)
    world.edit(b=2)
    result = world.reconcile(warn=True)
    assert drift(result) == ["a"] and world.panel.there == {"a": 7, "b": 2}
    world.edit(a=3)
    assert drift(world.reconcile(warn=True)) == [] and world.panel.there == {"a": 3, "b": 2}


@pytest.mark.parametrize("trouble", [StepError("Conflict", "is locked", "Wait.", retry_in=1),
                                     Progressing(reason="Updating", message="at work", requeue_after=1)])  # fmt: skip
def test_an_edit_that_fails_or_ends_halfway_is_no_drift(trouble: Any) -> None:
    world = World(a=1, b=1)
    world.reconcile()
    world.edit(a=2)
    world.panel.trouble = trouble
    assert world.reconcile(warn=True).drift == ()
    world.panel.there, world.panel.trouble = {"a": 1, "b": 1}, None
    assert world.reconcile(warn=True).drift == () and world.panel.there["a"] == 2


def test_an_edit_taken_back_after_a_failure_is_no_drift() -> None:
    world = World(a=1, b=1)
    world.reconcile()
    world.edit(a=2, b=2)
    world.panel.trouble = Progressing(reason="Updating", message="at work", requeue_after=1)
    world.reconcile(warn=True)
    world.panel.there["b"], world.panel.trouble = 1, None
    world.edit(a=1, b=1)
    assert world.reconcile(warn=True).drift == () and world.panel.there == {"a": 1, "b": 1}


def test_impossible_changes_of_the_spec_are_no_drift() -> None:
    world = World(a=1, b=1)
    world.reconcile()
    world.panel.gates["a"] = NEVER
    world.edit(a=2)
    for _ in range(2):
        assert world.reconcile().drift == ()
    world.panel.there["b"] = 7
    assert drift(world.reconcile(warn=True)) == ["b"]


def test_a_change_of_the_spec_without_effect_is_no_drift() -> None:
    world = World(a=1)
    world.edit(a=2)
    world.panel.trouble = ChangeWithoutEffect("Immutable", "Azure keeps spec.a", "Remove it.")
    for _ in range(2):
        assert world.reconcile().drift == ()


def test_scheduled_changes_are_no_drift() -> None:
    world = World(a=1)
    world.reconcile()
    world.panel.gates["a"], world.panel.wanted["a"] = Scheduled(), 2
    assert world.reconcile(warn=True).drift == () and world.panel.there["a"] == 2


def test_a_schedule_that_turns_makes_no_drift_and_a_change_by_hand_between_two_turns_is_drift() -> None:
    world = World(a=1, b=1)
    world.panel.clock = ("a",)
    world.reconcile()
    world.panel.wanted["a"], world.panel.there["b"] = 2, 7
    result = world.reconcile(warn=True)
    assert drift(result) == ["b"] and world.panel.there == {"a": 2, "b": 7}
    world.reconcile(warn=True)
    world.panel.there["a"] = 7
    assert drift(world.reconcile(warn=True)) == ["a", "b"] and world.panel.there == {"a": 7, "b": 7}
    world.panel.wanted["a"] = 1
    assert drift(world.reconcile(warn=True)) == ["b"] and world.panel.there == {"a": 1, "b": 7}


def test_a_resource_that_is_not_wanted_for_a_while_is_created_again_without_drift() -> None:
    world = World(a=1)
    world.reconcile()
    members, world.panel.there, world.panel.wanted = world.panel.wanted, {}, None  # type: ignore[assignment]
    world.reconcile(warn=True)
    world.panel.wanted = members
    assert world.reconcile(warn=True).drift == () and world.panel.there == {"a": 1}


def test_a_reference_that_changes_makes_no_drift_of_the_step_that_reads_it() -> None:
    world = World(a=1)
    world.reconcile()
    world.panel.wanted["a"] = 2
    world.baseline = world.baseline.without(["Panel"])
    assert world.reconcile(warn=True).drift == () and world.panel.there["a"] == 2


def test_a_suspended_platform_shows_drift() -> None:
    world = World(a=1)
    world.reconcile(mode=Mode.PLAN)
    world.panel.there["a"] = 7
    assert drift(world.reconcile(mode=Mode.PLAN)) == ["a"] and world.panel.there["a"] == 7


def test_steps_that_the_spec_no_longer_has_are_forgotten_and_the_size_is_bounded() -> None:
    many = tuple(f"p{n}" for n in range(MOST_PATHS + 1))
    known = StepBaseline(remaining=(), reported={"a": ""})
    before = Baseline(generation=1, steps={"Gone": known, "Panel": known})
    changes = tuple(Change(path=path, action=Action.UPDATE, after=1) for path in many)
    after = before.after({"Panel": Result(outcome=Ready(), changes=changes, drift=changes, remaining=many)})
    assert set(after.steps) == {"Panel"} and after.steps["Panel"].remaining is None
    assert set(after.steps["Panel"].reported) == set(many[:MOST_PATHS])


MEMBERS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4)
ACTS = st.lists(st.tuples(st.sampled_from(["edit", "hand", "hide", "reconcile"]), MEMBERS), max_size=12)


@given(ACTS)
@at_most(200)
def test_with_warn_no_change_by_hand_is_ever_reverted_while_the_spec_stays_and_no_edit_is_lost(
    acts: list[tuple[str, Any]],
) -> None:
    """What is set by hand after a reconcile in sync stays until the spec changes, and what the spec changes arrives."""
    world = World(a=0, b=0, c=0, d=0)
    world.reconcile(warn=True)
    by_hand: dict[str, int] = {}
    for act, members in acts:
        if act == "edit":
            world.panel.hidden = False
            changed = {key: value for key, value in members.items() if world.panel.wanted[key] != value}
            world.reconcile(warn=True)  # it has seen what was set by hand before
            if changed:
                world.edit(**changed)
            world.reconcile(warn=True)
            by_hand = {key: value for key, value in by_hand.items() if key not in changed}
        elif act == "hand":
            world.panel.there |= members
            by_hand |= members
        elif act == "hide":
            world.panel.hidden = True
            world.reconcile(warn=True)
        else:
            world.panel.hidden = False
            world.reconcile(warn=True)
        assert world.panel.there == {**world.panel.wanted, **by_hand}


def test_a_result_says_nothing_of_what_it_could_not_observe() -> None:
    world = World(a=1)
    world.panel.hidden = True
    result = world.reconcile()
    assert result.remaining is None and world.baseline.steps == {}
