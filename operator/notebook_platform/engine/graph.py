"""Order the steps: which step needs which, forwards to create and backwards to delete."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

from notebook_platform.engine.step import AnyStep, Inputs


class Graph:
    """The steps by name. `needs` names for each step those that it needs or comes after.

    Raises ValueError for a duplicate name or output class, a need that no step provides, or a cycle.
    """

    def __init__(self, steps: Iterable[AnyStep]) -> None:
        self.steps: dict[str, AnyStep] = {}
        self._providers: dict[type, str] = {}
        for step in steps:
            if step.name in self.steps:
                raise ValueError(f"two steps are called {step.name}")
            self.steps[step.name] = step
            if step.provides is not None and self._providers.setdefault(step.provides, step.name) != step.name:
                raise ValueError(f"{self._providers[step.provides]} and {step.name} provide the same {step.provides.__name__}")
        self.needs: Mapping[str, tuple[str, ...]] = {name: self._needs(step) for name, step in self.steps.items()}
        self.order: Sequence[str] = _order(tuple(self.needs.items()))

    def _needs(self, step: AnyStep) -> tuple[str, ...]:
        unmet = [kind.__name__ for kind in step.needs if kind not in self._providers]
        if unmet := [*unmet, *(name for name in step.after if name not in self.steps)]:
            raise ValueError(f"{step.name} needs {', '.join(unmet)}, which no step provides")
        return (*(self._providers[kind] for kind in step.needs), *step.after)

    def provider(self, kind: type) -> str | None:
        """Return the name of the step whose output is of class `kind`; None when the graph has none."""
        return self._providers.get(kind)

    def inputs(self, name: str, made: Mapping[str, object]) -> Inputs:
        """Return the inputs of step `name`, from the outputs by step that exist so far."""
        given = (made.get(self._providers[kind]) for kind in self.steps[name].needs)
        return Inputs(*(output for output in given if output is not None))

    @property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """Return for each step the steps that need it: they are deleted before it."""
        return {name: tuple(other for other, needs in self.needs.items() if name in needs) for name in self.steps}


@lru_cache(maxsize=64)
def _order(needs: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, ...]:
    """Return the steps, each after those that it needs. Platforms with the same steps share the result. Raises ValueError for a cycle."""
    try:
        return tuple(TopologicalSorter(dict(needs)).static_order())
    except CycleError as error:
        raise ValueError(f"steps need each other in a cycle: {' -> '.join(error.args[1])}") from None
