"""Parse YAML and JSON of untrusted origin within a budget, in a thread if they are large.

A refused document raises `DocumentRefused`, whose text names the limit or the position and never a part of the document. No
input raises anything else. The work for a document grows linearly with its size: libyaml's scanner is quadratic in the depth
of flow collections and in the number of `%TAG` directives, so both are refused while the events arrive, before a value is
built. Anchors are expanded within the same budget (`builder`).
"""

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import isinf
from typing import Any, TypeVar

import yaml

from notebook_platform.bounded.builder import Builder
from notebook_platform.bounded.limits import Budget, DocumentRefused, DocumentTooLarge

Parsed = TypeVar("Parsed")

__all__ = [
    "DEFAULT",
    "INLINE",
    "Budget",
    "DocumentRefused",
    "DocumentTooLarge",
    "beside_the_loop",
    "measure",
    "parse_json",
    "parse_yaml",
    "parse_yaml_all",
    "read_json",
    "read_yaml",
    "read_yaml_all",
]


DEFAULT = Budget(bytes=1 << 20, nodes=100_000, depth=100)
"""A Secret or a ConfigMap holds 1 MiB at most (https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size)."""

INLINE = 4096
"""Bytes. A document up to this size takes less time to parse than to hand to a thread and back."""

THREADS = 2
"""More threads would only compete for the interpreter's lock."""

_POOL = ThreadPoolExecutor(THREADS, thread_name_prefix="parse")
_TAG_DIRECTIVE = re.compile("(?:\\A|[\n\r\x85\u2028\u2029])\ufeff?%TAG")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def parse_yaml(text: str | bytes, budget: Budget = DEFAULT) -> Any:
    """Parse one YAML document into the values that Kubernetes and Helm read from it; None when the text holds no document.

    Mapping keys become strings, as in JSON. Raises DocumentRefused, also for a second document.
    """
    documents = parse_yaml_all(text, budget)
    if len(documents) > 1:
        raise DocumentRefused("it contains more than one YAML document: keep one, or split it over several keys")
    return documents[0] if documents else None


def parse_yaml_all(text: str | bytes, budget: Budget = DEFAULT) -> list[Any]:
    """Parse a stream of YAML documents; the budget is for all of them together. Raises DocumentRefused."""
    decoded = _decoded(text, budget)
    if "%TAG" in decoded and _TAG_DIRECTIVE.search(decoded):
        raise DocumentRefused("it holds a %TAG directive, which is not accepted")
    try:
        parser = yaml.CSafeLoader(decoded)
        try:
            return Builder(budget).documents(iter(parser.get_event, None))
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DocumentRefused(f"it is not valid YAML{where}: {error.problem}") from None
    except yaml.YAMLError:
        raise DocumentRefused("it is not valid YAML: it holds a character that YAML does not allow") from None


def parse_json(text: str | bytes, budget: Budget = DEFAULT) -> Any:
    """Parse a JSON document. Raises DocumentRefused, also for NaN, Infinity and numbers beyond a float's range."""
    decoded = _decoded(text, budget)
    try:
        value = json.loads(decoded, parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise DocumentRefused(f"it is not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise DocumentTooLarge(f"it is nested deeper than {budget.depth} levels") from None
    measure(value, budget, surrogates="\\ud" in decoded or "\\uD" in decoded)
    return value


async def read_yaml(text: str | bytes, budget: Budget = DEFAULT) -> Any:
    """Parse as `parse_yaml` does, in a thread if the text is large."""
    return await beside_the_loop(len(text), partial(parse_yaml, text, budget))


async def read_yaml_all(text: str | bytes, budget: Budget = DEFAULT) -> list[Any]:
    """Parse as `parse_yaml_all` does, in a thread if the text is large."""
    return await beside_the_loop(len(text), partial(parse_yaml_all, text, budget))


async def read_json(text: str | bytes, budget: Budget = DEFAULT) -> Any:
    """Parse as `parse_json` does, in a thread if the text is large."""
    return await beside_the_loop(len(text), partial(parse_json, text, budget))


async def beside_the_loop(size: int, work: Callable[[], Parsed]) -> Parsed:
    """Run `work` in one of a few threads, or in place when `size` (bytes) is small."""
    if size <= INLINE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)


def _decoded(text: str | bytes, budget: Budget) -> str:
    if len(text) > budget.bytes:
        raise DocumentTooLarge(f"it is larger than {budget.bytes} bytes")
    try:
        if isinstance(text, bytes):
            return text.decode()
        if len(text.encode()) > budget.bytes:
            raise DocumentTooLarge(f"it is larger than {budget.bytes} bytes")
    except UnicodeError:
        raise DocumentRefused("it is not UTF-8 text") from None
    return text


def measure(value: Any, budget: Budget, *, surrogates: bool = False) -> int:
    """Count the nodes of a JSON value, level by level and without recursion.

    Raises DocumentTooLarge beyond the budget's nodes and depth, and DocumentRefused for a lone surrogate if `surrogates` is
    set.
    """
    level, nodes = [value], 0
    for depth in range(budget.depth + 2):
        nodes += len(level)
        if nodes > budget.nodes:
            raise DocumentTooLarge(f"it has more than {budget.nodes} values")
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                nodes += len(node)
                below += node.values()
                if surrogates:
                    _whole(*node)
            elif type(node) is list:
                below += node
            elif surrogates and type(node) is str:
                _whole(node)
        if depth > budget.depth or (depth == budget.depth and any(type(node) in (dict, list) for node in level)):
            raise DocumentTooLarge(f"it is nested deeper than {budget.depth} levels")
        if not below:
            break
        level = below
    return nodes


def _whole(*texts: str) -> None:
    if any(_SURROGATE.search(text) for text in texts):
        raise DocumentRefused("it holds a lone surrogate")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= 20 else _float(text)


def _float(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise DocumentRefused("it holds a number that is too large")
    return number


def _constant(text: str) -> float:
    raise DocumentRefused(f"it holds {text}, which is not valid JSON")
