"""What the operator can say, read from its source: the steps, the notices, and the failures it finds by itself."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from typing import Any

import notebook_platform
import notebook_platform.clients
from notebook_platform.engine.step import Step
from notebook_platform.helm.chart_adapter import ChartAdapter

ROOT = Path(notebook_platform.__file__).parent
FAILURES = {"StepError": ("reason", "message", "remedy"), "Failed": (), "Finding": (), "Notice": ()}
"""Calls that say something, and the names of their positional arguments."""

FIELDS = ("field", "where")
"""Names that hold the part of the spec that is spoken of."""

DEEPEST = 3
"""So many names are followed one into the other."""

LEFT_OUT = "…"
"""Stands for what is only known when it is said."""


def steps() -> list[tuple[str, str]]:
    """(name, what it is about) of each step and of each release's content, in an order in which they can run: the heads of their
    modules say it."""
    needs: dict[str, set[str]] = {}
    about: dict[str, str] = {}
    bases = (*_subclasses(Step), *_subclasses(ChartAdapter))
    kinds = [kind for kind in bases if getattr(kind, "name", "")]  # the rest are bases of several steps
    providers = {kind.provides: kind.name for kind in kinds if issubclass(kind, Step) and kind.provides is not None}
    for kind in kinds:
        name = kind.name
        needs.setdefault(name, set()).update(providers[need] for need in kind.needs)
        head = sys.modules[kind.__module__].__doc__ or ""
        told = re.match(r"([A-Za-z, ]+): (.+?)(?=[.] [A-Z]|[.]$)", " ".join(head.split("\n\n")[0].split()))
        if told and name in re.split(r", | and ", told[1]):
            about[name] = f"{told[2][:1].upper()}{told[2][1:]}."
    order = TopologicalSorter({name: sorted(needs[name]) for name in sorted(needs)}).static_order()
    return [(name, about.get(name, "")) for name in order]


def _subclasses(kind: Any) -> Iterator[Any]:
    for below in kind.__subclasses__():
        if below.__module__.startswith(f"{notebook_platform.__name__}."):
            yield below
        yield from _subclasses(below)


@dataclass(frozen=True)
class Told:
    """A place in the code where something is said. `name` is the condition of a notice; `retry_in` are seconds, empty when it is
    not tried again; `blocks` is false for what stops nothing."""

    reason: str
    message: str
    remedy: str = ""
    name: str = ""
    retry_in: str = ""
    blocks: bool = True


def notices() -> list[Told]:
    """The notices that steps give, by condition."""
    return sorted((told for call, told in _said() if call == "Notice"), key=lambda told: told.name)


def failures() -> list[Told]:
    """The failures that the operator finds by itself and has a remedy for, by reason; the same words are told once."""
    found = {told for call, told in _said() if call != "Notice" and told.reason and told.remedy and told.blocks}
    return sorted(found, key=lambda told: (told.reason, told.message, told.remedy))


@cache
def _said() -> tuple[tuple[str, Told], ...]:
    return tuple(_say())


def _say() -> Iterator[tuple[str, Told]]:
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = _constants(path)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for function in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and (name := _called(node)) in FAILURES:
                    words = {**constants, **_assigned(function, node.lineno)}
                    yield name, _told(node, FAILURES[name], words)


def _constants(path: Path) -> dict[str, ast.expr]:
    """The texts and numbers that a module knows by name."""
    parts = ("notebook_platform", *path.relative_to(ROOT).with_suffix("").parts)
    module = import_module(".".join(part for part in parts if part != "__init__"))
    return {name: ast.Constant(value) for name, value in vars(module).items() if isinstance(value, str | int | float)}


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _assigned(function: ast.AST, line: int) -> dict[str, ast.expr]:
    """What the names of a function were last given above a line."""
    given = [node for node in ast.walk(function) if isinstance(node, ast.Assign) and node.lineno < line]
    given.sort(key=lambda node: node.lineno)
    return {node.targets[0].id: node.value for node in given if isinstance(node.targets[0], ast.Name)}


def _told(call: ast.Call, positional: tuple[str, ...], words: Mapping[str, ast.expr]) -> Told:
    given = dict(zip(positional, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
    text = {name: _text(value, words) for name, value in given.items()}
    return Told(
        reason=text.get("reason", "").replace(LEFT_OUT, ""),
        message=text.get("message") or text.get("sentence", ""),
        remedy=text.get("remedy", ""),
        name=text.get("condition", ""),
        retry_in=text.get("retry_in", "").replace("None", ""),
        blocks=text.get("blocks") != "False",
    )


def _text(node: ast.expr, words: Mapping[str, ast.expr], depth: int = 0) -> str:
    """The text of an expression; names stand for what they were given, and what cannot be known is left out."""
    if isinstance(node, ast.Constant):
        return f"{node.value:g}" if isinstance(node.value, float) else str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, words, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, words, depth)
    if isinstance(node, ast.Name) and node.id in words and depth < DEEPEST:
        return _text(words[node.id], words, depth + 1)
    return "{field}" if isinstance(node, ast.Name) and node.id in FIELDS else LEFT_OUT
