"""Steps and chart adapters hold no state between the calls of a reconcile: each call returns what the next one takes as an
argument."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from typing import Any

import notebook_platform
import pytest
from notebook_platform.engine.step import Step
from notebook_platform.helm.chart_adapter import ChartAdapter

BUILDING = {"__init__", "comes_after"}
"""Methods that run before the first reconcile call."""


def below(base: type) -> Iterator[type]:
    for found in base.__subclasses__():
        yield found
        yield from below(found)


def classes() -> list[type]:
    """Return every step and every chart adapter of the operator, with their base classes."""
    for module in pkgutil.walk_packages(notebook_platform.__path__, "notebook_platform."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = {Step, ChartAdapter, *below(Step), *below(ChartAdapter)}
    return sorted((one for one in found if one.__module__.startswith("notebook_platform.")), key=lambda one: one.__qualname__)


def assigned(source: str) -> list[str]:
    """Yield the attributes of `self` that methods assign to or into, without those that build the instance."""
    found = []
    for method in ast.walk(ast.parse(textwrap.dedent(source))):
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name in BUILDING:
            continue
        for node in ast.walk(method):
            if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
                target: ast.expr = node
                while isinstance(target, ast.Attribute | ast.Subscript):
                    target = target.value
                if isinstance(target, ast.Name) and target.id == "self":
                    found.append(f"{method.name}: {ast.unparse(node)}")
    return found


def test_the_search_finds_what_is_assigned_to_an_instance() -> None:
    source = """
    class Bad:
        def __init__(self): self.spec = 1
        def observe(self): self.read = 1; self.cache[0] += 1; other.x = 2
        async def plan(self): del self.read; (self.a, b) = 1, 2; self.spec.name = ""
    """
    expected = ["observe: self.read", "observe: self.cache[0]", "plan: self.read", "plan: self.spec.name", "plan: self.a"]
    assert sorted(assigned(source)) == sorted(expected)


@pytest.mark.parametrize("found", classes(), ids=lambda found: found.__qualname__)
def test_no_method_assigns_to_the_instance(found: type) -> None:
    assert assigned(inspect.getsource(found)) == []


class Members:
    """The members that instances had when they were built, by identity."""

    def __init__(self) -> None:
        self.built: list[tuple[object, dict[str, Any]]] = []

    def add(self, *instances: object) -> None:
        self.built += [(one, dict(vars(one))) for one in instances]

    def changed(self) -> set[str]:
        """Return the members that changed since, as `Step.member`."""
        return {
            f"{type(one).__name__}.{name}"
            for one, before in self.built
            for name in {*before, *vars(one)}
            if vars(one).get(name) is not before.get(name)
        }
