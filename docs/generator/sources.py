"""What the operator reports, read from its source: the steps, the notices, and the failures that it detects without Azure or helm."""

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
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.step import Step
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.step import ReleaseStep
from notebook_platform.hubs.field_paths import BINDERHUB, JUPYTERHUB

ROOT = Path(notebook_platform.__file__).parent
FAILURES = {"StepError": ("reason", "message", "remedy"), "Failed": (), "Finding": (), "Notice": ()}
"""Calls that make a message, and the names of their positional arguments."""

FIELDS = ("field", "where")
"""Variables that hold the path of a field of the spec."""

HUBS = {"JUPYTERHUB": JUPYTERHUB, "BINDERHUB": BINDERHUB, "fields": JUPYTERHUB}
"""What the code calls the paths of a hub's fields."""

WORDS = {"Reason": Reason, "ConditionType": ConditionType}
"""Enumerations whose members stand for their values."""

REASONS = frozenset(map(str, Reason))

DEEPEST = 3
"""How many names are resolved one through the next."""

LEFT_OUT = "…"
"""Stands for a value that only a run knows."""


@dataclass(frozen=True, kw_only=True)
class StepEntry:
    """One step as its class defines it. `about` is one sentence; `package` is the room of its module; `deleted_with` names the step
    whose deletion deletes this one too."""

    name: str
    about: str
    needs: tuple[str, ...]
    package: str
    deleted_with: str = ""


@cache
def step_entries() -> tuple[StepEntry, ...]:
    """Read all steps from their classes, each after the steps that it needs.

    `about` comes from the head of the module. Several classes may implement one step (Identity): their needs are joined.
    """
    bases = (*_subclasses(Step), *_subclasses(ChartAdapter))
    kinds = [kind for kind in bases if getattr(kind, "name", "")]  # the rest are bases of several steps
    found: dict[str, StepEntry] = {}
    for kind in kinds:
        name = kind.name
        host = ReleaseStep.deleted_with if issubclass(kind, ChartAdapter) else kind.deleted_with
        before = found.get(name)
        found[name] = StepEntry(
            name=name,
            about=_about(name, sys.modules[kind.__module__].__doc__ or "") or (before.about if before else ""),
            needs=tuple(dict.fromkeys([*(before.needs if before else ()), *map(provider_of, kind.needs)])),
            package=kind.__module__.split(".")[1],
            deleted_with=provider_of(host) if host else "",
        )
    order = TopologicalSorter({name: sorted(found[name].needs) for name in sorted(found)}).static_order()
    return tuple(found[name] for name in order)


def steps() -> list[tuple[str, str]]:
    """Return (name, what it is about) of each step, in an order in which they can run."""
    return [(entry.name, entry.about) for entry in step_entries()]


def provider_of(output: type) -> str:
    """Return the name of the step whose output is of class `output`."""
    return next(str(kind.name) for kind in _subclasses(Step) if kind.provides is output and hasattr(kind, "name"))


def _about(name: str, head: str) -> str:
    """Return what the first paragraph of a module ("Name, Name: text.") says of a step; empty when it does not name it."""
    parts = re.match(r"([A-Za-z, ]+): (.+?)(?=[.] [A-Z]|[.]$)", " ".join(head.split("\n\n")[0].split()))
    if parts is None or name not in re.split(r", | and ", parts[1]):
        return ""
    return f"{parts[2][:1].upper()}{parts[2][1:]}."


def _subclasses(kind: Any) -> Iterator[Any]:
    for below in kind.__subclasses__():
        if below.__module__.startswith(f"{notebook_platform.__name__}."):
            yield below
        yield from _subclasses(below)


@dataclass(frozen=True)
class Statement:
    """A message of the code. `name` is the condition of a notice; `retry_in` is in seconds, empty without a retry; `blocks` is false
    for a finding that stops nothing."""

    reason: str
    message: str
    remedy: str = ""
    name: str = ""
    retry_in: str = ""
    blocks: bool = True


def notices() -> list[Statement]:
    """Return the notices of all steps, by condition."""
    return sorted((made for call, made in _statements() if call == "Notice"), key=lambda made: made.name)


def failures() -> list[Statement]:
    """Return the failures that the operator detects and has a remedy for, by reason, each message once."""
    found = {made for call, made in _statements() if call != "Notice" and made.reason and made.remedy and made.blocks}
    return sorted(found, key=lambda made: (made.reason, made.message, made.remedy))


@cache
def _statements() -> tuple[tuple[str, Statement], ...]:
    return tuple(_read_statements())


def _read_statements() -> Iterator[tuple[str, Statement]]:
    for path in sorted(ROOT.rglob("*.py")):
        constants = _constants(path)
        functions = [node for node in nodes_of(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for function in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and (name := _called(node)) in FAILURES:
                    words = {**constants, **_assigned(function, node.lineno)}
                    yield name, _statement(node, FAILURES[name], words)


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a module's syntax tree; each module is parsed once a process."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def texts(path: Path) -> Iterator[str]:
    """Yield every text of a module, its docstrings included: constants are resolved, `LEFT_OUT` stands for what only a run knows."""
    constants = _constants(path)
    for node in nodes_of(path):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            yield _text(node, constants)


def _constants(path: Path) -> dict[str, ast.expr]:
    """Return the module's constants that are texts or numbers, by name."""
    parts = ("notebook_platform", *path.relative_to(ROOT).with_suffix("").parts)
    module = import_module(".".join(part for part in parts if part != "__init__"))
    return {name: ast.Constant(value) for name, value in vars(module).items() if isinstance(value, str | int | float)}


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _assigned(function: ast.AST, line: int) -> dict[str, ast.expr]:
    """Return the value that each variable of a function was last assigned above a line."""
    given = [node for node in ast.walk(function) if isinstance(node, ast.Assign) and node.lineno < line]
    given.sort(key=lambda node: node.lineno)
    return {node.targets[0].id: node.value for node in given if isinstance(node.targets[0], ast.Name)}


def _statement(call: ast.Call, positional: tuple[str, ...], words: Mapping[str, ast.expr]) -> Statement:
    given = dict(zip(positional, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
    text = {name: _text(value, words) for name, value in given.items()}
    return Statement(
        reason=text.get("reason", "").replace(LEFT_OUT, ""),
        message=text.get("message") or text.get("sentence", ""),
        remedy=text.get("remedy", ""),
        name=text.get("condition", ""),
        retry_in=text.get("retry_in", "").replace("None", ""),
        blocks=text.get("blocks") != "False",
    )


def _text(node: ast.expr, words: Mapping[str, ast.expr], depth: int = 0) -> str:
    """Return the text of an expression: variables are resolved, `LEFT_OUT` stands for what only a run knows. Of a conditional expression
    the first text counts; a choice between reasons stays open."""
    if isinstance(node, ast.IfExp):
        first = _text(node.body, words, depth)
        return LEFT_OUT if first in REASONS else first
    if isinstance(node, ast.Constant):
        return f"{node.value:g}" if isinstance(node.value, float) else str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, words, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, words, depth)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (words_of := WORDS.get(node.value.id)):
        return str(words_of[node.attr])
    if isinstance(node, ast.Name) and node.id in words and depth < DEEPEST:
        return _text(words[node.id], words, depth + 1)
    if path := _field_path(node, words):
        return path
    return "{field}" if isinstance(node, ast.Name) and node.id in FIELDS else LEFT_OUT


def _field_path(node: ast.expr, words: Mapping[str, ast.expr]) -> str:
    """Return what an expression of `hubs/field_paths.py` gives (`fields.path("host")`, `BINDERHUB.root`); empty: it is none.

    A message about either kind of hub is shown with the paths of a JupyterHub.
    """
    call = node.func if isinstance(node, ast.Call) else node
    if not isinstance(call, ast.Attribute):
        return ""
    of = call.value
    hub = HUBS.get(of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else "")
    found = getattr(hub, call.attr, "")
    if not isinstance(node, ast.Call) or not callable(found):
        return str(found)
    given = [_text(one, words) for one in node.args]
    return LEFT_OUT if LEFT_OUT in given else str(found(*given))
