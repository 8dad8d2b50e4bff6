"""Changes with a gate: which ones are applied, deferred, approved or impossible."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
)
from notebook_platform.engine.change import Disruptive, Impossible, NeedsApproval, Scheduled, split_by_gate
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.reconcile import Mode, Policy
from notebook_platform.engine.step import AnyStep

from tests.unit.engine.scripted_steps import NOW, run


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


def test_a_scheduled_change_is_deferred_only_if_it_is_disruptive() -> None:
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


class Edited(Dial):
    """A resource of which another client has changed the hard member."""

    def plan(self, desired: Any, found: Any) -> Sequence[Change]:
        return [replace(change, gate=None, drift=change.path == "hard") for change in super().plan(desired, found)]


def test_drift_that_a_step_knows_of_is_left_by_policy_although_the_step_was_not_ready() -> None:
    for correct in (True, False):
        step = Edited({"easy": 1, "hard": 1})
        result = run(Graph([step]), Policy(correct_drift=correct))["Dial"]
        assert result.drift and step.there == {"easy": 1, "hard": int(correct)}
