"""Values of a chart from several documents."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from notebook_platform.api.hubs import ValuesFrom
from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.cache import YamlCache
from notebook_platform.bounded.documents import Budget, DocumentRefused, DocumentTooLarge, measure
from notebook_platform.engine.outcome import StepError
from notebook_platform.kube.secrets import SecretStore

Values = dict[str, Any]
Path = tuple[str, ...]
"""The keys that lead to a value."""

Source = tuple[str, Mapping[str, Any]]
"""(template of a place in the spec with `{path}`, values)."""

BUDGET = Budget(bytes=1 << 20, nodes=10_000, depth=64)
"""Of all values of one release together. Helm keeps values and manifest in one Secret, which holds 1 MiB; the largest default values
of public charts have some 3,000 nodes. Values are merged and compared on the event loop: 10,000 nodes take about a tenth of a second."""

_PARSED = YamlCache()


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """Return a deep merge; `over` takes precedence."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


async def documents(
    store: SecretStore, sources: Iterable[ValuesFrom], field: str, inline: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return the documents of `<field>.valuesFrom`, in order; they are shared and must not be changed. `inline` are
    `<field>.values`, which count towards the limits too.

    Raises StepError (missing object or key, ValuesNotYaml, ValuesTooLarge).
    """
    found: list[Mapping[str, Any]] = []
    size, nodes = 0, _nodes(inline, BUDGET.nodes, f"{field}.values")
    for place, source in enumerate(sources):
        where = f"{field}.valuesFrom[{place}]"
        if source.kind == "Secret":
            text = (await store.read(source.name, source.key, field=where))[source.key]
        else:
            text = await store.config_map(source.name, source.key, field=where)
        document_in = f"{where}: {source.kind} {source.name!r}, key {source.key!r}"
        size += len(text)
        if size > BUDGET.bytes:
            raise StepError(
                Reason.VALUES_TOO_LARGE,
                f"{document_in}: the documents of {field}.valuesFrom are larger than {BUDGET.bytes} bytes together",
                "Remove values that the chart does not need; put files into ConfigMaps that the chart's Pods mount.",
            )
        document = await _mapping(text, document_in)
        nodes += _nodes(document, BUDGET.nodes - nodes, document_in)
        found.append(document)
    return found


def named_sources(
    field: str, values_from: Sequence[ValuesFrom], documents: Sequence[Mapping[str, Any]], inline: Mapping[str, Any]
) -> Iterator[Source]:
    """Yield (place, values) for each document of `<field>.valuesFrom` and for `<field>.values`, in the order in which they are merged.

    A place is a template: `{path}` stands for the path of a value.
    """
    for place, document in enumerate(documents):
        source = values_from[place] if place < len(values_from) else None
        label = f" ({source.kind} {source.name})" if source else ""
        yield f"{field}.valuesFrom[{place}]{label}: {{path}}", document
    yield f"{field}.values.{{path}}", inline


def _nodes(values: Mapping[str, Any], left: int, where: str) -> int:
    try:
        return measure(values, replace(BUDGET, nodes=left))
    except DocumentTooLarge:
        raise StepError(
            Reason.VALUES_TOO_LARGE,
            f"{where}: the values of one release have more than {BUDGET.nodes} members, or more than {BUDGET.depth} levels",
            "Remove values that the chart does not need; put files into ConfigMaps that the chart's Pods mount.",
        ) from None


async def _mapping(text: str, document_in: str) -> Mapping[str, Any]:
    try:
        document = await _PARSED.read(text, BUDGET)
    except DocumentTooLarge as refused:
        raise StepError(
            Reason.VALUES_TOO_LARGE, f"{document_in} cannot be read: {refused}", "Remove values that the chart does not need."
        ) from None
    except DocumentRefused as refused:
        raise StepError(
            Reason.VALUES_NOT_YAML,
            f"{document_in} cannot be read: {refused}",
            f"Correct {document_in}. The operator reads it again after each change.",
        ) from None
    if document is not None and not isinstance(document, dict):
        raise StepError(
            Reason.VALUES_NOT_YAML,
            f"{document_in} does not hold a YAML mapping",
            f"Correct {document_in}. The operator reads it again after each change.",
        )
    return document or {}


def mapping_in(value: Any) -> Mapping[str, Any]:
    """Return a value that is a mapping, and an empty mapping for any other: an adopted release may hold anything."""
    return value if isinstance(value, Mapping) else {}


def list_in(value: Any) -> Sequence[Any]:
    """Return a value that is a list, and an empty one for any other."""
    return value if isinstance(value, list) else ()


def has(values: Any, path: Path) -> bool:
    """Return whether there is a value at a path, null included."""
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True


@lru_cache(maxsize=1024)
def path_of(text: str) -> Path:
    """Parse a path: `a.b[c.d]` gives (a, b, c.d). Paths are the code's own, so that few are remembered, and no author chooses them."""
    return tuple(quoted or plain for quoted, plain in re.findall(r"\[([^\]]+)\]|([^.\[\]]+)", text))


def kind_of(value: Any) -> str:
    """Describe the kind of a value in words, without the value."""
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        (list, "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "a mapping")
