"""A step that waits for another step reports at once what only its user can correct."""

from collections.abc import Set

import pytest
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Progressing, Ready, StepError, Waiting
from notebook_platform.engine.reconcile import Policy

from tests.unit.engine.scripted_steps import Thing, World, class_of, run

TYPO = Failed(reason="ChartNotFound", message="no such chart", remedy="Correct it.")
WORK = Progressing(reason="DryRunning", message="Helm renders it", requeue_after=1)


class Checked(Thing):
    """A step with an early check, whose result is given."""

    checks_early = True

    def __init__(self, found: Failed | Progressing | Exception | None, world: World) -> None:
        super().__init__("Release", ("Cluster", "Registry"), [], world)
        self._early = found
        self.asked: list[Set[type]] = []

    async def check_early(self, missing: Set[type]) -> Failed | Progressing | None:
        self.asked.append(missing)
        if isinstance(self._early, Exception):
            raise self._early
        return self._early


def graph(step: Checked, world: World) -> Graph:
    world.there.add("Registry")
    return Graph([Thing("Cluster", (), ["busy", "busy"], world), Thing("Registry", (), [], world), step])


@pytest.mark.parametrize("found", [TYPO, StepError.of(TYPO)])
def test_what_only_the_user_can_correct_is_reported_while_the_step_waits(found: Failed | Exception) -> None:
    world = World()
    step = Checked(found, world)
    results = run(graph(step, world), Policy(check_early=True))
    assert results["Release"].outcome.reason == "ChartNotFound" and step.asked == [{class_of("Cluster")}]
    assert isinstance(results["Cluster"].outcome, Progressing) and ("apply", "Release") not in world.log


@pytest.mark.parametrize(
    "found", [None, WORK, Failed(reason="RepositoryUnreachable", message="m", remedy="r", retry_in=30), ValueError("x")]
)
def test_anything_else_is_left_to_the_step_itself(found: Failed | Progressing | Exception | None) -> None:
    world = World()
    results = run(graph(Checked(found, world), world), Policy(check_early=True))
    assert results["Release"].outcome == Waiting(on=("Cluster",))


def test_what_was_found_stays_until_its_time_to_retry_and_nothing_is_checked_again() -> None:
    world = World()
    step = Checked(None, world)
    results = run(graph(step, world), Policy(check_early=True, backing_off={"Release": TYPO}))
    assert results["Release"].outcome == TYPO and step.asked == []
    failed = Failed(reason="HelmFailed", message="m", remedy="r", retry_in=30)
    results = run(graph(step, world), Policy(backing_off={"Release": failed}))
    assert results["Release"].outcome == Waiting(on=("Cluster",)) and step.asked == []


def test_a_step_that_can_run_is_not_checked_early() -> None:
    world = World()
    world.there |= {"Cluster"}
    step = Checked(TYPO, world)
    results = run(graph(step, world), Policy(check_early=True))
    assert isinstance(results["Release"].outcome, Ready) and step.asked == []
