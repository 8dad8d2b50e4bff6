"""The order of steps: who needs whom, forwards to build and backwards to delete."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from notebook_platform.engine.step import Step


class Graph:
    """Steps by name. Raises ValueError for a name used twice, a need that no step has, or a cycle."""

    def __init__(self, steps: Iterable[Step[Any, Any]]) -> None:
        self.steps: dict[str, Step[Any, Any]] = {}
        for step in steps:
            if step.name in self.steps:
                raise ValueError(f"two steps are called {step.name}")
            self.steps[step.name] = step
        for step in self.steps.values():
            if unknown := [need for need in step.needs if need not in self.steps]:
                raise ValueError(f"{step.name} needs {', '.join(unknown)}, which no step provides")
        try:
            self.order: Sequence[str] = tuple(TopologicalSorter(self.needs).static_order())
        except CycleError as error:
            raise ValueError(f"steps need each other in a circle: {' -> '.join(error.args[1])}") from None

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """For each step the steps it takes output from."""
        return {name: tuple(step.needs) for name, step in self.steps.items()}

    @property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """For each step the steps that take its output: they are deleted before it."""
        return {name: tuple(other for other, needs in self.needs.items() if name in needs) for name in self.steps}
