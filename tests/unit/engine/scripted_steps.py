"""Steps on a simulated world, whose outcomes follow a script."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from notebook_platform.engine import (
    Action,
    Change,
    Failed,
    Inputs,
    Observed,
    Outcome,
    Progressing,
    Ready,
    Step,
    StepError,
)
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.reconcile import Policy, reconcile

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


def graph_of(plan: list[tuple[str, tuple[str, ...], list[str]]], world: World) -> Graph:
    return Graph(Thing(name, needs, list(script), world) for name, needs, script in plan)


def run(graph: Graph, policy: Policy | None = None) -> dict[str, Any]:
    return asyncio.run(reconcile(graph, policy or Policy()))
